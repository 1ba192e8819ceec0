"""Every verdict of every claim, on tables made so that the answer is known."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.labs.rs import claims
from workbench.labs.rs.common import correlate

N = 40
CONTESTS = [("rs", other) for other in claims.HEADLINE] + [("rs_eps1", "rs")]


def tasks(
    quality: dict[str, float], difficulty: float = 0.1, bias: float = 0.01, noise: float = 0.002, **group
) -> pd.DataFrame:
    """Return a group of tasks whose measures follow the accuracy as tightly as `quality` says (1: exactly)."""
    rng = np.random.default_rng(0)
    ease = rng.permutation(np.linspace(-1, 1, N))  # (N,)
    frame = pd.DataFrame({"dataset": "digits", "setting": "clean", "kind": "pairs"} | group, index=range(N))
    frame["task"] = [f"t{i}" for i in range(N)]
    for shift, name in zip((-bias, 0, bias), ("lr", "svc", "knn"), strict=True):
        frame[name] = 0.8 + difficulty * ease + shift + noise * rng.normal(size=N)
    frame["mean"] = frame[["lr", "svc", "knn"]].mean(axis=1)
    for name in ("rs", "rs_eps1", "dsi", "n2", "lsc", "density", "gsi"):
        q = quality.get(name, 0.5)
        frame[name] = q * ease + (1 - abs(q)) * rng.normal(size=N)
    return frame


def result(*frames: pd.DataFrame) -> Result:
    found = pd.concat(frames, ignore_index=True)
    measures = ["rs", "rs_eps1", "dsi", "n2", "lsc", "density", "gsi"]
    tables = {
        "tasks": found,
        "correlation": correlate.correlation(found, measures, np.random.default_rng(0), draws=200),
        "ranking": correlate.ranking(found, np.random.default_rng(0), draws=50),
        "judging": correlate.judging(found, np.random.default_rng(0), outer=100, inner=100),
        "spread": correlate.spread(found, lambda name: np.random.default_rng(0)),
        "contest": correlate.contest(found, CONTESTS, lambda name: np.random.default_rng(0)),
    }
    return Result(tables=tables)


def verdict(judge, given: Result) -> str:
    found = judge(given)
    assert all(isinstance(v, float) for v in found.numbers.values()), found.numbers
    assert found.why and (found.numbers or found.verdict == "not tested")
    return found.verdict


@pytest.mark.parametrize("key", ["C1", "C2", "C3", "C4", "C5", "beats", "eps1"])
def test_an_empty_or_stopped_result_tests_nothing(key):
    claim = next(c for c in get_lab("rs").claims if c.key == key)
    assert verdict(claim.judge, Result(partial=True)) == "not tested"
    few = dict(result(tasks({}).head(8)).tables) | {
        "graded": graded(1.0, seeds=1),
        "failures": failures(1.0, 0.1, seeds=2),
    }
    assert verdict(claim.judge, Result(tables=few)) == "not tested"


def test_c1_data_or_classifier():
    assert verdict(claims.accuracy_alone, result(tasks({}, difficulty=0.1, bias=0.01))) == "holds"
    assert verdict(claims.accuracy_alone, result(tasks({}, difficulty=0.001, bias=0.1))) == "does not hold"
    even = tasks({}, difficulty=0.1, bias=0.058)  # sd of the uniform on -1..1 is 0.58
    assert verdict(claims.accuracy_alone, result(even)) == "within noise"


def failures(accuracy: float, dsi: float, seeds: int = 4, odd: float | None = None) -> pd.DataFrame:
    rows = []
    for seed in range(seeds):
        value = odd if odd is not None and seed == 0 else dsi
        for measure, v in (("rs", 0.3), ("dsi", value), ("lsc", 0.1)):
            rows.append({"set": "subspaces", "eps": 0.5, "seed": seed, "measure": measure, "value": v})
    return pd.DataFrame(rows).assign(lr=0.5, svc=accuracy, knn=0.9, qda=0.5)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (failures(1.0, 0.1), "holds"),
        (failures(0.9, 0.1), "does not hold"),  # nobody can solve it, so the measures are right
        (failures(1.0, 0.5), "does not hold"),  # DSI sees it
        (failures(1.0, 0.1, odd=0.5), "within noise"),
    ],
)
def test_c2_distances(table, expected):
    found = claims.distances_fail(Result(tables={"failures": table}))
    assert found.verdict == expected
    assert found.numbers["subspaces: 1 - LSC"] == pytest.approx(0.1)


def graded(order: float, seeds: int = 4, bad: int = 99) -> pd.DataFrame:
    """RS falls with spread when `order` is 1; from seed `bad` on it jumps about."""
    rows = []
    for family in ("std", "distance", "classes"):
        for seed in range(seeds):
            for i in range(8):
                fine = order == 1.0 and seed < bad
                value = (8 - i) / 10 if fine else ((i * 5) % 8) / 10
                level, ease = (i, 8 - i) if family == "std" else (8 - i, 8 - i)
                rows.append({"family": family, "level": level, "seed": seed, "value": value, "lr": 0.5 + ease / 20})
    return pd.DataFrame(rows).assign(measure="rs", svc=1.0, knn=1.0)


def test_c3_order():
    judge = claims.supplement
    assert verdict(judge, Result(tables={"graded": graded(1.0)})) == "holds"
    assert verdict(judge, Result(tables={"graded": graded(0.0)})) == "does not hold"
    assert verdict(judge, Result(tables={"graded": graded(1.0, bad=3)})) == "within noise"


def test_c3_does_not_hold_when_one_kind_of_difficulty_is_not_followed():
    table = graded(1.0)
    upside_down = table["family"] == "classes"
    table.loc[upside_down, "value"] = 1 - table.loc[upside_down, "value"]
    found = claims.supplement(Result(tables={"graded": table}))
    assert found.verdict == "does not hold" and "classes" in found.why
    assert found.numbers["std: rho"] == pytest.approx(1)


def test_c3_tells_where_rs_fails():
    classic = pd.DataFrame(
        [
            {"set": "spirals", "seed": 0, "measure": m, "value": v, "svc": 0.9}
            for m, v in (("rs", 0.04), ("rs_local", 0.6))
        ]
    )
    found = claims.supplement(Result(tables={"graded": graded(1.0), "classic": classic}))
    assert found.numbers["spirals: rs"] == 0.04
    assert found.numbers["spirals: rs_local"] == 0.6


def test_c4_correlation():
    noisy = {"setting": "noisy"}
    assert verdict(claims.correlates, result(tasks({"rs": 0.9}), tasks({"rs": 0.9}, **noisy))) == "holds"
    assert verdict(claims.correlates, result(tasks({"rs": 0.9}), tasks({"rs": 0.0}, **noisy))) == "within noise"
    assert verdict(claims.correlates, result(tasks({"rs": 0.9}), tasks({"rs": -0.9}, **noisy))) == "does not hold"


def test_c4_tells_the_rank_even_if_not_first():
    found = claims.correlates(
        result(tasks({"rs": 0.6, "dsi": 0.99, "n2": 0.95, "lsc": 0.0, "density": 0.0, "gsi": 0.0}))
    )
    assert found.numbers["digits pairs clean: rank of RS among six"] == 3
    constant = tasks({}).assign(rs=0.3)
    assert verdict(claims.correlates, result(constant)) == "not tested"


def test_c5_gain():
    assert verdict(claims.judges_fairly, result(tasks({"rs": 1.0}, bias=0.05))) == "holds"
    assert verdict(claims.judges_fairly, result(tasks({"rs": 0.02}, bias=0.05))) == "within noise"
    loss = result(tasks({"rs": 1.0})).tables["judging"].assign(gain=-0.2, gain_lo=-0.3, gain_hi=-0.1)
    assert verdict(claims.judges_fairly, Result(tables={"judging": loss})) == "does not hold"


def test_rs_beats_distances():
    worse = dict.fromkeys(("dsi", "n2", "lsc", "density"), 0.1)
    assert verdict(claims.beats_distances, result(tasks(worse | {"rs": 0.99}))) == "holds"
    assert verdict(claims.beats_distances, result(tasks(worse | {"rs": 0.5, "dsi": 0.99}))) == "does not hold"
    like = result(tasks(worse | {"rs": 0.9, "dsi": 0.9}))
    assert verdict(claims.beats_distances, like) == "within noise"


def test_post_hoc_eps_is_judged_on_other_sets_only():
    on_digits = tasks({"rs": 0.3, "rs_eps1": 0.99})
    assert verdict(claims.larger_eps, result(on_digits)) == "not tested"
    for quality, expected in (((0.3, 0.99), "holds"), ((0.99, 0.3), "does not hold"), ((0.9, 0.9), "within noise")):
        wine = tasks({"rs": quality[0], "rs_eps1": quality[1]}, dataset="wine", kind="features")
        assert verdict(claims.larger_eps, result(on_digits, wine)) == expected


def test_intervals_cover_what_they_should():
    """The bootstrap interval of a true correlation of 0 holds 0 in about 95 of 100 cases."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(100):
        frame = tasks({}).assign(rs=rng.normal(size=N))
        row = correlate.correlation(frame, ["rs"], rng, draws=200).query("classifier == 'mean'").iloc[0]
        hits += row["spearman_lo"] <= 0 <= row["spearman_hi"]
    assert 88 <= hits <= 100


def test_expected_is_the_least_squares_line():
    rng = np.random.default_rng(0)
    s, a = rng.normal(size=20), rng.normal(size=20)
    np.testing.assert_allclose(correlate.expected(s, a), np.polyval(np.polyfit(s, a, 1), s))
    np.testing.assert_allclose(correlate.expected(np.ones(5), np.arange(5.0)), 2)


def test_pearson_and_spearman_agree_with_scipy():
    from scipy import stats

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 30).astype(float), rng.normal(size=30)
    assert correlate.pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic)
    assert correlate.spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert np.isnan(correlate.pearson(np.ones(5), np.arange(5.0)))


def test_residual_ranks_agree_with_raw_ranks_on_the_same_tasks():
    ranking = correlate.ranking(tasks({"rs": 0.8}, bias=0.03), np.random.default_rng(0))
    assert ranking["raw_rank"].tolist() == ranking["residual_rank"].tolist() == [3, 2, 1]
    assert 0.5 < ranking["r2"].iloc[0] <= 1


def test_listing_the_lab_imports_no_torch():
    import subprocess

    code = "import sys, workbench.labs.rs; assert 'torch' not in sys.modules and 'panel' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
