"""The claims are judged from tables: each rule on numbers of which the answer is known."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.drums import LAB, claims
from workbench.labs.drums.common.evaluation import HUMAN, difference, packed_rows, summary, unpacked_rows
from workbench.labs.drums.params import TUNED, UNTAUGHT

PLAIN = {"mean": 5.0, "between": 9.0, "within": 1.0, "masked_mean": 5.0, "masked_between": 9.0, "masked_within": 1.0}
PLAIN |= {"distinct": 0.6, "fills": 2.0, "timed": 0.3, "train": 0.1, "prompt": 0.1, "hits": 16.0, "silent": 0.0}
PLAYERS = (HUMAN, "copy two bars", "none", "english", "shuffled", "english smaller", TUNED, UNTAUGHT)


def result(changes=None, prompts=30, seeds=2, noise=0.1, bits=None):
    """Return a result in which every player is alike, but for `changes` by (player, measure)."""
    rng = np.random.default_rng(0)
    rows = [
        {"player": player, "seed": seed, "prompt_number": k, "rows": 256.0}
        | {m: v + (changes or {}).get((player, m), 0) + noise * rng.normal() for m, v in PLAIN.items()}
        for player in PLAYERS
        for seed in range(1 if player == HUMAN else seeds)
        for k in range(prompts)
    ]
    told = [
        {"player": p, "seed": s, "prompt_number": k, "bits": 0.4 + (bits or {}).get(p, 0) + 0.01 * rng.normal()}
        for p in PLAYERS[2:]
        for s in range(seeds)
        for k in range(prompts)
    ]
    return Result(tables={"measures": pd.DataFrame(rows), "bits": pd.DataFrame(told)})


RULES = {
    "beyond": ({("english", "masked_between"): 3.0, ("english", "distinct"): 0.2}, {}),
    "real": ({(TUNED, "masked_between"): 3.0, (TUNED, "distinct"): 0.2}, {}),
    "naive": ({("none", "distinct"): -0.3}, {}),
    "steadier": ({("english", "masked_mean"): -2.0}, {}),
    "fills": ({(HUMAN, "fills"): 3.0}, {}),
    "foretells": ({}, {"english": -0.1}),
    "language": ({}, {"english": -0.1}),
}


@pytest.mark.parametrize("key", RULES)
def test_a_claim_holds_fails_and_drowns_in_noise_as_the_numbers_say(key):
    judge = {claim.key: claim.judge for claim in LAB.claims}[key]
    changes, bits = RULES[key]
    against = {k: -v for k, v in changes.items()}, {k: -v for k, v in bits.items()}
    assert judge(result(changes, bits=bits)).verdict == "holds"
    assert judge(result(against[0], bits=against[1])).verdict == "does not hold"
    assert judge(result(noise=2.0)).verdict == "within noise"
    for verdict in (judge(result(changes, bits=bits)), judge(result())):
        assert verdict.why and verdict.numbers and all(np.isfinite(v) for v in verdict.numbers.values())


@pytest.mark.parametrize("key", RULES)
def test_too_few_prompts_or_seeds_are_no_test(key):
    judge = {claim.key: claim.judge for claim in LAB.claims}[key]
    assert judge(result(prompts=10)).verdict == "not tested"
    assert (judge(result(seeds=1)).verdict == "not tested") == (key != "real")  # whose training is long: one may do
    assert judge(Result()).verdict == "not tested"


def test_beyond_repetition_needs_both_intervals():
    assert claims.beyond_repetition(result({("english", "distinct"): 0.2})).verdict != "holds"


def test_a_difference_is_paired_over_prompts():
    """The prompts differ much more than the players do: only pairing sees it."""
    hard = np.random.default_rng(0).normal(0, 10, 25)
    rows = pd.DataFrame(
        [
            {"player": p, "seed": 0, "prompt_number": k, "x": hard[k] + d}
            for p, d in (("a", 1.0), ("b", 0.5))
            for k in range(25)
        ]
    )
    assert difference(rows, "a", "b", "x") == pytest.approx((0.5, 0.5, 0.5))


def test_a_player_of_one_training_stands_against_every_training_of_the_other():
    row = lambda p, seed, k, x: {"player": p, "seed": seed, "prompt_number": k, "x": x}  # noqa: E731
    rows = pd.DataFrame(
        [row("human", 0, k, 1.0) for k in range(9)] + [row("net", s, k, float(s)) for k in range(9) for s in (0, 1, 2)]
    )
    assert difference(rows, "human", "net", "x") == pytest.approx((0.0, -1.0, 1.0))


def test_the_summary_has_every_measure_of_every_player():
    found = summary(result().tables["measures"])
    assert set(found["player"]) == set(PLAYERS) and not found[["value", "low", "high"]].isna().any(axis=None)
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()


def test_grooves_are_kept_in_a_bit_a_cell():
    rng = np.random.default_rng(0)
    grooves = [rng.random((n * 16, 6)) < 0.4 for n in (3, 5, 4)]
    back = unpacked_rows(packed_rows(grooves, 5))
    for rows, found in zip(grooves, back, strict=True):
        assert (found[: len(rows)] == rows).all() and not found[len(rows) :].any()
