"""The shared pictures of driving scenes: every camera with points and boxes, from above, and in 3-D on demand; one
selection across all.

A view of a lab::

    def scene_tab(result, link=None):
        return scene_view(scene, found, link=link)     # found: `Boxes` in the scene's frame, or None

A click on a box in any picture selects it in all of them; what it is stands below. What the reader sets goes to
``link.state["scene"]``.
"""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import panel as pn
import panel_material_ui as pmui

from workbench.data.scenes.pictures import SHADES
from workbench.data.scenes.scene import Boxes, Scene
from workbench.ui.frame import flow, pane, view
from workbench.ui.link import Link
from workbench.ui.plots.scene_3d import Space
from workbench.ui.plots.scene_plots import (
    FILL,
    bird_eye,
    edges,
    footprints,
    from_left,
    picture,
    points_from_above,
    rgba,
)
from workbench.ui.plots.scene_rows import PAINTS, POINTS, Rows
from workbench.ui.style import html
from workbench_widgets.scene import looks

SHARE = """
for (const s of others)
    if (String(s.selected.indices) !== String(cb_obj.indices)) s.selected.indices = cb_obj.indices
"""  # one selection across all pictures, in the browser


def scene_view(
    scene: Scene,
    found: Boxes | None = None,
    *,
    link: Link | None = None,
    key: str = "scene",
    reach: float = 50.0,
    least: float = 0.3,
) -> pn.Column:
    """Show a scene with its true boxes (solid) and predicted ones (dashed).

    Parameters
    ----------
    scene
        Without points, without cameras or without boxes, too.
    found
        Predictions in the scene's frame, with scores.
    link
        Where choices are kept and restored, under `key`: ``paint``, ``points``, ``score``, ``selected``, and once
        it is shown in 3-D ``camera``.
    reach
        m that the bird's-eye view shows to every side.
    least
        The score from which predictions are shown at first.
    """
    kept = link.state.get(key) if link else None
    kept = kept if isinstance(kept, dict) else {}
    cameras = sorted(scene.cameras, key=from_left)
    rows = Rows(scene.boxes, found)
    sources = [bm.ColumnDataSource(footprints(rows.truth, rows.guess))]
    sources += [bm.ColumnDataSource(edges(rows.truth, rows.guess, camera)) for camera in cameras]
    cloud, near = points_from_above(scene, reach)
    above = bird_eye(sources[0], cloud, reach)
    shots = [picture(scene, camera, source) for camera, source in zip(cameras, sources[1:], strict=True)]
    space = Space(scene, rows, kept.get("camera"))
    for source in sources:
        others = [s for s in sources if s is not source]
        source.selected.js_on_change("indices", bm.CustomJS(args={"others": others}, code=SHARE))

    paints, shades = PAINTS if found is not None else PAINTS[:1], POINTS if len(rows) else SHADES
    paint = pmui.Select(label="Boxes by", options=list(paints), value=_one_of(kept.get("paint"), paints), width=260)
    points = pmui.Select(label="Points by", options=list(shades), value=_one_of(kept.get("points"), shades), width=180)
    start = kept.get("score") if isinstance(kept.get("score"), int | float) else least
    score = pmui.FloatSlider(label="Score from", start=0, end=1, step=0.01, value=min(max(start, 0), 1), width=220)
    told, chosen = html(), html(margin=(4, 5))

    def draw(*_: Any) -> None:
        color, shown, state = rows.drawn(paint.value, score.value)
        told.object = rows.legend(paint.value, shown, state, found is not None)
        for source in sources:
            source.data.update(color=color, alpha=shown.astype(float).tolist(), word=rows.words(state))
        sources[0].data["fill"] = (FILL * shown).tolist()
        space.view.looks = looks(color, shown)
        if points.value not in SHADES:
            recolor()
        say(None, None, sources[0].selected.indices)

    def recolor(*_: Any) -> None:
        color, shown, _ = rows.drawn(paint.value, score.value)
        cloud.data["color"] = rgba(rows.point_colors(near, points.value, color, shown))
        space.view.shade = points.value
        keep()

    def say(_name: Any, _old: Any, new: list[int]) -> None:
        _, _, state = rows.drawn(paint.value, score.value)
        chosen.object = rows.described(new[0], state) if new and new[0] < len(rows) else rows.hint
        space.view.selected = list(new[:1])
        keep()

    def keep(*_: Any) -> None:
        if link is not None:
            now = {"paint": paint.value, "points": points.value, "score": score.value}
            now |= {"camera": space.camera} if space.camera is not None else {}
            link.state[key] = now | {"selected": list(sources[0].selected.indices)}

    def take(event: Any) -> None:  # what was chosen in 3-D
        if list(sources[0].selected.indices[:1]) != event.new:
            for source in sources:
                source.selected.indices = list(event.new)

    for source in sources:
        source.selected.indices = [
            k for k in _listed(kept.get("selected")) if isinstance(k, int) and 0 <= k < len(rows)
        ]
    sources[0].selected.on_change("indices", say)
    paint.param.watch(draw, "value")
    score.param.watch(draw, "value")
    points.param.watch(recolor, "value")
    space.view.param.watch(take, "selected")
    space.view.param.watch(lambda event: points.param.update(value=event.new), "shade")
    space.view.param.watch(keep, "camera", onlychanged=False)
    recolor()
    draw()
    notes = [scene.note] if scene.note else []
    if len(near) < len(scene.points):
        notes += [f"{len(near):,} of {len(scene.points):,} points are drawn from above"]
    controls = pn.FlexBox(paint, points, *([score] if found is not None else []), gap="8px", align_items="center")
    return view(
        "Boxes are solid where they are true and dashed where they are predicted; a line from the middle "
        "points to the front. From above, ahead is up." + "".join(f" *{note}.*" for note in notes),
        controls,
        told,
        *([flow(*[pane(s) for s in shots], width=380)] if shots else []),
        flow(pane(above), space.layout, width=480),
        chosen,
    )


def _one_of(value: Any, options: tuple[str, ...]) -> str:
    return value if value in options else options[0]


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else []
