"""The grooves of a run as rows: what is learned from, what is continued, and what people played there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.contract import Context, LabError
from workbench.data.music.groove import Groove
from workbench.labs.drums.common.drumroll import ENOUGH, PROMPT, encode, strip_silence
from workbench.labs.drums.common.players import whole_bars
from workbench.labs.drums.method.data import load
from workbench.labs.drums.params import BUNDLED, OWN, Params

LEAST = 3  # bars of a groove that can be learned from: a prompt and one to foretell


@dataclass(frozen=True)
class Material:
    """Grooves as rows (steps, 6).

    Attributes
    ----------
    train
        Bars (bars, 16, 6) of the grooves that are learned from, without the silence around them.
    test
        The test grooves as the authors measure them: padded to 16 bars.
    prompts
        The first two bars of each (32, 6), after its leading silence.
    names, styles
        Of the test grooves.
    notes
        Sentences on what was left out.
    """

    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    prompts: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    styles: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def foretold(self) -> list[np.ndarray]:
        """The bars (bars, 16, 6) of each test groove, without the silence around them."""
        return [played(strip_silence(rows)) for rows in self.test]


def material(params: Params, ctx: Context) -> Material:
    """Return the grooves a run asks for.

    Own files that are too few to learn from are continued only; what is learned from is then what ships with the lab.

    Raises
    ------
    LabError
        If an own file is asked for and none is named, or nothing is long enough.
    """
    source = params.dataset
    if source == OWN:
        if not params.file:
            raise LabError("No file is named.", "Give the path of a MIDI file or of a folder of them as `file`.")
        source = f"file:{Path(params.file).expanduser().resolve()}"
    found = load(source, ctx)
    notes = list(found.notes)
    lessons = found.train
    if not lessons:
        lessons = load(BUNDLED, ctx).train
        notes.append("What is learned from are the grooves that ship with the lab.")
    train = [bars for bars in map(bars_to_learn, lessons) if len(bars) >= LEAST]
    test = [(groove, encode(groove)) for groove in found.test if len(strip_silence(encode(groove))) > ENOUGH]
    if not test:
        raise LabError(
            "No groove is long enough to be continued and compared.",
            f"Each needs more than {ENOUGH} rows, eight bars, after its leading silence.",
        )
    return Material(
        tuple(train),
        tuple(rows for _, rows in test),
        tuple(strip_silence(rows)[:PROMPT] for _, rows in test),
        tuple(groove.name for groove, _ in test),
        tuple(groove.style for groove, _ in test),
        tuple(notes),
    )


def bars_to_learn(groove: Groove) -> np.ndarray:
    """Return the bars (bars, 16, 6) of a groove without the silence around them."""
    return played(strip_silence(encode(groove)))


def played(rows: np.ndarray) -> np.ndarray:
    """Return the bars (bars, 16, 6) of rows without the silent ones at the end, which padding put there."""
    bars = whole_bars(rows)
    last = np.flatnonzero(bars.any((1, 2)))
    return bars[: last[-1] + 1] if len(last) else bars[:0]
