"""The draggable handles: both classes build, and in a real browser a drag reaches Python."""

from __future__ import annotations

import re
from pathlib import Path

import panel as pn
import pytest

from workbench_widgets import ClassHandles, flat, jupyter_widget


def test_flat_points():
    points, names = flat([0, 1], [2, 3.14159], ["b", "a"])
    assert points == [0.0, 2.0, 1.0, 1.0, 3.142, 0.0]
    assert names == ["a", "b"]


def test_both_classes_have_the_same_fields_and_module():
    widget = jupyter_widget(ClassHandles)()
    for name in ("means", "stds", "rotation", "settled", "points", "labels", "colors", "extent", "movable"):
        assert getattr(widget, name) == getattr(ClassHandles(), name)
        assert widget.trait_metadata(name, "sync")
    assert widget._esm == Path(ClassHandles._esm).read_text(encoding="utf-8")


def test_the_module_asks_no_other_host():
    source = Path(ClassHandles._esm).read_text(encoding="utf-8")
    assert not re.search(r"^\s*import\b", source, re.MULTILINE)
    assert set(re.findall(r"https?://[^\"']*", source)) == {"http://www.w3.org/2000/svg"}  # a name, never fetched
    model = ClassHandles().get_root().select_one({"class_name": "ClassHandles"})
    assert not (model.importmap or {}).get("imports")


@pytest.fixture(scope="module")
def page(served):
    """Yield (the component, the browser page that shows it)."""
    handles = ClassHandles(points=[0.5, 0.5, 0, 3.0, 1.0, 1], labels=["left", "right"], width=600)
    with served(pn.Column(handles), 800, 700) as tab:
        tab.get_by_role("slider", name="Mean of left").wait_for(timeout=60_000)
        yield handles, tab


def middle(tab, name: str) -> tuple[float, float]:
    box = tab.get_by_role("slider", name=name).locator(".knob").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(tab, name: str, dx: float, dy: float) -> None:
    x, y = middle(tab, name)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + dx / 2, y + dy / 2)
    tab.mouse.move(x + dx, y + dy, steps=3)
    tab.mouse.up()


def until(tab, holds) -> None:
    for _ in range(1200):
        if holds():
            return
        tab.wait_for_timeout(50)
    raise AssertionError("it did not come to hold within 60 s")


def put(handles, tab, **fields) -> int:
    """Put classes where a test wants them, until the screen shows it; return how often a hand has moved them."""
    fields = {"means": [[-2.0, 0.0], [2.0, 0.0]], "stds": [[1.0, 1.0], [1.0, 1.0]], "rotation": 0.0} | fields

    def shown() -> bool:
        handles.param.update(**fields)
        knobs = [tab.get_by_role("slider", name=name) for name in ("Mean of left", "Mean of right", "Rotation")]
        now = [knob.get_attribute("aria-valuetext") for knob in knobs]
        return now == ["x -2, y 0", "x 2, y 0", f"{fields['rotation']:g} degrees"]

    until(tab, shown)
    return handles.settled


def test_dragging_a_mean_changes_python(page):
    handles, tab = page
    settled = put(handles, tab)
    drag(tab, "Mean of left", -70, -35)
    until(tab, lambda: handles.settled == settled + 1)
    x, y = handles.means[0]
    assert x < -2.5
    assert y == pytest.approx((-2 - x) / 2, abs=0.05), "35 pixels up for 70 to the left"
    assert handles.means[1] == [2.0, 0.0]


def test_the_handle_follows_the_pointer_when_the_plane_is_turned(page):
    handles, tab = page
    settled = put(handles, tab, rotation=90.0)
    x, y = middle(tab, "Mean of right")
    drag(tab, "Mean of right", 0, -40)  # up in the picture is along the first axis now
    until(tab, lambda: handles.settled == settled + 1)
    assert middle(tab, "Mean of right") == pytest.approx((x, y - 40), abs=1.5)
    assert handles.means[1][0] > 2.3
    assert handles.means[1][1] == pytest.approx(0.0, abs=0.02)


def test_spread_and_rotation_handles(page):
    handles, tab = page
    settled = put(handles, tab)
    drag(tab, "Spread of left, second axis", 0, -35)
    until(tab, lambda: handles.settled == settled + 1)
    assert handles.stds[0][0] == 1.0 and handles.stds[0][1] > 1.5
    drag(tab, "Rotation", 0, -80)
    until(tab, lambda: handles.settled == settled + 2)
    assert 5 < handles.rotation < 60


def test_arrow_keys_move_the_focused_handle(page):
    handles, tab = page
    settled = put(handles, tab)
    slider = tab.get_by_role("slider", name="Mean of right")
    slider.focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Shift+ArrowRight")
    until(tab, lambda: handles.settled == settled + 2)
    step = handles.extent / 40
    assert handles.means[1] == pytest.approx([2 + 5 * step, step])
    assert slider.get_attribute("aria-valuetext") == f"x {2 + 5 * step:g}, y {step:g}"


def test_python_moves_the_handle_and_hides_it(page):
    handles, tab = page
    put(handles, tab)
    x, _ = middle(tab, "Mean of left")
    handles.means = [[-4.0, 0.0], [2.0, 0.0]]
    until(tab, lambda: middle(tab, "Mean of left")[0] < x - 20)
    handles.movable = False
    tab.get_by_role("slider", name="Mean of left").wait_for(state="detached")
    handles.movable = True
    tab.get_by_role("slider", name="Mean of left").wait_for()


def test_no_error_and_no_other_host(page):
    _, tab = page
    assert tab.problems == []
    assert tab.foreign == []
