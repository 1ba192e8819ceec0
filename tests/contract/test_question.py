"""Questions: one rule for all labs; what does not fit is refused with its bounds, and nothing is moved into them."""

import numpy as np
import param
import pytest

from workbench.contract import LabError, Question


class Where(Question):
    kind = param.Selector(default="point", objects=["point", "line"], doc="What is asked about.")
    at = param.List(default=None, allow_None=True, bounds=(2, 2), item_type=(int, float), doc="Row and column.")
    share = param.Number(default=0.5, bounds=(0, 1), doc="How much.")
    count = param.Integer(default=3, bounds=(1, 9), doc="How many.")
    whose = param.List(default=[], item_type=str, doc="Whose.")


def test_what_is_left_out_has_its_default_and_numpy_is_read_like_json():
    asked = Where.read({"at": np.array([1.5, 2]), "count": 4.0, "share": np.float32(0.25)})
    assert asked.to_dict() == {"kind": "point", "at": [1.5, 2.0], "share": 0.25, "count": 4, "whose": []}
    assert type(asked.count) is int and Where.read({"at": (1, 2)}).at == [1, 2]


@pytest.mark.parametrize(
    ("request_", "cause", "hint"),
    [
        ({"shade": 1}, "no field 'shade'", "kind, at, share, count, whose"),
        ({"share": 1.01}, "share", "0 to 1"),
        ({"share": float("nan")}, "not finite", "0 to 1"),
        ({"share": "half"}, "does not fit", "0 to 1"),
        ({"count": 0}, "count", "1 to 9"),
        ({"count": 2.5}, "count", "whole number"),
        ({"kind": "plane"}, "kind", "point, line"),
        ({"at": [1, 2, 3]}, "at", "Row and column"),
        ({"at": [1, float("inf")]}, "not finite", "Row and column"),
        ({"at": "here"}, "at", "Row and column"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(request_, cause, hint):
    with pytest.raises(LabError) as caught:
        Where.read(request_)
    assert cause in caught.value.cause and hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("at", "1,2.5", [1, 2.5]), ("at", "[3, 4]", [3, 4]), ("at", "", None), ("whose", "a,b", ["a", "b"])],
)
def test_fields_are_read_from_a_command_line(name, text, value):
    assert Where.parse(name, text) == value
    with pytest.raises(LabError, match="no list"):
        Where.parse("at", "1,x")
