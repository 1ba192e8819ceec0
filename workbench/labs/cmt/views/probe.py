"""The probe: switch sensors off, shake the calibration, move a true box, click a box and see where its query looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.data.scenes.scene import Boxes, Scene, no_boxes
from workbench.labs.cmt.common.kept_scenes import boxes_of, scenes_of
from workbench.labs.cmt.common.shapes import ARMS
from workbench.labs.cmt.params import Question
from workbench.labs.cmt.views import style
from workbench.labs.cmt.views.layers import Layers
from workbench.labs.cmt.views.scenes import reach_of
from workbench.toolkit.detection.verdicts import verdicts
from workbench.ui.controls import controls
from workbench.ui.frame import needs_page, paragraph, view
from workbench.ui.link import remember
from workbench.ui.palette import DARK
from workbench.ui.plots.scene_rows import STATES

ATTENTION, SIMILARITY = "attention", "similarity"
HOW = (
    "Switch the LiDAR or cameras off, leave out beams, turn every camera's calibration, and see what the network still "
    "finds: green is found, red missed, orange false (dashed: predicted). **Click a predicted box**: in yellow, where "
    "its query looks (mean over the heads of the last layer, over both sensors). **Click a true box** (solid) to move "
    "it."
)
HOW_POSITIONS = (
    "Every token of the images and of the bird's-eye plane has a position encoding, and so has every query; both come "
    "from the same networks. In yellow, the cosine of a query's encoding with that of each token: where both sensors' "
    "tokens are alike to it, the query can look at one object in both. Click a predicted box to take its query."
)
MOVES = ("ahead", "left", "turned", "grown")  # fields of the question: how a true box is moved


def probe_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that asks what is found and where a query looks."""
    if link is None:
        return needs_page(HOW, "the network answers")
    return Bench(result, scenes_of(result), link, ATTENTION).layout


def positions_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that asks which tokens have a position encoding like a query's."""
    if link is None:
        return needs_page(HOW_POSITIONS, "the network answers")
    return Bench(result, scenes_of(result), link, SIMILARITY).layout


class Bench:
    """A scene, its sensors, and the answer drawn over it.

    Parameters
    ----------
    result, scenes, link
        What the run gave back, the scenes it keeps, and where to ask.
    over
        What lies over points and images: `ATTENTION` or `SIMILARITY`.
    """

    def __init__(self, result: Result, scenes: dict[str, Scene], link: Any, over: str):
        self.result, self.scenes, self.link, self.over = result, scenes, link, over
        self.query: int | None = None
        self.found: pd.DataFrame | None = None
        self.box = 0
        self.scene = pmui.Select(label="Scene", options=list(scenes), value=next(iter(scenes)), width=180)
        arms = kept_arms(result)
        self.arm = pmui.Select(label="Network", options={ARMS[a].title: a for a in arms}, value=arms[0], width=300)
        asked = controls(Question, lidar=150, shake=230, **dict.fromkeys(MOVES, 170))
        self.lidar, self.shake = asked["lidar"], asked["shake"]
        self.off = pmui.MultiChoice(label="Cameras off", options=[], value=[], width=300)
        self.beams = pmui.Select(
            label="Beams", options={"all": 1, "1/2": 2, "1/4": 4, "1/8": 8, "1/16": 16}, value=1, width=100
        )
        self.least = pmui.FloatSlider(label="Score from", start=0, end=1, step=0.01, value=0.3, width=200)
        self.moves = {name: asked[name] for name in MOVES}
        kept = {"scene": self.scene, "arm": self.arm, "lidar": self.lidar, "beams": self.beams, "shake": self.shake}
        remember(link, **{f"{over}_{key}": widget for key, widget in kept.items()}, **{f"{over}_least": self.least})
        self.note, self.moved = paragraph("Asking the network …"), paragraph("")
        self.drawn = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        for widget in (self.arm, self.lidar, self.off, self.beams):
            widget.param.watch(lambda _: self.ask(), "value")
        for widget in (self.shake, *self.moves.values()):
            widget.param.watch(lambda _: self.ask(), "value_throttled")
        self.least.param.watch(lambda _: self.show(), "value")
        self.scene.param.watch(lambda _: self.open(), "value")
        row = pn.FlexBox(self.scene, self.arm, self.lidar, self.off, self.beams, self.shake, self.least,
                         align_items="center", gap="8px")  # fmt: skip
        parts = [row, self.note, self.drawn]
        if over == ATTENTION:
            parts += [pn.FlexBox(*self.moves.values(), gap="8px"), self.moved]
        self.layout = view(HOW if over == ATTENTION else HOW_POSITIONS, *parts, style.caution(result))
        self.open()

    @property
    def truth(self) -> Boxes:
        """The true boxes of the scene."""
        boxes = self.scenes[self.scene.value].boxes
        return no_boxes() if boxes is None else boxes

    def open(self) -> None:
        """Show a scene, and ask about it."""
        scene = self.scenes[self.scene.value]
        names = [camera.name for camera in scene.cameras]
        self.off.param.update(options=names, value=[n for n in self.off.value if n in names])
        self.query, self.box, self.found = None, 0, None
        self.layers = Layers(scene, reach_of(scene), self._clicked)
        self.drawn[:] = [self.layers.layout]
        self.ask()

    def _clicked(self, row: int) -> None:
        """Take the query of a predicted box, or a true box to be moved."""
        if row < len(self.truth):
            self.box = row
        elif self.found is not None and row - len(self.truth) < len(self.shown):
            self.query = int(self.shown["query"].iloc[row - len(self.truth)])
        self.ask()

    def ask(self) -> None:
        """Send what the widgets say; only the newest question is answered."""
        request = {
            "scene": self.scene.value,
            "arm": self.arm.value,
            "lidar": self.lidar.value,
            "off": list(self.off.value),
            "beams": self.beams.value,
            "shake": float(self.shake.value),
            "query": self.query,
        }
        if self.over == ATTENTION and len(self.truth):
            request |= {"box": self.box} | {key: float(s.value) for key, s in self.moves.items()}
        self.link.probe(request, self._take, self._fail, channel=f"cmt {self.over}")

    def _fail(self, error: Any) -> None:
        self.note.object = f"**No answer.** {error}"

    def _take(self, answer: Result) -> None:
        self.found, self.answer = answer.tables["boxes"], answer
        self.show()

    @property
    def shown(self) -> pd.DataFrame:
        """Predicted boxes with at least the chosen score."""
        return self.found[self.found["score"] >= self.least.value]

    def show(self) -> None:
        """Draw the answer."""
        if self.found is None:
            return
        m, arrays, truth = self.answer.metrics, self.answer.arrays, self.truth
        guess = boxes_of(self.shown, tuple(dict.fromkeys((*truth.classes, *self.shown["class"]))))
        mine, theirs, _ = verdicts(truth, guess)
        colors = [STATES.get(s, DARK.quiet) for s in (*mine, *theirs)]
        said = [f"{n}, {s}" for n, s in zip(truth.names, mine, strict=True)]
        said += [f"{n} {p:.2f}, {s}" for n, p, s in zip(guess.names, guess.score, theirs, strict=True)]
        ghost = self.ghost() if self.over == ATTENTION and len(truth) else None
        self.layers.draw(guess, colors, said, ghost)
        on = {camera.name: camera.name not in self.off.value for camera in self.scenes[self.scene.value].cameras}
        self.layers.switch(self.lidar.value, on)
        bev, views = arrays.get(f"bev_{self.over}"), arrays.get(f"view_{self.over}")
        self.layers.cover(bev, views, arrays["anchor"], signed=self.over == SIMILARITY)
        counts = f"{(mine == 'matched').sum()} of {len(truth)} objects found, {(theirs == 'false').sum()} false"
        self.note.object = (
            f"From a score of {self.least.value:.2f}: **{counts}**. This scene alone: NDS **{m['nds']:.3f}**, mAP "
            f"{m['map']:.3f}, ATE {m['ate']:.2f} m, ASE {m['ase']:.2f}, AOE {m['aoe']:.2f} rad. Query "
            f"{m['query']:.0f}, anchor {where(arrays['anchor'])}. "
            f"Answered in {m['milliseconds']:.0f} ms."
        )
        if "moved_nds" in m:
            self.moved.object = (
                f"A detector that finds every {truth.names[self.box]} of this scene exactly, but number "
                f"{self.box + 1} as the sliders say (white): AP {m['moved_map']:.3f}, ATE **{m['moved_ate']:.2f} m**, "
                f"ASE **{m['moved_ase']:.2f}**, AOE **{m['moved_aoe']:.2f} rad**, NDS **{m['moved_nds']:.3f}** (of "
                "this class). Beyond 2 m it is no longer found, and its errors no longer count."
            )

    def ghost(self) -> Boxes | None:
        """Return the moved box; None where it is not moved."""
        value = {key: s.value for key, s in self.moves.items()}
        if all(value[key] == Question.param[key].default for key in MOVES):
            return None
        one = self.truth.take(np.array([self.box]))
        one.center[:, :2] += value["ahead"], value["left"]
        one.size[:] *= value["grown"]
        one.yaw[:] += np.radians(value["turned"])
        return one


def where(at: np.ndarray) -> str:
    """Return a place (3,) in m as text.

    >>> where(np.array([-4.0, 2.0, 0.0]))
    '4.0 m behind, 2.0 m to the left'
    """
    along, side = "ahead" if at[0] >= 0 else "behind", "left" if at[1] >= 0 else "right"
    return f"{abs(at[0]):.1f} m {along}, {abs(at[1]):.1f} m to the {side}"


def kept_arms(result: Result) -> list[str]:
    """Return the arms whose network a run keeps, in the order of `run.kept_jobs`."""
    trained = list(dict.fromkeys(result.tables["networks"]["arm"]))
    return [arm for arm in ("masked", "plain") if arm in trained] or trained[:1]
