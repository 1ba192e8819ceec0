"""The boxes of a scene as rows, true ones first: the color of each, whether it is shown, and what is said of it.

Pages and windows take them from here, so that a box looks the same in all of them. Nothing of Panel's is imported.
"""

from __future__ import annotations

from html import escape

import numpy as np

from workbench.data.scenes.geometry import corners, owners
from workbench.data.scenes.pictures import SHADES, ramp, shade
from workbench.data.scenes.scene import Boxes, no_boxes
from workbench.toolkit.detection.verdicts import FALSE, FOUND, MISSED, verdicts
from workbench.ui.palette import DARK

PAINTS = ("class", "truth or prediction", "matched, missed, false")
STATES = {FOUND: DARK.good, MISSED: DARK.bad, FALSE: DARK.unsure}
INSIDE = "what they lie in"  # as in workbench_widgets.scene, which brings all of Panel along
POINTS = (*SHADES, INSIDE)
AROUND = "#5C6670"  # points that lie in no box
DOT = "display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px"


class Rows:
    """The boxes of both kinds, true ones first: row k is the same box in every picture.

    Parameters
    ----------
    truth, guess
        Annotated and predicted boxes, in the scene's frame; None for none.
    """

    def __init__(self, truth: Boxes | None, guess: Boxes | None):
        self.truth, self.guess = truth or no_boxes(), guess or no_boxes()
        truth, guess = self.truth, self.guess
        self.classes = sorted({*truth.names, *guess.names})
        self.hint = '<p class="soft">Click a box: it is selected in every picture.</p>' if len(self) else ""

    def __len__(self) -> int:
        return len(self.truth) + len(self.guess)

    @property
    def predicted(self) -> np.ndarray:
        """(M,) whether a row is a prediction."""
        return np.arange(len(self)) >= len(self.truth)

    def corners(self) -> np.ndarray:
        """Return the corners (M, 8, 3) of all rows."""
        return np.concatenate([corners(self.truth), corners(self.guess)])

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Return the row (N,) that each point lies in, -1 for none: a true box, else the likeliest prediction."""
        order = np.argsort(self.guess.score, kind="stable")  # the last one counts
        last = owners(points, self.guess.take(order))[0]
        guess = np.where(last < 0, -1, len(self.truth) + np.append(order, 0)[last])
        truth = owners(points, self.truth)[0]
        return np.where(truth < 0, guess, truth)

    def point_colors(self, points: np.ndarray, by: str, color: list[str], shown: np.ndarray) -> np.ndarray:
        """Return colors (N, 3) uint8 of points by one of `POINTS`; `color` and `shown` are those of `drawn`."""
        if by in SHADES:
            return ramp(shade(points, by))
        seen = [c if s else AROUND for c, s in zip(color, shown, strict=True)]
        table = np.frombuffer(bytes.fromhex("".join(c[1:] for c in (*seen, AROUND))), np.uint8).reshape(-1, 3)
        return table[self.inside(points)]  # -1 is the last

    def drawn(self, paint: str, least: float) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Return color ``"#rrggbb"``, whether it is shown, and state of each row.

        `paint` is one of `PAINTS`, `least` the score from which predictions are shown, and judged.
        """
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

    def tags(self) -> list[str]:
        """Return what stands over each box: its class, of a prediction the score too."""
        scored = [f"{n} {s:.2f}" for n, s in zip(self.guess.names, self.guess.score, strict=True)]
        return [*map(str, self.truth.names), *scored]

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
        entries = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
        return f'<dl class="facts" role="status">{entries}</dl>'
