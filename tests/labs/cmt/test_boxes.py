"""The ten numbers of a box: there and back, in one order, and the released order as a switch."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.labs.cmt.method.boxes import CODE, RELEASED, WEIGHTS, decode, encode, placed

AREA = (-50.0, -40.0, -5.0, 50.0, 40.0, 3.0)
place, size = st.floats(-60, 60), st.floats(0.05, 30)


@given(st.tuples(place, place, place, size, size, size, st.floats(-3.14, 3.14), place, place))
def test_a_box_comes_back(box):
    box = torch.tensor(box, dtype=torch.float64)
    torch.testing.assert_close(decode(encode(box)), box, atol=1e-9, rtol=1e-9)


def test_the_order_is_the_documented_one():
    code = encode(torch.tensor([1.0, 2, 3, 4, 5, 6, math.pi / 6, 7, 8]))
    wanted = [1, 2, 3, math.log(4), math.log(5), math.log(6), 0.5, math.sqrt(3) / 2, 7, 8]
    torch.testing.assert_close(code, torch.tensor(wanted))
    assert len(CODE) == len(WEIGHTS) == len(RELEASED) == 10


def test_an_unknown_velocity_stays_unknown_and_touches_nothing_else():
    box = torch.tensor([1.0, 2, 3, 4, 5, 6, 0.5, math.nan, math.nan])
    back = decode(encode(box))
    torch.testing.assert_close(back[:7], box[:7])
    assert bool(back[7:].isnan().all())


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_a_size_without_a_logarithm_is_told(bad):
    with pytest.raises(LabError, match="size"):
        encode(torch.tensor([0, 0, 0, 1, bad, 1, 0, 0, 0]))


def test_a_center_is_a_shift_from_its_anchor():
    """No shift: the anchor itself. A shift of logit(3/4) from the middle: three quarters of the range."""
    raw = torch.zeros(1, 1, 2, 10)
    raw[0, 0, 1, 0] = math.log(3)
    anchors = torch.tensor([[[0.25, 0.5, 0.75], [0.5, 0.5, 0.5]]])
    found = placed(raw, anchors, AREA, released=False)[0, 0]
    torch.testing.assert_close(found[0, :3], torch.tensor([-25.0, 0.0, 1.0]))
    torch.testing.assert_close(found[1, :3], torch.tensor([25.0, 0.0, -1.0]))


def test_the_released_order_reads_the_height_branch_as_log_width_and_the_second_size_as_z():
    raw = torch.arange(10.0).expand(1, 1, 1, 10)
    anchors = torch.full((1, 1, 3), 0.5)
    plain, released = (placed(raw, anchors, AREA, switch)[0, 0, 0] for switch in (False, True))
    assert released[CODE.index("log w")] == plain[CODE.index("cz")]  # the sigmoid scaled to the range of z
    assert released[CODE.index("cz")] == raw[0, 0, 0, 4]  # free of any anchor
    same = [i for i, name in enumerate(CODE) if name not in ("cz", "log w")]
    assert torch.equal(released[same], plain[same])
    assert [RELEASED[RELEASED[i]] for i in range(10)] == list(range(10))  # twice is as before
    assert [WEIGHTS[i] for i in RELEASED] == list(WEIGHTS)  # so one list of weights serves both


def test_what_is_said_in_the_direction_of_an_anchor_is_turned_with_it():
    """An anchor 4 m to the left: 1 m along is 1 m left, 2 m across is 2 m back; a heading along it looks left."""
    raw = torch.zeros(1, 1, 1, 14)
    raw[..., 10:] = torch.tensor([1.0, 2.0, 0.0, 1.0])
    anchors = torch.tensor([[[0.5, 0.55, 0.5]]])
    found = placed(raw, anchors, AREA, released=False)[0, 0, 0]
    torch.testing.assert_close(found[:3], torch.tensor([-2.0, 5.0, -1.0]))
    torch.testing.assert_close(decode(found)[6], torch.tensor(math.pi / 2))
    none = placed(torch.zeros(1, 1, 1, 10), anchors, AREA, released=False)
    torch.testing.assert_close(placed(torch.zeros(1, 1, 1, 14), anchors, AREA, released=False), none)
