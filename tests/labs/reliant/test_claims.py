"""The claims are judged from predictions: each rule on predictions of which the answer is known."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.reliant import LAB
from workbench.labs.reliant.common.intervals import contrast, outcomes, single
from workbench.labs.reliant.common.published import logs
from workbench.labs.reliant.views.tradeoff import frontier

N = 1500
PLAIN = {"teacher": 0.15, "kd": 0.15, "reg": 0.1, "const": 0.1, "reliant": 0.1, "full": 0.1, "drop": 0.15, "other": 0.1}


def result(gaps=None, errors=None, seeds=5, n=N, auc=0.7, frames=None):
    """Return a result in which an arm favors group 0 by `gaps` and errs in `errors` of the cases."""
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, n), rng.integers(0, 2, n)
    rows, probs = [], []

    def add(seed, about, gap, error):
        draw = rng.random(n)
        hit = np.where(rng.random(n) < error, 1 - y, y)
        hit = np.where((s == 0) & (draw < gap), 1, hit)
        hit = np.where((s == 1) & (draw < gap), 0, hit)
        rows.append({"set": "g", "seed": seed, "at": len(rows), "proxy_auc": np.nan} | about)
        probs.append(np.where(hit == 1, 200, 50).astype(np.uint8))

    for seed in range(seeds):
        for arm, gap in (PLAIN | (gaps or {})).items():
            about = {"teacher": "gcn", "student": "sgc", "arm": arm, "alpha": 10, "metric": "sp"}
            if arm in ("teacher", "kd", "drop"):
                about |= {"alpha": 0} | ({"student": "-", "metric": "-"} if arm == "teacher" else {})
            if arm == "other":
                about |= {"arm": "reliant", "metric": "eo"}
            if arm == "reliant":
                about["proxy_auc"] = auc + 0.01 * rng.normal()
            add(seed, about, gap, (errors or {}).get(arm, 0.1))
        for teacher in ("gcn", "sage"):
            for student in ("plp", "akd"):
                for arm, gap in (frames or {"kd": 0.15, "reliant": 0.05}).items():
                    add(
                        seed, {"teacher": teacher, "student": student, "arm": arm, "alpha": 0, "metric": "sp"}, gap, 0.1
                    )
    arrays = {"probs_g": np.stack(probs), "cases_g": np.tile(np.arange(n, dtype=np.int32), (seeds, 1))}
    arrays |= {"labels_g": y.astype(np.int8), "groups_g": s[:, None].astype(np.int8)}
    return Result(tables={"runs": pd.DataFrame(rows)}, arrays=arrays)


JUDGE = {claim.key: claim.judge for claim in LAB.claims}
WHEN = {  # claim: what makes it hold, and what makes it fail
    "inherits": ({}, {"gaps": {"kd": 0.0}}),
    "exaggerates": ({"gaps": {"kd": 0.4}}, {"gaps": {"kd": 0.0}}),
    "lowers": ({"gaps": {"reliant": 0.0}}, {"gaps": {"reliant": 0.3}}),
    "proxies": ({"errors": {"reliant": 0.0}}, {"errors": {"reliant": 0.3}}),
    "agnostic": ({}, {"frames": {"kd": 0.05, "reliant": 0.2}}),
    "tradeoff": (None, None),
    "carries": ({"auc": 0.8}, {"auc": 0.5}),
    "dropping": ({}, {"gaps": {"drop": 0.0}}),
}


@pytest.mark.parametrize("key", [k for k, v in WHEN.items() if v[0] is not None])
def test_a_claim_holds_and_fails_as_the_predictions_say(key):
    holds, fails = WHEN[key]
    for about, word in ((holds, "holds"), (fails, "does not hold")):
        verdict = JUDGE[key](result(**about))
        assert verdict.verdict == word, verdict
        assert verdict.why and all(np.isfinite(v) for v in verdict.numbers.values())


def test_equal_arms_are_within_noise_and_a_high_price_is_no_small_cost():
    assert JUDGE["proxies"](result()).verdict == "within noise"
    assert JUDGE["exaggerates"](result()).verdict == "within noise"
    assert JUDGE["lowers"](result(gaps={"reliant": 0.0}, errors={"reliant": 0.3})).verdict == "does not hold"
    assert JUDGE["tradeoff"](result(gaps={"other": 0.4})).verdict == "does not hold"  # its ΔEO is larger too


def test_too_few_seeds_or_nothing_are_no_test():
    for judge in JUDGE.values():
        assert judge(result(seeds=3, n=100)).verdict == "not tested"
        assert judge(Result()).verdict == "not tested"


def test_drawing_counts_is_drawing_cases():
    """The interval of one arm's ΔSP against a plain bootstrap over nodes."""
    found = outcomes(result(seeds=1), "g")
    row = found.select(arm="kd", student="sgc")
    mean, low, high = single(found, row, "sp")
    y, s = found.truth(0)
    hit, rng = found.hits(row.iloc[0]), np.random.default_rng(1)
    draws = []
    for _ in range(1500):
        rows = rng.integers(0, N, N)
        draws.append(abs(hit[rows][s[rows] == 0].mean() - hit[rows][s[rows] == 1].mean()))
    assert mean == pytest.approx(abs(hit[s == 0].mean() - hit[s == 1].mean()))
    assert (low, high) == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=0.006)


def test_a_contrast_is_paired():
    """Two arms with the same predictions differ by nothing, whatever is drawn."""
    found = outcomes(result(), "g")
    rows = found.select(arm="kd", student="sgc")
    assert contrast(found, [rows, rows], "sp", [1.0, -1.0]) == (0.0, 0.0, 0.0)


def test_the_authors_logs_are_all_there():
    frame = logs()
    assert len(frame) == 32 and frame.drop(columns=["set", "framework", "teacher", "metric"]).apply(
        lambda c: c.between(0, 1)
    ).all(axis=None)
    lowered = frame[frame["metric"] == "sp"]
    assert (lowered["sp"] < lowered["teacher_sp"]).all()  # 16 of 16, as counted


def test_the_frontier_is_what_no_other_point_beats():
    gap, good = np.array([3.0, 1.0, 2.0, 1.0]), np.array([0.9, 0.7, 0.8, 0.6])
    assert frontier(gap, good) == [1, 2, 0]
