"""The view of a scene alone on a page: every picture is painted, and a click on a box selects it in all of them."""

from __future__ import annotations

import bokeh.models as bm
import numpy as np
import pytest

from workbench.data.scenes.simulated import Recipe, sim_scene
from workbench.ui.plots.scenes import scene_view

SPOT = """([id, x, y]) => {
    const plot = Bokeh.documents.map((d) => d.get_model_by_id(id)).find((m) => m);
    const view = Bokeh.index.find_one(plot), box = view.el.getBoundingClientRect(), frame = view.frame;
    return [box.x + frame.x_scale.compute(x), box.y + frame.y_scale.compute(y)];
}"""

PAINTED = """(ids) => ids.every((id) => {
    const plot = Bokeh.documents.map((d) => d.get_model_by_id(id)).find((m) => m);
    const view = plot && Bokeh.index.find_one(plot);
    if (!view?.has_finished() || !(view.frame.bbox.width > 200 && view.frame.bbox.height > 50)) return false;
    const {canvas} = view.export("png", false);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const count = new Map();
    for (const color of new Uint32Array(pixels.buffer)) count.set(color, 1 + (count.get(color) ?? 0));
    return Math.max(...count.values()) < pixels.length / 4 / 2;  // one color: 0.22 with the photograph, 0.84 without
})"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_from_above_selects_in_every_picture(served, width):
    scene, made = sim_scene(Recipe(height=64, width=160, fine=1), "train", 1), []

    def page():
        made.append(scene_view(scene))
        return made[-1]

    with served(page, width, 900) as tab:
        tab.get_by_text("Click a box").wait_for(timeout=60_000)
        tab.wait_for_timeout(2000)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        plots = [p.object for p in made[-1].select(lambda o: isinstance(getattr(o, "object", None), bm.Plot))]
        tab.wait_for_function(PAINTED, arg=[plot.id for plot in plots[:-1]], timeout=60_000)
        drawn = [next(r.data_source for r in p.renderers if isinstance(r.glyph, bm.MultiLine)) for p in plots]
        tab.get_by_text("Click a box").scroll_into_view_if_needed()
        k = int(np.argmax(scene.boxes.size[:, 0]))  # the longest is the easiest to hit
        x, y = scene.boxes.center[k, :2]
        tab.mouse.click(*tab.evaluate(SPOT, [plots[-1].id, -float(y), float(x)]))
        tab.get_by_text("LiDAR points").wait_for(timeout=60_000)
        assert [s.selected.indices for s in drawn] == [[k]] * 7
        assert not tab.problems and not tab.foreign
