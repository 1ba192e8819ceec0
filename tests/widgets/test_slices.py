"""The slices: what is asked and answered, and in a real browser one cursor, windows, organs and two sides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import panel as pn
import pytest

from workbench_widgets import Side, Slices, jupyter_widget, slices_of
from workbench_widgets.slices import worst_slices
from workbench_widgets.slices.answers import answered
from workbench_widgets.slices.sides import from_first

SHAPE = (40, 50, 30)
AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])
AFFINE[:3, 3] = -10, -20, -30
NAMES = {1: "liver", 5: "spleen"}


def scan() -> np.ndarray:
    x, y, z = np.indices(SHAPE)
    return (x * 10 + y - z).astype(np.int16)


def masks() -> tuple[np.ndarray, np.ndarray]:
    """Return a truth, and a prediction that misses most of the liver in slice 12 and has spleen where there is none."""
    truth = np.zeros(SHAPE, np.uint8)
    truth[5:20, 10:30, 5:20] = 1
    truth[25:35, 10:20, 5:20] = 5
    found = truth.copy()
    found[5:19, 10:30, 12] = 0
    found[30:33, 30:33, 18] = 5
    return truth, found


def one_side(**more) -> Side:
    truth, found = masks()
    fields = {"truth": truth, "prediction": found, "truth_names": NAMES, "prediction_names": NAMES, **more}
    return Side(scan(), AFFINE, "CT", "first", **fields)


def ask(view, *cuts, at=()) -> tuple[dict, list[np.ndarray]]:
    """Put a question as the browser does, and take the answer apart by its description."""
    view.want = {"view": "v", "seq": view.want.get("seq", 0) + 1, "cuts": list(cuts), "at": list(at)}
    size = int(np.frombuffer(view.picture[:4], np.uint32)[0])
    head = json.loads(view.picture[4 : 4 + size])
    assert size % 4 == 0 and head["seq"] == view.want["seq"]
    layers = [1 + sum(view.grids[side]["layers"]) for side, *_ in head["cuts"]]
    planes, start = [], 4 + size
    for (_, _, _, width, height, *_), count in zip(head["cuts"], layers, strict=True):
        for _ in range(count):
            blob = view.picture[start : start + width * height]
            planes.append(np.frombuffer(blob, np.uint8).reshape(height, width))
            start += width * height
    assert start == len(view.picture)
    return head, planes


# ------------------------------------------------------------------------------------------------------- in Python
@pytest.mark.parametrize("kind", [Slices, jupyter_widget(Slices)], ids=["panel", "jupyter"])
def test_a_question_is_answered_with_gray_and_organs(kind):
    view = kind(**slices_of(one_side()))
    head, (gray, truth, found) = ask(view, [0, 0, 12, 40, 50, 200.0, 400.0], at=[[7, 11, 12]])
    assert [gray[0, 0], gray[49, 39], gray[49, 29]] == [255, 0, round((100 - 12) / 400 * 255)]
    assert truth[50 - 1 - 11, 40 - 1 - 7] == 1 and found[50 - 1 - 11, 40 - 1 - 7] == 0
    assert set(np.unique(truth)) == {0, 1, 2}, "numbers of the legend, not of the mask"
    assert head["at"] == [[7 * 10 + 11 - 12, 1, 0]]
    _, planes = ask(view, [0, 2, 30, 100, 60, 40.0, 400.0])
    assert [plane.shape for plane in planes] == [(60, 100)] * 3


def test_an_answer_is_of_the_asked_size_and_not_of_the_volume():
    view = Slices(**slices_of(Side(np.zeros((300, 300, 200), np.int16), np.eye(4), "CT")))
    ask(view, *[[0, plane, 10, 64, 48, 40, 400] for plane in range(3)])
    assert len(view.picture) < 3 * 64 * 48 + 500
    _, (gray,) = ask(view, [0, 0, 9999, 10**9, -5, 40, 0])
    assert gray.shape == (1, 2048), "whatever is asked"


@pytest.mark.parametrize("kind", [Slices, jupyter_widget(Slices)], ids=["panel", "jupyter"])
def test_the_jump_goes_where_truth_and_prediction_differ_most(kind):
    view = kind(**slices_of(one_side()))
    view.jump = [1, 1, 0]
    truth, found = masks()
    x, y, z = view.cursor
    assert z == 12 and truth[x, y, z] != found[x, y, z]
    view.jump = [2, 2, 0]
    assert view.cursor[2] == 18
    assert worst_slices(view) == {"liver": (12, 14 * 20), "spleen": (18, 9)}
    before = view.cursor
    view.jump = [3, 99, 0]  # no such organ
    assert view.cursor == before


def test_both_kinds_have_the_same_fields_and_module():
    fields = slices_of(one_side())
    widget, component = jupyter_widget(Slices)(**fields), Slices(**fields)
    names = [name for name in vars(Slices) if name in Slices.param and name != "name"]
    assert {"want", "picture", "cursor", "hidden", "sides"} < set(names)
    for name in names:
        assert getattr(widget, name) == getattr(component, name)
        assert bool(widget.trait_metadata(name, "sync")) == (name != "sides"), "the volume is never sent"
    assert widget._esm == Slices._esm
    assert "sides" not in component.get_root().select_one({"class_name": "Slices"}).data.properties()


def test_the_module_imports_nothing_and_asks_no_other_host():
    assert not re.search(r"^\s*import\b", Slices._esm, re.MULTILINE)
    assert set(re.findall(r"https?://[^\"']*", Slices._esm)) == {"http://www.w3.org/2000/svg"}  # a name, never fetched
    model = Slices(**slices_of(one_side())).get_root().select_one({"class_name": "Slices"})
    assert not (model.importmap or {}).get("imports")


def test_cursors_of_two_volumes_meet_in_mm_or_by_their_share():
    first = one_side()
    finer = Side(np.zeros((80, 100, 60)), AFFINE @ np.diag([0.5, 0.5, 0.5, 1]), "MR")
    at = np.array([10, 20, 5, 1])
    assert (finer.affine @ from_first(first, finer) @ at) == pytest.approx(AFFINE @ at)
    apart = AFFINE.copy()
    apart[:3, 3] = 5000
    away = Side(np.zeros((80, 25, 30)), apart, "MR")
    assert from_first(first, away) @ at == pytest.approx([2 * 10.5 - 0.5, 20.5 / 2 - 0.5, 5, 1])
    grids = slices_of(first, away)["grids"]
    assert [grid["linked"] for grid in grids] == ["mm", "share"] and [grid["window"] for grid in grids] == [0, 1]
    both = slices_of(first, one_side())["grids"]
    assert both[1]["window"] == 0, "two runs on one scan share a window"
    back = np.array(both[1]["to_first"])
    assert back == pytest.approx(np.eye(4)[:3])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit a volume"):
        slices_of(one_side(truth=np.zeros((4, 5, 6), np.uint8)))
    with pytest.raises(ValueError, match="uint8 or uint16, not float64"):
        slices_of(one_side(truth=np.zeros(SHAPE)))
    with pytest.raises(ValueError, match="255"):
        slices_of(one_side(truth_names={k: f"organ {k}" for k in range(1, 300)}))
    with pytest.raises(ValueError, match="one or two"):
        slices_of()


def test_a_question_that_makes_no_sense_is_left_alone():
    view = Slices(**slices_of(one_side()))
    for want in (
        {"cuts": [[0, 0]]},
        {"cuts": [["x"] * 7]},
        {"cuts": 5},
        {"at": [[1]]},
        {"cuts": [[0, 0, 1, 9, 9, None, 1]]},
    ):
        assert answered(type("V", (), {"want": want, "sides": view.sides, "organs": view.organs})) == {}


# -------------------------------------------------------------------------------------------------- in the browser
@pytest.fixture(scope="module")
def shown(served) -> Iterator[tuple]:
    """Yield (one side, two sides, the browser page that shows both)."""
    one = Slices(**slices_of(one_side(), figures={"liver": "0.87"}), sizing_mode="stretch_width")
    apart = np.diag([4.0, 4, 4, 1])
    apart[:3, 3] = 5000
    mr = Side(np.random.default_rng(0).random((20, 25, 30)).astype(np.float32), apart, "MR", "second")
    two = Slices(**slices_of(one_side(), mr), sizing_mode="stretch_width")
    with served(pn.Column(one, two, width=900), 1000, 1500) as tab:
        tab.locator(".pane[data-shown]").nth(8).wait_for(timeout=60_000)
        yield one, two, tab


@pytest.fixture
def page(shown, until):
    """Put everything back to its start, until the screen shows it: what a click changed may still be on its way."""
    one, two, tab = shown
    windows = slices_of(one_side())["windows"]

    def at_start() -> bool:
        for view in (one, two):
            view.param.update(cursor=[20, 25, 15], mode="difference", opacity=0.45, outline=True, hidden=[])
        one.windows = windows
        return indices(tab) == [15, 25, 20] and all(looks_new(tab.locator(".slices-view").nth(k)) for k in (0, 1))

    until(at_start)
    return one, two, tab


def looks_new(view) -> bool:
    """Return whether a view shows every organ, with the outline, at the opacity and in the mode of its start."""
    pressed = view.locator("button[aria-label^='Show ']").evaluate_all("all => all.map((one) => one.ariaPressed)")
    outline = view.get_by_role("button", name="Outline").get_attribute("aria-pressed")
    opacity = view.get_by_role("slider", name="Opacity of the fill").input_value()
    state = [view.get_attribute("data-mode"), outline, float(opacity), set(pressed) - {None}]
    return state == ["difference", "true", 0.45, {"true"}]


@pytest.fixture
def until(shown):
    tab = shown[2]

    def wait(holds):
        for _ in range(1200):
            if holds():
                return
            tab.wait_for_timeout(50)
        raise AssertionError("it did not come to hold within 60 s")

    return wait


def indices(tab, side="") -> list[int]:
    """Return the slices on the screen of the first view: axial, coronal, sagittal."""
    panes = tab.locator(".slices-view").first.locator(".pane")
    return [int(panes.nth(k).get_attribute("data-shown") or -1) for k in range(3)]


def at_rest(view, tab) -> int:
    """Return the number of the last question, once none has come for half a second."""
    asked = -1
    while asked != view.want["seq"]:
        asked = view.want["seq"]
        tab.wait_for_timeout(500)
    return asked


def pane(tab, name: str):
    return tab.get_by_role("slider", name=name, exact=True).first


COUNT = """c => {
    const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data
    let colored = 0, sum = 0
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = data.slice(i, i + 3)
        sum += r
        const crosshair = r > g && r - g < 25 && g - b > 50
        if (!crosshair && Math.max(r, g, b) - Math.min(r, g, b) > 12) { colored += 1 }
    }
    return {colored, sum, corner: data[4 * (3 * c.width + 3)]}
}"""


def pixels(tab, view: int = 0, number: int = 0) -> dict[str, int]:
    """Return of a pane how many pixels are colored (but the crosshair), the sum of reds, and the red near a corner."""
    return tab.locator(".slices-view").nth(view).locator(".pane canvas").nth(number).evaluate(COUNT)


def colored(tab) -> int:
    return pixels(tab)["colored"]


@pytest.mark.browser
def test_a_click_moves_all_three_planes(page, until):
    one, _, tab = page
    box = pane(tab, "Axial").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.1)
    until(lambda: indices(tab) == [15, 44, 29])  # left is right: x is high; top is front: y is high
    until(lambda: one.cursor == [29, 44, 15])
    assert tab.get_by_text("voxel 30, 45, 16").first.is_visible()
    assert tab.get_by_text(f"{29 * 10 + 44 - 15} HU").first.is_visible()
    assert tab.get_by_text("R 48.0, A 68.0, S 30.0 mm").first.is_visible()


@pytest.mark.browser
def test_a_drag_ends_where_the_pointer_is_however_many_moves_it_took(page, until):
    one, _, tab = page
    box = pane(tab, "Coronal").bounding_box()
    tab.mouse.move(box["x"] + 10, box["y"] + 10)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.875, box["y"] + box["height"] * 0.5, steps=60)
    tab.mouse.up()
    until(lambda: indices(tab) == [14, 25, 4] or indices(tab) == [15, 25, 4])
    until(lambda: one.cursor[0] == 4)


@pytest.mark.browser
def test_wheel_and_keys_step_through_slices(page, until):
    one, _, tab = page
    box = pane(tab, "Axial").bounding_box()
    tab.mouse.move(box["x"] + 20, box["y"] + 20)
    tab.mouse.wheel(0, -120)
    until(lambda: indices(tab) == [16, 25, 20])
    pane(tab, "Axial").focus()
    for key in ("PageDown", "PageDown", "ArrowLeft", "ArrowUp", "Shift+ArrowUp"):
        tab.keyboard.press(key)
    until(lambda: indices(tab) == [14, 36, 21])
    until(lambda: one.cursor == [21, 36, 14])
    assert pane(tab, "Axial").get_attribute("aria-valuetext") == "slice 15 of 30"
    tab.keyboard.press("End")
    until(lambda: indices(tab)[0] == 29)
    slider = tab.get_by_role("slider", name="Sagittal slice").first
    slider.fill("3")
    until(lambda: indices(tab)[2] == 3)


@pytest.mark.browser
def test_window_presets_numbers_and_drags(page, until):
    one, _, tab = page
    before = pixels(tab)
    preset = tab.get_by_role("combobox", name="Window preset").first
    preset.select_option("Lung")
    until(lambda: one.windows == [[-600.0, 1500.0]])
    until(lambda: pixels(tab)["sum"] != before["sum"])
    assert pixels(tab)["corner"] >= 250
    width = tab.get_by_role("spinbutton", name="Width, window").first
    width.fill("800")
    width.press("Enter")
    until(lambda: one.windows == [[-600, 800]])
    assert preset.input_value() == ""
    width.fill("-5")  # no width
    width.press("Enter")
    assert one.windows == [[-600, 800]] and width.input_value() == "800"
    box = pane(tab, "Axial").bounding_box()
    tab.mouse.move(box["x"] + 50, box["y"] + 50)
    tab.mouse.down(button="right")
    tab.mouse.move(box["x"] + 100, box["y"] + 80, steps=5)
    tab.mouse.up(button="right")
    until(lambda: one.windows[0][1] > 900 and one.windows[0][0] > -600)
    assert one.cursor == [20, 25, 15], "the crosshair stays"


@pytest.mark.browser
def test_organs_are_shown_and_hidden_without_asking_python(page, until):
    one, _, tab = page
    asked = at_rest(one, tab)
    view = tab.locator(".slices-view").first
    one.mode = "truth"
    until(lambda: view.get_attribute("data-mode") == "truth")
    until(lambda: colored(tab) > 500)
    full = colored(tab)
    liver = view.get_by_role("button", name="Show liver")
    assert "0.87" in liver.inner_text()
    liver.click()
    until(lambda: one.hidden == [1])
    assert liver.get_attribute("aria-pressed") == "false"
    until(lambda: 0 < colored(tab) < full)
    view.get_by_role("button", name="Hide all").click()
    until(lambda: colored(tab) == 0)
    view.get_by_role("button", name="Show all").click()
    view.get_by_role("slider", name="Opacity of the fill").fill("0")
    until(lambda: one.opacity == 0 and 0 < colored(tab) < full / 2)  # the outline alone
    view.get_by_role("button", name="Outline").click()
    until(lambda: colored(tab) == 0)
    assert one.want["seq"] == asked


@pytest.mark.browser
def test_the_worst_slice_shows_what_is_missed(page, until):
    one, _, tab = page
    view = tab.locator(".slices-view").first
    view.get_by_role("button", name="Worst slice of liver").click()
    until(lambda: one.cursor[2] == 12 and indices(tab)[0] == 12)
    outlined = colored(tab)
    one.outline = False
    until(lambda: 0 < colored(tab) < outlined)
    missed = colored(tab)
    view.get_by_role("button", name="Prediction").click()
    until(lambda: one.mode == "prediction" and colored(tab) < missed)
    pane(tab, "Axial").focus()
    for mode in ("difference", "none", "truth"):
        tab.keyboard.press("m")
        until(lambda mode=mode: one.mode == mode)


@pytest.mark.browser
def test_two_sides_follow_one_cursor(page, until):
    _, two, tab = page
    view = tab.locator(".slices-view").nth(1)
    second = view.get_by_role("slider", name="Axial, second")
    box = second.bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    until(lambda: 27 <= two.cursor[0] <= 31 and 36 <= two.cursor[1] <= 39)  # by their share: grids differ
    view.get_by_role("slider", name="Coronal slice").fill("10")
    shown = lambda name: int(view.get_by_role("slider", name=name).get_attribute("data-shown"))  # noqa: E731
    until(lambda: shown("Coronal, first") == 10 and shown("Coronal, second") == 5)
    view.get_by_role("combobox", name="Window, second preset").select_option("Auto")
    assert view.get_by_text("no common space").is_visible()


@pytest.mark.browser
def test_python_moves_the_cursor_and_changes_the_scan(page, until):
    one, _, tab = page
    one.cursor = [1, 2, 3]
    until(lambda: indices(tab) == [3, 2, 1])
    small = slices_of(Side(np.zeros((10, 10, 10), np.float32), np.eye(4), "MR", truth=None))
    kept = slices_of(one_side(), figures={"liver": "0.87"})
    one.param.update(**small)
    until(lambda: indices(tab) == [5, 5, 5])
    one.param.update(**kept)
    until(lambda: indices(tab) == [15, 25, 20])


@pytest.mark.browser
def test_it_fits_a_phone(page, until):
    _, _, tab = page
    tab.set_viewport_size({"width": 390, "height": 900})
    try:
        view = tab.locator(".slices-view").first
        view.evaluate("v => { v.style.width = '370px' }")
        until(lambda: view.locator(".stage.narrow").count() == 1)
        boxes = [view.locator(".pane").nth(k).bounding_box() for k in range(3)]
        assert all(box["width"] <= 370 for box in boxes)
        assert boxes[1]["y"] == boxes[2]["y"] > boxes[0]["y"], "coronal and sagittal beneath the axial"
        until(lambda: indices(tab) == [15, 25, 20])
    finally:
        view.evaluate("v => { v.style.width = '' }")
        tab.set_viewport_size({"width": 1000, "height": 1500})


@pytest.mark.browser
def test_no_error_and_no_other_host(page):
    _, _, tab = page
    assert tab.problems == []
    assert tab.foreign == []
