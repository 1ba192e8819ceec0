"""`StepGrid`: a drum step sequencer that one clicks, drags, hears and takes away as MIDI or WAV.

Its parts are joined to one ES module, which serves Panel (`StepGrid`) and Jupyter (``jupyter_widget(StepGrid)``):
``score.js`` what is hit, ``sound.js`` what is heard, ``files.js`` what is downloaded, ``board.js`` what is drawn,
``hands.js`` what pointer, finger and keyboard do, ``view.js`` the entry.

Who writes what: Python alone writes ``hits``; the browser alone writes ``edits``, the cells that the reader changed.
`take_edits` puts them into ``hits`` and acknowledges them by ``revision``. So bars that are streamed from Python
(``grid.param.update(hits=grid.hits + more, steps=...)``) and an edit under way never undo each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained, joined

PIECES = ("crash", "ride", "snare", "kick", "hi-hat", "tom")  # the order of the paper's six columns
PITCHES = (49, 51, 38, 36, 42, 50)  # General MIDI

HERE = Path(__file__).parent
PARTS = ("score", "files", "sound", "board", "hands", "view")


def take_edits(grid: Any) -> dict[str, Any]:
    """Return the fields of a grid that change when the reader's ``edits`` are taken in.

    ``edits`` are ``[revision, finished edits, cells]``; a cell is ``[step, piece, [[velocity, offset], ...]]`` and
    replaces all hits of that step and piece.

    Examples
    --------
    >>> grid = StepGrid(hits=[[0, 3, 100, 0.0], [4, 2, 90, 0.0]])
    >>> grid.edits = [7, 1, [[0, 3, []], [8, 3, [[96, 0.25]]]]]
    >>> grid.hits, grid.revision, grid.settled
    ([[4, 2, 90, 0.0], [8, 3, 96, 0.25]], 7, 1)
    """
    revision, finished, cells = grid.edits
    replaced = {(step, piece) for step, piece, _ in cells}
    kept = [hit for hit in grid.hits if (hit[0], hit[1]) not in replaced]
    added = [[step, piece, *hit] for step, piece, there in cells for hit in there]
    hits = sorted(kept + added, key=lambda hit: hit[:2])
    return {"hits": hits, "revision": revision, "settled": max(grid.settled, finished)}


class StepGrid(SelfContained, AnyWidgetComponent):
    """The step grid as a Panel component. A step is a sixteenth: four are one beat of ``tempo``."""

    hits = param.List(
        [],
        doc="[step, piece, velocity 1-127, offset -0.5 to 0.5 of a step] each, and its MIDI pitch if it differs from "
        "the piece's; see `hit_list`. Several may stand in one cell (a flam).",
    )
    pieces = param.List(list(PIECES), item_type=str, bounds=(1, 64), doc="Names, drawn in a musician's order.")
    pitches = param.List(list(PITCHES), item_type=int, doc="MIDI pitch of each piece, for the download.")
    steps = param.Integer(32, bounds=(1, 2048), doc="Length of the grid, steps.")
    steps_per_bar = param.Integer(16, bounds=(1, 64), doc="Length of a bar, steps: 16 for 4/4, 12 for 3/4.")
    ticks_per_beat = param.Integer(480, bounds=(4, 32767), doc="Resolution of the MIDI download.")
    prompt_steps = param.Integer(0, bounds=(0, None), doc="How many steps are the prompt; 0 draws no mark.")
    marks = param.List([], doc="Flagged bars: [bar from 0, label] each.")
    curve = param.List([], doc="A value a bar, drawn beneath the grid; None leaves a bar out.")
    curve_label = param.String("", doc="What the curve shows.")
    probabilities = param.List([], doc="[step, piece, probability] each: a gauge at the right of the cell.")
    samples = param.Dict({}, doc="Sound of each piece, by name: a WAV file in base64. What is missing is synthesized.")
    editable = param.Boolean(True, doc="Whether the reader may change the hits.")

    tempo = param.Number(120.0, bounds=(20, 400), doc="Quarter notes a minute; the reader may change it.")
    loop = param.List([], doc="Steps [from, to) that are repeated; empty plays to the end. The reader may change it.")
    playing = param.Boolean(False, doc="Whether it sounds; browsers allow sound only after a first click on the page.")
    muted = param.List([], item_type=str, doc="Pieces that are silent.")
    soloed = param.List([], item_type=str, doc="If any: the only pieces that sound.")
    cursor = param.Integer(0, bounds=(0, None), doc="Step under the pointer or the keyboard's focus.")

    edits = param.List([], doc="From the browser: what the reader changed, see `take_edits`.")
    revision = param.Integer(0, doc="Number of the last edit that is in `hits`.")
    settled = param.Integer(0, doc="How many edits were finished: goes up when a hand is taken off; watch this one.")

    _esm = joined(HERE, PARTS)

    @param.depends("edits", watch=True)
    def _answer(self) -> None:
        self.param.update(take_edits(self))

    _answers = {"edits": take_edits}  # the same, for `jupyter_widget`


def hit_list(
    step: Sequence[int],
    piece: Sequence[int],
    velocity: Sequence[int] | int = 100,
    offset: Sequence[float] | float = 0.0,
    pitch: Sequence[int] | None = None,
) -> list[list]:
    """Return hits as ``StepGrid.hits`` wants them.

    Parameters
    ----------
    step, piece
        Where each hit stands (n,): sixteenth, counted from 0, and index into the pieces.
    velocity
        How hard (n,) or one for all: 1 to 127.
    offset
        How early or late (n,) or one for all: -0.5 to 0.5 of a step.
    pitch
        MIDI pitch of each hit (n,), where a piece stands for several.

    Examples
    --------
    >>> hit_list([0, 4], [3, 2], [100, 90])
    [[0, 3, 100, 0.0], [4, 2, 90, 0.0]]
    """
    step, piece, velocity, offset = np.broadcast_arrays(step, piece, velocity, offset)
    columns = [step.astype(int), piece.astype(int), velocity.astype(int), np.round(offset.astype(float), 6)]
    if np.any(columns[0] < 0) or np.any(columns[1] < 0):
        raise ValueError("steps and pieces count from 0")
    if np.any((columns[2] < 1) | (columns[2] > 127)):
        raise ValueError("a velocity is a number from 1 to 127")
    if np.any(np.abs(columns[3]) > 0.5):
        raise ValueError("an offset is a fraction of a step, from -0.5 to 0.5")
    if pitch is not None:
        columns.append(np.asarray(pitch).astype(int))
    return [list(hit) for hit in zip(*(column.tolist() for column in columns), strict=True)]
