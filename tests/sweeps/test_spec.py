"""What a sweep asks for is checked before anything runs."""

import pytest

from workbench.contract.errors import LabError
from workbench.sweeps.spec import MOST_RUNS, Spec, make_spec


def test_a_spec_counts_its_runs_and_survives_the_store():
    spec = make_spec("trial", {"darts": [10, 20, 10], "mood": ["good", "deaf"]}, seeds=range(3), base={"steps": 2})
    assert spec.axes == {"darts": (10, 20), "mood": ("good", "deaf")}  # the same value is not run twice
    assert (spec.size, spec.points, spec.runs) == (4, 4, 12)
    assert spec.metric == "pi" and spec.direction == "maximize" and spec.declared.label == "Pi"
    assert Spec.from_text(spec.to_text()) == spec
    assert spec.params({"darts": 20, "mood": "deaf"}) == {
        "darts": 20,
        "steps": 2,
        "pause": 0.0,
        "mood": "deaf",
    }


def test_lists_are_values_too():
    spec = make_spec("rs", {"studies": [["set"], ("set", "tasks")]})
    assert spec.axes["studies"] == (["set"], ["set", "tasks"])
    assert Spec.from_text(spec.to_text()) == spec


@pytest.mark.parametrize(
    ("axes", "more", "said"),
    [
        ({}, {}, "No parameter varies"),
        ({"dart": [1]}, {}, "no parameter 'dart'"),
        ({"darts": [10, 1]}, {}, "does not fit"),
        ({"darts": []}, {}, "darts has no values"),
        ({"darts": "10"}, {}, "no list"),
        ({"darts": 10}, {}, "no list"),
        ({"darts": [10]}, {"base": {"steps": 0}}, "does not fit"),
        ({"darts": [10]}, {"seeds": []}, "no seed"),
        ({"darts": [10]}, {"seeds": [-1]}, "seed"),
        ({"darts": [10]}, {"preset": "slow"}, "no preset"),
        ({"darts": [10]}, {"metric": "tau"}, "no metric 'tau'"),
        ({"darts": [10]}, {"search": "psychic"}, "no search"),
        ({"darts": [10]}, {"direction": "sideways"}, "no direction"),
        ({"darts": [10, 20]}, {"search": "random"}, "cannot choose 0 of 2"),
        ({"darts": [10, 20]}, {"search": "optuna", "count": 3}, "cannot choose 3 of 2"),
        ({"darts": range(10, 11 + MOST_RUNS)}, {}, "1,001 runs"),
    ],
)
def test_mistakes_are_told_in_words(axes, more, said):
    with pytest.raises(LabError, match=said):
        make_spec("trial", axes, **more)


def test_a_lab_that_is_not_there_is_told():
    with pytest.raises(LabError, match="planned"):
        make_spec("reft", {"eps": [1]})
