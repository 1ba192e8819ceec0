"""Claims: judged by intervals over distillations and victims, and not at all from too few."""

import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.doorping import claims

ASR = {"clean": 0.02, "naive": 0.1, "clipped": 0.05, "doorping": 0.99}


def result(sets=3, victims=5, asr=None, cta=None, kinds=("convnet", "mlp"), caught=()):
    rows = []
    for attack, rate in (ASR | (asr or {})).items():
        for kind in kinds:
            for seed in range(sets):
                for number in range(victims if kind == kinds[0] else 1):
                    noise = 0.003 * ((seed + number) % 3 - 1)
                    for test in ("as is", "cut"):
                        gone = 0.1 if attack == "doorping" and test == "cut" else rate
                        rows.append(
                            {"carrier": "dc", "attack": attack, "seed": seed, "victim": kind, "number": number}
                            | {"test": test, "asr": gone + noise, "null": 0.03 + noise}
                            | {"cta": (cta or {}).get(attack, 0.7) + noise, "asr_all": rate, "null_all": 0.1}
                        )
    defenses = [
        {"carrier": "dc", "attack": "doorping", "seed": seed, "defense": name, "caught": name in caught}
        for seed in range(sets)
        for name in ("cleanse", "strip", "range")
    ]
    return Result(tables={"victims": pd.DataFrame(rows), "defenses": pd.DataFrame(defenses)})


def test_what_is_clear_is_called_so():
    clear = result()
    words = {one.__name__: one(clear).verdict for one in (claims.keeps, claims.above, claims.close, claims.carries)}
    assert set(words.values()) == {"holds"}
    assert claims.possible(clear).verdict == "does not hold"  # the cut trigger does next to nothing
    numbers = claims.above(clear).numbers
    assert numbers["ASR, DOORPING - NAIVEATTACK"] == pytest.approx(0.89)


def test_what_costs_accuracy_or_fails_is_called_so():
    assert claims.keeps(result(cta={"doorping": 0.6})).verdict == "does not hold"
    assert claims.keeps(result(cta={"doorping": 0.69})).verdict == "holds"  # a loss of one point
    assert claims.above(result(asr={"doorping": 0.1})).verdict == "within noise"
    assert claims.close(result(asr={"doorping": 0.5})).verdict == "does not hold"
    assert claims.carries(result(asr={"doorping": 0.3})).verdict == "does not hold"


def test_defenses_refute_it_and_the_trivial_one_does_not_count():
    assert claims.undefended(result()).verdict == "holds"
    assert claims.undefended(result(caught=("strip",))).verdict == "does not hold"
    trivial = claims.undefended(result(caught=("range",)))
    assert trivial.verdict == "holds" and trivial.numbers["caught by range (ours)"] == 1


@pytest.mark.parametrize("few", [{"sets": 2}, {"victims": 4}])
def test_few_say_nothing(few):
    for judge in (claims.keeps, claims.above, claims.possible):
        assert judge(result(**few)).verdict == "not tested"
