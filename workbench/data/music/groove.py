"""The record of a drum groove: onsets and velocities as played, and as steps of a sixteenth note."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from workbench.contract.errors import LabError

PIECES = ("crash", "ride", "snare", "kick", "hi-hat", "tom")  # the column order of the paper's text
PAPER = (  # MIDI pitches that the paper's authors merge into each piece; the first is the one they write
    (49, 57, 55, 52),
    (51, 53, 59),
    (38, 40, 37),
    (36,),
    (42, 46, 22, 26),
    (50, 48, 47, 45, 43, 58),
)
GENERAL = ((), (), (), (35,), (), (41,))  # two more of General MIDI, absent from Groove: the other kick, the low tom
PEDAL = 44  # the hi-hat closed by foot; the authors leave it out
MAX_STEPS = 100_000  # 6,250 bars of 4/4
BPM = (5.0, 1000.0)  # slower or faster is no tempo but a damaged file

PIECE_OF = np.full(128, -1, np.int8)  # pitch -> piece, -1 for what is none of the six
for _index, _pitches in enumerate(zip(PAPER, GENERAL, strict=True)):
    PIECE_OF[[*_pitches[0], *_pitches[1]]] = _index
PITCH_OF = np.array([pitches[0] for pitches in PAPER], np.uint8)  # piece -> the pitch written for it


@dataclass(frozen=True, eq=False)
class Groove:
    """A drum performance.

    Hits are kept in the order of (tick, pitch); a pitch struck twice at one tick is two hits.

    Attributes
    ----------
    tick
        (n,) int32, when, in ticks from the start.
    pitch
        (n,) uint8, the MIDI pitch: 22 of them occur in the Groove MIDI Dataset.
    velocity
        (n,) uint8, 1-127.
    ticks_per_beat
        Ticks of a quarter note.
    tempos
        (tick, microseconds per quarter note) of each change of tempo, the first at tick 0. As in MIDI, events that do
        not begin there follow 120 beats a minute, and the last of several at one tick counts.
    meters
        (tick, numerator, denominator) of each time signature, by the same rule; 4/4 holds before the first.
    name, style
        For people; the style as its source words it, such as ``"funk/groove1"``.
    """

    tick: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    ticks_per_beat: int = 480
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    name: str = ""
    style: str = ""

    def __post_init__(self) -> None:
        _check(self)
        order = np.lexsort((self.velocity, self.pitch, self.tick))
        for name, kind in (("tick", np.int32), ("pitch", np.uint8), ("velocity", np.uint8)):
            array = np.asarray(getattr(self, name))[order].astype(kind)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        for name in ("tempos", "meters"):
            start = getattr(Groove, name)  # what holds without an event
            object.__setattr__(self, name, _in_effect((*start, *getattr(self, name))))

    def __len__(self) -> int:
        return len(self.tick)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Groove):
            return NotImplemented
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]

    @property
    def tempo(self) -> float:
        """Beats (quarter notes) per minute at the start."""
        return 6e7 / self.tempos[0][1]

    @property
    def meter(self) -> tuple[int, int]:
        """Numerator and denominator: of the last time signature, as the paper's authors take it."""
        return self.meters[-1][1:]

    @property
    def piece(self) -> np.ndarray:
        """(n,) int8, the index in PIECES; -1 for a pitch that is none of the six, such as the hi-hat's pedal."""
        return PIECE_OF[self.pitch]

    @property
    def step(self) -> np.ndarray:
        """(n,) int64, the nearest sixteenth note; halfway belongs to the later one."""
        return (8 * self.tick.astype(np.int64) + self.ticks_per_beat) // (2 * self.ticks_per_beat)

    @property
    def offset(self) -> np.ndarray:
        """(n,) float64, how far the hit is from its step, in steps, in [-0.5, 0.5): micro-timing."""
        return 4 * self.tick / self.ticks_per_beat - self.step

    @property
    def steps_per_bar(self) -> int:
        """Sixteenth notes of a bar: 16 in 4/4, 12 in 3/4 and 6/8."""
        numerator, denominator = self.meter
        return max(1, round(16 * numerator / denominator))

    @property
    def bars(self) -> int:
        """Bars up to the last hit, the last one counted whole; 0 for a groove without hits."""
        return -(-(int(self.step.max(initial=-1)) + 1) // self.steps_per_bar)

    @property
    def rows(self) -> np.ndarray:
        """(bars * steps_per_bar, 6) bool: is the piece hit in the step? All bars; pitches of no piece are left out."""
        return to_rows(self, self.bars * self.steps_per_bar)


def to_rows(groove: Groove, steps: int, pedal: bool = False) -> np.ndarray:
    """Return the first `steps` steps as a bool array (steps, 6), silent beyond the end.

    Parameters
    ----------
    groove
        The groove.
    steps
        How many sixteenth notes.
    pedal
        Count the hi-hat's pedal as a hit of the hi-hat; the paper's authors do not.
    """
    piece, step = groove.piece, groove.step
    if pedal:
        piece = np.where(groove.pitch == PEDAL, PIECES.index("hi-hat"), piece)
    keep = (piece >= 0) & (step < steps)
    rows = np.zeros((steps, len(PIECES)), bool)
    rows[step[keep], piece[keep]] = True
    return rows


def from_rows(
    rows: np.ndarray,
    tempo: float = 120,
    meter: tuple[int, int] = (4, 4),
    velocity: int = 100,
    name: str = "",
    style: str = "",
) -> Groove:
    """Return a groove whose hits lie exactly on the steps of a bool array (steps, 6), all with one velocity."""
    rows = np.asarray(rows, bool)
    if rows.ndim != 2 or rows.shape[1] != len(PIECES):
        raise LabError(f"The steps have the shape {rows.shape}.", f"Expected is (steps, {len(PIECES)}).")
    step, piece = np.nonzero(rows)
    mspq = round(6e7 / tempo)
    return Groove(
        120 * step, PITCH_OF[piece], np.full(len(step), velocity), 480, ((0, mspq),), ((0, *meter),), name, style
    )


def _in_effect(events: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """Return one event a tick, the last that is given for it, in the order of ticks."""
    return tuple(sorted({event[0]: tuple(event) for event in events}.values()))


def _check(groove: Groove) -> None:
    """Raise an error for what is no groove."""
    tick, pitch, velocity = (np.asarray(getattr(groove, name)) for name in ("tick", "pitch", "velocity"))
    if not tick.ndim == 1 or not tick.shape == pitch.shape == velocity.shape:
        raise LabError(
            f"Ticks, pitches and velocities have the shapes {tick.shape}, {pitch.shape}, {velocity.shape}.",
            "Each hit needs one of each.",
        )
    if not 1 <= groove.ticks_per_beat <= 0x7FFF:
        raise LabError(f"A beat has {groove.ticks_per_beat} ticks.", "MIDI allows 1 to 32,767; 480 is usual.")
    if not groove.tempos or not groove.meters:
        raise LabError("The groove has no tempo or no meter.", "Such as ((0, 500000),) and ((0, 4, 4),).")
    for at, mspq in groove.tempos:
        if at < 0 or not BPM[0] <= 6e7 / max(mspq, 1e-9) <= BPM[1]:
            speed = f"{6e7 / mspq:,.4g} beats a minute" if mspq > 0 else "no time at all for a beat"
            raise LabError(f"The tempo at tick {at} is absurd: {speed}.", f"{BPM[0]:g} to {BPM[1]:g} can be played.")
    for at, numerator, denominator in groove.meters:
        if at < 0 or not 1 <= numerator <= 64 or denominator not in (1, 2, 4, 8, 16, 32, 64):
            raise LabError(f"The meter at tick {at} is {numerator}/{denominator}.", "Such as 4/4, 3/4 or 6/8.")
    if not len(tick):
        return
    if tick.min() < 0 or 4 * int(tick.max()) / groove.ticks_per_beat >= MAX_STEPS:
        raise LabError(
            f"The last hit is at tick {int(tick.max()):,}, the first at {int(tick.min()):,}.",
            f"A groove has at most {MAX_STEPS:,} sixteenth notes, from tick 0.",
        )
    if pitch.min() < 0 or pitch.max() > 127 or velocity.min() < 1 or velocity.max() > 127:
        raise LabError("A pitch or a velocity is out of range.", "Pitches are 0 to 127, velocities 1 to 127.")
