"""The surfaces: where and how large they are, and in a real browser what turns, hides and zooms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import panel as pn
import pytest

from workbench_widgets import Surfaces, jupyter_widget
from workbench_widgets.surfaces import mesh, packed, surfaces

AFFINE = np.array([[0.0, 2, 0, 5], [1.5, 0, 0, -40], [0, 0, 3, 100], [0, 0, 0, 1]])  # turned, no two sides alike


def balls() -> np.ndarray:
    """Return two balls of 30 mm and 15 mm radius, labels 2 and 7, in voxels of 1.5 x 2 x 3 mm."""
    x, y, z = np.indices((120, 60, 40), dtype=float)
    mm = np.stack([x * 1.5, y * 2, z * 3], -1)
    far = lambda *middle: np.linalg.norm(mm - middle, axis=-1)  # noqa: E731
    return np.where(far(60, 60, 60) < 30, 2, np.where(far(130, 60, 60) < 15, 7, 0)).astype(np.uint8)


def area(one: mesh.Surface) -> float:
    a, b, c = (one.points[one.triangles[:, k]] for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_balls_are_where_and_as_large_as_they_are_in_the_body():
    found, note = surfaces(balls(), AFFINE, {1: 2, 2: 7, 3: 9})
    assert set(found) == {1, 2}, "an organ that does not occur has no surface"
    for organ, radius, middle in ((1, 30, (60, 60, 60)), (2, 15, (130, 60, 60))):
        one = found[organ]
        center = AFFINE @ [*(np.array(middle) / (1.5, 2, 3)), 1]
        away = np.linalg.norm(one.points - center[:3], axis=1)
        assert away.mean() == pytest.approx(radius, abs=0.7)
        assert abs(away - radius).max() < 2.5
        assert area(one) == pytest.approx(4 * np.pi * radius**2, rel=0.12)
        outward = ((one.points - center[:3]) / away[:, None] * one.normals).sum(1)
        assert abs(outward).mean() > 0.9 and abs(outward).min() > 0.5  # voxels have corners
        assert np.linalg.norm(one.normals, axis=1) == pytest.approx(1, abs=1e-3)
        edges = np.sort(one.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "closed"
    assert "1.5 × 2 × 3 mm" in note and "every voxel was used" in note


def test_large_volumes_are_thinned_and_say_so(monkeypatch):
    fine, _ = surfaces(balls(), AFFINE, {1: 2})
    monkeypatch.setattr(mesh, "TRIANGLES", len(fine[1].triangles) // 3)
    coarse, note = surfaces(balls(), AFFINE, {1: 2})
    assert len(coarse[1].triangles) <= mesh.TRIANGLES
    assert "joined by" in note
    assert area(coarse[1]) == pytest.approx(area(fine[1]), rel=0.12)


def test_an_organ_thinner_than_a_cell_or_at_the_rim_is_still_there(monkeypatch):
    monkeypatch.setattr(mesh, "CELLS", 1000)
    labels = np.zeros((41, 43, 47), np.uint8)
    labels[:, 20, 20] = 1
    labels[40, 42, 46] = 2
    found, _ = surfaces(labels, np.eye(4), {1: 1, 2: 2})
    assert all(len(one.triangles) for one in found.values())
    assert np.ptp(found[1].points[:, 0]) == pytest.approx(41, abs=4)
    assert found[2].points.mean(0) == pytest.approx([40, 42, 46], abs=3)


def test_what_is_sent_is_what_was_found():
    found, note = surfaces(balls(), AFFINE, {1: 2, 2: 7})
    blob = packed(found, note)
    size = int(np.frombuffer(blob[:4], np.uint32)[0])
    head = json.loads(blob[4 : 4 + size])
    start = 4 + size
    assert start % 4 == 0
    for organ, points, triangles in head["meshes"]:
        places = np.frombuffer(blob, np.uint16, points * 4, start).reshape(-1, 4)[:, :3]
        assert head["low"] + places * np.array(head["step"]) == pytest.approx(found[organ].points, abs=0.01)
        start += points * 12
        flat = np.frombuffer(blob, np.uint32, triangles * 3, start)
        assert (flat.reshape(-1, 3) == found[organ].triangles).all()
        start += triangles * 12
    assert start == len(blob)
    assert packed({}, "")[4:5] == b"{"


def test_both_kinds_have_the_same_fields_and_module_and_ask_no_host():
    widget, component = jupyter_widget(Surfaces)(), Surfaces()
    for name in ("mesh", "organs", "hidden", "camera"):
        assert getattr(widget, name) == getattr(component, name)
        assert widget.trait_metadata(name, "sync")
    assert widget._esm == Surfaces._esm
    assert not re.search(r"^\s*import\b|https?://", Surfaces._esm, re.MULTILINE)


@pytest.fixture(scope="module")
def page(served) -> Iterator[tuple]:
    """Yield (the component, the browser page that shows it)."""
    found, note = surfaces(balls(), np.diag([1.5, 2, 3, 1.0]), {1: 2, 2: 7})
    organs = [["liver", "#E69F00", ""], ["kidney", "#56B4E9", ""]]
    view = Surfaces(mesh=packed(found, note), organs=organs, camera=[0, 0, 1], width=600)
    with served(pn.Column(view), 800, 800) as tab:
        tab.locator('.surfaces-view[data-meshes="2"]').wait_for(timeout=60_000)
        yield view, tab


SEEN = """c => {
    const flat = document.createElement("canvas")
    Object.assign(flat, {width: c.width, height: c.height})
    const brush = flat.getContext("2d", {willReadFrequently: true})
    brush.drawImage(c, 0, 0)
    const data = brush.getImageData(0, 0, c.width, c.height).data
    const sums = {liver: [0, 0, 0], kidney: [0, 0, 0]} // orange, blue
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] <= 200 || data[i] === data[i + 2]) { continue }
        const sum = sums[data[i] > data[i + 2] ? "liver" : "kidney"], pixel = i / 4
        sum[0] += pixel % c.width
        sum[1] += Math.floor(pixel / c.width)
        sum[2] += 1
    }
    return sums
}"""


def seen(tab) -> dict[str, list[float]]:
    """Return where the orange and the blue ball are on the screen, and how many pixels they have: x, y, count."""
    sums = tab.locator(".surfaces-view canvas").evaluate(SEEN)
    return {name: [x / count, y / count, count] for name, (x, y, count) in sums.items() if count}


def until(tab, holds):
    for _ in range(600):
        if value := holds():
            return value
        tab.wait_for_timeout(100)
    raise AssertionError("it did not come to hold within 60 s")


@pytest.mark.browser
def test_right_is_left_from_the_front_and_right_from_the_back(page):
    view, tab = page
    front = until(tab, lambda: len(now := seen(tab)) == 2 and now)
    assert front["kidney"][0] < front["liver"][0] - 50, "the kidney lies to the patient's right"
    assert front["liver"][2] == pytest.approx(4 * front["kidney"][2], rel=0.15), "a ball of twice the radius"
    tab.get_by_role("button", name="Back").click()
    until(tab, lambda: len(now := seen(tab)) == 2 and now["kidney"][0] > now["liver"][0] + 50)
    tab.get_by_role("button", name="Head").click()
    until(tab, lambda: len(now := seen(tab)) == 2 and now["kidney"][0] < now["liver"][0] - 50)
    until(tab, lambda: view.camera == [0, 90, 1])  # Python hears it when the hand rests


@pytest.mark.browser
def test_hand_wheel_and_keys_turn_and_zoom(page):
    view, tab = page
    view.camera = [0, 0, 1]
    until(tab, lambda: tab.locator(".surfaces-view").get_attribute("data-camera") == "0.00 0.00 1.00")
    box = tab.get_by_role("application").bounding_box()
    tab.mouse.move(box["x"] + 200, box["y"] + 200)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 260, box["y"] + 220, steps=4)
    tab.mouse.up()
    until(tab, lambda: view.camera == [30, 10, 1])
    size = seen(tab)["liver"][2]
    tab.mouse.wheel(0, -200)
    until(tab, lambda: view.camera[2] > 1.4 and seen(tab)["liver"][2] > 1.5 * size)
    tab.keyboard.press("0")
    tab.keyboard.press("ArrowRight")
    until(tab, lambda: view.camera == [35, 10, 1])


@pytest.mark.browser
def test_hidden_organs_are_not_drawn(page):
    view, tab = page
    view.hidden = [1]
    until(tab, lambda: list(seen(tab)) == ["kidney"])
    view.hidden = []
    until(tab, lambda: len(seen(tab)) == 2)


@pytest.mark.browser
def test_no_error_and_no_other_host(page):
    _, tab = page
    assert tab.problems == []
    assert tab.foreign == []
