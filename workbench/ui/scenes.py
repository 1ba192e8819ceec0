"""The shared pictures of driving scenes: every camera with points and boxes, the bird's-eye view, one selection across
all.

A view of a lab::

    def scene_tab(result, link=None):
        return scene_view(scene, found, link=link)     # found: `Boxes` in the scene's frame, or None

A click on a box in any picture selects it in all of them; what it is stands below. What the reader sets goes to
``link.state["scene"]``.
"""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.data.scenes import Boxes, Scene, no_boxes
from workbench.detection.verdicts import FALSE, FOUND, MISSED, verdicts
from workbench.ui.frame import flow, pane, view
from workbench.ui.link import Link
from workbench.ui.palette import DARK
from workbench.ui.sceneplots import bird_eye, edges, footprints, from_left, picture, point_colors, points_from_above
from workbench.ui.style import html

PAINTS = ("class", "truth or prediction", "matched, missed, false")
POINTS = ("height", "intensity", "distance")
DOT = "display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px"
STATES = {FOUND: DARK.good, MISSED: DARK.bad, FALSE: DARK.unsure}
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
        Where choices are kept and restored, under `key`: ``paint``, ``points``, ``score`` and ``selected``.
    reach
        m that the bird's-eye view shows to every side.
    least
        The score from which predictions are shown at first.
    """
    kept = dict(link.state.get(key, {})) if link else {}
    truth, guess = scene.boxes or no_boxes(), found or no_boxes()
    cameras = sorted(scene.cameras, key=from_left)
    rows = _Rows(truth, guess)
    sources = [bm.ColumnDataSource(footprints(truth, guess))]
    sources += [bm.ColumnDataSource(edges(truth, guess, camera)) for camera in cameras]
    cloud, thinned = points_from_above(scene, reach)
    above = bird_eye(sources[0], cloud, reach)
    shots = [picture(scene, camera, source) for camera, source in zip(cameras, sources[1:], strict=True)]
    for source in sources:
        others = [s for s in sources if s is not source]
        source.selected.js_on_change("indices", bm.CustomJS(args={"others": others}, code=SHARE))

    options = PAINTS if found is not None else PAINTS[:1]
    paint = pmui.Select(label="Boxes by", options=list(options), value=_one_of(kept.get("paint"), options), width=260)
    points = pmui.Select(label="Points by", options=list(POINTS), value=_one_of(kept.get("points"), POINTS), width=150)
    score = pmui.FloatSlider(
        label="Score from", start=0, end=1, step=0.01, value=float(kept.get("score", least)), width=220
    )
    told, chosen = html(), html(margin=(4, 5))

    def draw(*_: Any) -> None:
        color, shown, state = rows.drawn(paint.value, score.value)
        told.object = rows.legend(paint.value, shown, state, found is not None)
        for source in sources:
            source.data.update(color=color, alpha=shown.astype(float).tolist(), word=rows.words(state))
        say(None, None, sources[0].selected.indices)
        keep()

    def recolor(*_: Any) -> None:
        cloud.data["color"] = point_colors(cloud, points.value)
        keep()

    def say(_name: Any, _old: Any, new: list[int]) -> None:
        _, _, state = rows.drawn(paint.value, score.value)
        chosen.object = rows.described(new[0], state) if new and new[0] < len(rows) else rows.hint
        keep()

    def keep() -> None:
        if link is not None:
            now = {"paint": paint.value, "points": points.value, "score": score.value}
            link.state[key] = now | {"selected": list(sources[0].selected.indices)}

    for source in sources:
        source.selected.indices = [k for k in kept.get("selected", []) if isinstance(k, int) and 0 <= k < len(rows)]
    sources[0].selected.on_change("indices", say)
    paint.param.watch(draw, "value")
    score.param.watch(draw, "value")
    points.param.watch(recolor, "value")
    recolor()
    draw()
    notes = [scene.note] if scene.note else []
    notes += (
        [f"{thinned:,} of {len(scene.points):,} points are drawn from above"] if thinned < len(scene.points) else []
    )
    controls = pn.FlexBox(paint, points, *([score] if found is not None else []), gap="8px", align_items="center")
    return view(
        "Boxes are solid where they are true and dashed where they are predicted; a line from the middle "
        "points to the front. From above, ahead is up." + "".join(f" *{note}.*" for note in notes),
        controls,
        told,
        *([flow(*[pane(s) for s in shots], width=380)] if shots else []),
        pane(above),
        chosen,
    )


class _Rows:
    """The boxes of both kinds, true ones first: row k is the same box in every picture."""

    def __init__(self, truth: Boxes, guess: Boxes):
        self.truth, self.guess = truth, guess
        self.classes = sorted({*truth.names, *guess.names})
        self.hint = '<p class="soft">Click a box: it is selected in every picture.</p>' if len(self) else ""

    def __len__(self) -> int:
        return len(self.truth) + len(self.guess)

    def drawn(self, paint: str, least: float) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Return color, whether it is shown, and state of each row."""
        shown = np.concatenate([np.ones(len(self.truth), bool), self.guess.score >= least])
        mine, theirs, _ = verdicts(self.truth, self.guess.take(self.guess.score >= least))
        state = np.concatenate([mine, np.full(len(self.guess), "", dtype=object)])
        state[len(self.truth) :][self.guess.score >= least] = theirs
        if paint == PAINTS[1]:
            color = [DARK.color(0)] * len(self.truth) + [DARK.color(1)] * len(self.guess)
        elif paint == PAINTS[2]:
            color = [STATES.get(s, DARK.quiet) for s in state]
        else:
            color = [DARK.color(self.classes.index(n)) for n in (*self.truth.names, *self.guess.names)]
        return color, shown, state

    def words(self, state: np.ndarray) -> list[str]:
        said = [f"{n}, true" for n in self.truth.names]
        said += [f"{n}, score {s:.2f}" for n, s in zip(self.guess.names, self.guess.score, strict=True)]
        return [f"{w}, {s}" if s and len(self.guess) else w for w, s in zip(said, state, strict=True)]

    def legend(self, paint: str, shown: np.ndarray, state: np.ndarray, judged: bool) -> str:
        there = self.truth.names
        if paint == PAINTS[1]:
            predicted = int(shown.sum()) - len(there)
            parts = [("true", DARK.color(0), len(there)), ("predicted", DARK.color(1), predicted)]
        elif paint == PAINTS[2]:
            mine, theirs = state[: len(there)], state[len(there) :]
            parts = [(name, STATES[name], int((mine == name).sum())) for name in (FOUND, MISSED)]
            parts += [(FALSE, STATES[FALSE], int((theirs == FALSE).sum()))]
        else:
            names = np.array([*there, *self.guess.names], dtype=object)[shown]
            parts = [(n, DARK.color(k), int((names == n).sum())) for k, n in enumerate(self.classes)]
        dots = "".join(
            f'<span style="display:inline-block;margin-right:14px"><span aria-hidden="true" style="{DOT};'
            f'background:{c}"></span>{escape(n)} {count}</span>'
            for n, c, count in parts
        )
        within = '<span class="soft">within 2 m of the center</span>' if judged and paint == PAINTS[2] else ""
        return f'<p class="small" role="status">{dots}{within}</p>'

    def described(self, row: int, state: np.ndarray) -> str:
        boxes, k = (self.truth, row) if row < len(self.truth) else (self.guess, row - len(self.truth))
        x, y, z = boxes.center[k]
        length, width, height = boxes.size[k]
        facts = {
            "Box": self.words(state)[row],
            "Center": f"{x:.1f} m ahead, {abs(y):.1f} m to the {'left' if y >= 0 else 'right'}, {z:+.1f} m",
            "Length, width, height": f"{length:.2f}, {width:.2f}, {height:.2f} m",
            "Yaw": f"{np.degrees(boxes.yaw[k]):.0f}°",
        }
        if np.isfinite(boxes.velocity[k]).all():
            facts["Speed"] = f"{np.hypot(*boxes.velocity[k]):.1f} m/s"
        if boxes.points[k] >= 0:
            facts["LiDAR points"] = f"{boxes.points[k]:,}"
        told = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
        return f'<dl class="facts" role="status">{told}</dl>'


def _one_of(value: Any, options: tuple[str, ...]) -> str:
    return value if value in options else options[0]
