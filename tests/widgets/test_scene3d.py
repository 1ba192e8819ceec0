"""The scene in 3-D: what is sent, and in a real browser what a click, a finger, a key and Python do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import panel as pn
import pytest

from workbench.data.scenes.geometry import corners
from workbench.data.scenes.scene import boxes
from workbench.ui.plots import scene_rows
from workbench_widgets import Scene3D, jupyter_widget
from workbench_widgets.scene import INSIDE, looks, packed

RED, BLUE = "#ff0000", "#0000ff"


def test_what_is_sent_is_what_was_given():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 20, (101, 5)).astype(np.float32)
    points[7, 1] = np.nan
    frame = rng.normal(0, 9, (3, 8, 3))
    shade, inside = np.linspace(-0.5, 1.5, 101), rng.integers(-1, 3, 101)
    blob = packed(points, frame, shades={"height": shade}, inside=inside, predicted=np.array([0, 1, 1]), note="seen")
    size = int(np.frombuffer(blob, "<u4", 1)[0])
    head, start = json.loads(blob[4 : 4 + size]), 4 + size
    assert start % 4 == 0 and head["points"] == 100 and head["boxes"] == 3
    assert head["note"] == "seen; 100 of 101 points are drawn"
    kept = np.delete(np.arange(101), 7)
    parts = []
    for kind, count in (("<f4", 300), ("<f4", 72), ("<u2", 100), ("u1", 100), ("u1", 3)):
        parts.append(np.frombuffer(blob, kind, count, start))
        start += parts[-1].nbytes
    assert start == len(blob)
    assert (parts[0].reshape(-1, 3) == points[kept, :3]).all()
    np.testing.assert_allclose(parts[1].reshape(3, 8, 3), frame, rtol=1e-6)
    assert (parts[2] == np.where(inside < 0, 65_535, inside)[kept]).all()
    assert (parts[3] == np.rint(np.clip(shade, 0, 1) * 255)[kept]).all() and parts[4].tolist() == [0, 1, 1]


def test_more_points_than_the_budget_are_thinned_evenly_and_said():
    many = np.zeros((120_000, 3), np.float32)
    many[:, 0] = np.arange(120_000)
    blob = packed(many)
    size = int(np.frombuffer(blob, "<u4", 1)[0])
    head = json.loads(blob[4 : 4 + size])
    assert head["points"] == 50_000 and head["note"] == "50,000 of 120,000 points are drawn"
    x = np.frombuffer(blob, "<f4", 150_000, 4 + size)[::3]
    assert x[0] == 0 and x[-1] == 119_999 and np.diff(x).max() <= 3
    assert json.loads(packed(many[:0])[4 : 4 + int(np.frombuffer(packed(many[:0]), "<u4", 1)[0])])["points"] == 0
    with pytest.raises(ValueError, match="'height' has 3 numbers for 120,000 points"):
        packed(many, shades={"height": np.zeros(3)})


def test_both_kinds_have_the_same_fields_and_module_and_ask_no_host():
    widget, component = jupyter_widget(Scene3D)(), Scene3D()
    for name in ("scene", "looks", "labels", "shade", "labeled", "selected", "camera"):
        assert getattr(widget, name) == getattr(component, name)
        assert widget.trait_metadata(name, "sync")
    assert widget._esm == Scene3D._esm and INSIDE == scene_rows.INSIDE
    assert not re.search(r"^\s*import\b|https?://", Scene3D._esm, re.MULTILINE)


# in a browser ------------------------------------------------------------------------------------------------------


def two_boxes() -> tuple[bytes, np.ndarray]:
    """A true car ahead to the left and a predicted one to the right, full of points, on a sparse ground."""
    rng = np.random.default_rng(1)
    both = boxes([[12, 5, 0], [12, -5, 0]], [[4, 2, 2]] * 2, [0, 0], [0, 0], ("car",), score=np.array([1, 0.6]))
    filled = [rng.uniform(-0.45, 0.45, (800, 3)) * (4, 2, 2) + c for c in both.center]
    ground = np.column_stack([rng.uniform(-20, 20, (2000, 2)), np.full(2000, -1.2)])
    inside = np.repeat([0, 1, -1], [800, 800, 2000])
    points = np.concatenate([*filled, ground])
    shades = {"height": (points[:, 2] + 1.2) / 3}
    return packed(points, corners(both), shades=shades, inside=inside, predicted=np.array([0, 1])), both.center


CAMERA = [0, 30, 30, 10, 0, 0]


@pytest.fixture(scope="module")
def page(served) -> Iterator[tuple]:
    """Yield (the component, the browser page that shows it)."""
    look, labels = looks([RED, BLUE], np.array([True, True])), ["car", "car 0.60"]
    view = Scene3D(scene=two_boxes()[0], looks=look, labels=labels, shade=INSIDE, camera=CAMERA, width=600)
    with served(pn.Column(view), 800, 800) as tab:
        tab.locator(".scene-view[data-drawn]").wait_for(timeout=120_000)
        yield view, tab


SEEN = """c => {
    const flat = document.createElement("canvas")
    Object.assign(flat, {width: c.width, height: c.height})
    const brush = flat.getContext("2d", {willReadFrequently: true})
    brush.drawImage(c, 0, 0)
    const data = brush.getImageData(0, 0, c.width, c.height).data
    const sums = {red: [0, 0, 0], blue: [0, 0, 0]}
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = data.slice(i, i + 3)
        const sum = r > 200 && b < 60 ? sums.red : b > 200 && r < 60 && g < 60 ? sums.blue : null
        if (sum) { sum[0] += i / 4 % c.width; sum[1] += Math.floor(i / 4 / c.width); sum[2] += 1 }
    }
    return sums
}"""


def seen(tab) -> dict[str, list[float]]:
    """Return where the red and the blue box are on the screen, and how many pixels they have: x, y, count."""
    sums = tab.locator(".scene-view canvas").first.evaluate(SEEN)
    return {name: [x / count, y / count, count] for name, (x, y, count) in sums.items() if count}


def until(tab, holds):
    for _ in range(600):
        if value := holds():
            return value
        tab.wait_for_timeout(100)
    raise AssertionError("it did not come to hold within 60 s")


def stage(tab):
    return tab.get_by_role("application")


@pytest.mark.browser
def test_left_is_left_and_a_click_selects_in_both_directions(page):
    view, tab = page
    now = until(tab, lambda: len(found := seen(tab)) == 2 and found)
    assert now["red"][0] < 250 < 350 < now["blue"][0], "the car on the left is on the left"
    frame = stage(tab).bounding_box()
    tab.mouse.click(frame["x"] + now["blue"][0], frame["y"] + now["blue"][1])
    until(tab, lambda: view.selected == [1])
    assert tab.get_by_role("status").inner_text() == "car 0.60"
    view.selected = [0]
    until(tab, lambda: tab.get_by_role("status").inner_text() == "car")
    thick = seen(tab)["red"][2]
    tab.mouse.click(frame["x"] + 300, frame["y"] + 20)  # the sky
    until(tab, lambda: view.selected == [] and seen(tab)["red"][2] < thick)


@pytest.mark.browser
def test_keys_go_through_the_boxes_turn_and_move(page):
    view, tab = page
    view.camera = CAMERA
    stage(tab).focus()
    tab.keyboard.press("n")
    until(tab, lambda: view.selected == [0])
    tab.keyboard.press("n")
    until(tab, lambda: view.selected == [1])
    tab.keyboard.press("c")
    until(tab, lambda: view.camera[3:] == [12, -5, 0] and view.camera[2] < 30)
    tab.keyboard.press("Escape")
    until(tab, lambda: view.selected == [])
    view.camera = CAMERA
    until(tab, lambda: tab.locator(".scene-view").get_attribute("data-camera").endswith("10.00 0.00 0.00"))
    for key in ("ArrowLeft", "ArrowDown", "-", "Shift+ArrowUp"):
        tab.keyboard.press(key)
    until(tab, lambda: view.camera[:3] == pytest.approx([4.8, 34.8, 36]) and view.camera[3] > 11)
    tab.get_by_role("button", name="Front").click()
    until(tab, lambda: len(now := seen(tab)) == 2 and now["red"][0] > now["blue"][0])  # seen from the front


@pytest.mark.browser
def test_hand_and_wheel_turn_and_zoom(page):
    view, tab = page
    view.camera = CAMERA
    until(tab, lambda: tab.locator(".scene-view").get_attribute("data-camera").startswith("0.00 30.00 30.00"))
    frame = stage(tab).bounding_box()
    tab.mouse.move(frame["x"] + 200, frame["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(frame["x"] + 260, frame["y"] + 130, steps=4)
    tab.mouse.up()
    until(tab, lambda: view.camera[:2] == pytest.approx([-24, 42], abs=3))
    assert view.selected == [], "a drag selects nothing"
    tab.mouse.wheel(0, -200)
    until(tab, lambda: view.camera[2] < 24)


@pytest.mark.browser
def test_two_fingers_zoom(page):
    view, tab = page
    view.camera = CAMERA
    until(tab, lambda: tab.locator(".scene-view").get_attribute("data-camera").startswith("0.00 30.00 30.00"))
    stage(tab).evaluate("""box => {
        box.setPointerCapture = () => {}
        const at = box.getBoundingClientRect()
        const send = (kind, pointerId, x, y) => box.dispatchEvent(new PointerEvent(kind,
            {pointerId, pointerType: "touch", clientX: at.x + x, clientY: at.y + y, bubbles: true}))
        send("pointerdown", 11, 250, 200); send("pointerdown", 12, 350, 200)
        send("pointermove", 11, 200, 200); send("pointermove", 12, 400, 200)
        send("pointerup", 11, 200, 200); send("pointerup", 12, 400, 200)
        delete box.setPointerCapture
    }""")
    until(tab, lambda: view.camera[2] == pytest.approx(15, abs=0.1))
    assert view.camera[3:5] == pytest.approx([10, 0], abs=0.6) and view.selected == []


@pytest.mark.browser
def test_points_take_the_color_of_their_box_and_hidden_boxes_go(page):
    view, tab = page
    view.camera = CAMERA
    full = until(tab, lambda: len(now := seen(tab)) == 2 and now)
    tab.get_by_label("Points by").select_option("height")
    until(tab, lambda: view.shade == "height" and seen(tab)["red"][2] < 0.6 * full["red"][2])
    view.looks = looks([RED, BLUE], np.array([True, False]))
    until(tab, lambda: list(seen(tab)) == ["red"])
    view.param.update(shade=INSIDE, looks=looks([BLUE, RED], np.array([True, True])))
    until(tab, lambda: len(now := seen(tab)) == 2 and now["blue"][0] < now["red"][0])


@pytest.mark.browser
def test_no_error_and_no_other_host(page):
    _, tab = page
    assert tab.problems == [] and tab.foreign == []


@pytest.mark.browser
def test_without_webgl_it_says_so(served):
    off = """const own = HTMLCanvasElement.prototype.getContext
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind === "webgl2" ? null : own.call(this, kind, ...more)
    }"""
    with served(pn.Column(Scene3D(scene=two_boxes()[0])), 390, 600, off) as tab:
        tab.get_by_text("This browser has no WebGL 2").wait_for(timeout=60_000)
        assert not stage(tab).is_visible() and tab.problems == []
