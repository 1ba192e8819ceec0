"""Known sets of grooves: as plain arrays, cut into pieces, and described before a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.music.groove import Groove

ARRAYS = ("hits", "delta", "pitch", "velocity", "ticks_per_beat", "tempos", "meters", "names", "styles")


@dataclass(frozen=True)
class GrooveCard:
    """Contents of a set of grooves, to be looked at before a run.

    Attributes
    ----------
    grooves, hits, minutes
        How many, all hits, and the time from each start to its last hit.
    bars, silent, distinct
        Bars in each groove's own meter; those without a hit of the six pieces; different ones among the others.
    meters, styles
        Grooves by meter (``"4/4"``) and by family of styles (``"funk"`` of ``"funk/groove1"``), the most frequent
        first.
    tempo
        Slowest and fastest of all that hold while there are hits, in beats a minute.
    left_out
        Share of the hits whose pitch is none of the six pieces; mostly the hi-hat's pedal.
    warnings
        What a model or a measure may stumble over.
    """

    grooves: int
    hits: int
    minutes: float
    bars: int
    silent: int
    distinct: int
    meters: dict[str, int]
    styles: dict[str, int]
    tempo: tuple[float, float]
    left_out: float
    warnings: tuple[str, ...] = ()


def facts(card: GrooveCard) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    slow, fast = card.tempo
    words = {
        "Grooves": f"{card.grooves:,}",
        "Hits": f"{card.hits:,}" + (f", {card.left_out:.1%} outside of the six pieces" if card.left_out else ""),
        "Minutes": f"{card.minutes:,.1f}",
        "Bars": f"{card.bars:,}: {card.distinct:,} different, {card.silent:,} silent",
        "Meters": counts(card.meters),
        "Styles": counts(card.styles),
        "Tempo": f"{slow:.0f} beats a minute" if round(slow) == round(fast) else f"{slow:.0f} to {fast:.0f} a minute",
    }
    if set(card.styles) == {"unknown"}:
        del words["Styles"]
    return words


def counts(names: Mapping[str, int], most: int = 6) -> str:
    """Return names with their counts, the names alone if there is but one."""
    if len(names) == 1:
        return next(iter(names))
    words = ", ".join(f"{name} ({count:,})" for name, count in list(names.items())[:most])
    return words + (f" and {len(names) - most} more" if len(names) > most else "")


def groove_card(grooves: Sequence[Groove]) -> GrooveCard:
    """Describe a set of grooves.

    Raises
    ------
    LabError
        If there is none.
    """
    if not grooves:
        raise LabError("There is no groove to describe.", "Choose a source that has some.")
    bars = [bar for g in grooves for bar in g.rows.reshape(g.bars, -1)]
    sounding = [bar for bar in bars if bar.any()]
    pieces = np.concatenate([g.piece for g in grooves])
    meters = Counter("{}/{}".format(*g.meter) for g in grooves)
    tempos = [6e7 / mspq for g in grooves for at, mspq in g.tempos if at <= g.tick.max(initial=0)]
    card = GrooveCard(
        grooves=len(grooves),
        hits=len(pieces),
        minutes=sum(float(times(g).max(initial=0)) for g in grooves) / 60,
        bars=len(bars),
        silent=len(bars) - len(sounding),
        distinct=len({(len(bar), np.packbits(bar).tobytes()) for bar in sounding}),
        meters=dict(meters.most_common()),
        styles=dict(Counter(g.style.split("/")[0] or "unknown" for g in grooves).most_common()),
        tempo=(min(tempos), max(tempos)),
        left_out=float((pieces < 0).mean()) if len(pieces) else 0.0,
    )
    return replace(card, warnings=tuple(_warnings(card, grooves)))


def _warnings(card: GrooveCard, grooves: Sequence[Groove]) -> list[str]:
    found = []
    other = card.grooves - sum(n for meter, n in card.meters.items() if meter.endswith("/4"))
    if other:
        found.append(f"{other} of {card.grooves} grooves do not count in quarter notes: the paper leaves them out.")
    short = sum(g.bars * g.steps_per_bar <= 128 for g in grooves)
    if short:
        found.append(f"{short} of {card.grooves} grooves have at most 8 bars: padding fills them up with silence.")
    changing = sum(len({m[1:] for m in g.meters}) > 1 for g in grooves)
    if changing:
        found.append(f"{changing} grooves change their meter: bars are counted in the last one.")
    copies = card.grooves - len({(g.tick.tobytes(), g.pitch.tobytes()) for g in grooves})
    if copies:
        found.append(f"{copies} grooves repeat another one hit by hit: training and test may share them.")
    return found


def times(groove: Groove) -> np.ndarray:
    """Return when each hit sounds, (n,) seconds, through all changes of tempo."""
    at = np.array([tick for tick, _ in groove.tempos], float)
    pace = np.array([mspq for _, mspq in groove.tempos]) / groove.ticks_per_beat / 1e6  # seconds a tick
    reached = np.concatenate([[0], np.cumsum(np.diff(at) * pace[:-1])])
    now = np.searchsorted(at, groove.tick, side="right") - 1
    return reached[now] + (groove.tick - at[now]) * pace[now]


def cut(groove: Groove, start: int, bars: int) -> Groove:
    """Return some bars of a groove as a groove of its own, with the tempo and the meter that hold there."""
    length = groove.steps_per_bar
    keep = (groove.step >= start * length) & (groove.step < (start + bars) * length)
    first = start * length * groove.ticks_per_beat // 4
    return replace(
        groove,
        tick=np.maximum(groove.tick[keep] - first, 0),  # a hit just before the first beat belongs to it
        pitch=groove.pitch[keep],
        velocity=groove.velocity[keep],
        tempos=_from(groove.tempos, first),
        meters=_from(groove.meters, first),
    )


def _from(events: tuple, first: int) -> tuple:
    """The event that holds at a tick, and those after it, counted from that tick."""
    holds = max((k for k, event in enumerate(events) if event[0] <= first), default=0)
    return tuple((max(0, event[0] - first), *event[1:]) for event in events[holds:])


def pack(grooves: Sequence[Groove]) -> dict[str, np.ndarray]:
    """Return grooves as plain arrays, for `numpy.savez_compressed` or a result; `unpack` gives equal grooves back."""
    delta = _joined([np.diff(g.tick, prepend=0) for g in grooves])  # differences compress to a third of the ticks
    return {
        "hits": np.array([len(g) for g in grooves], np.int32),
        "delta": delta.astype(np.min_scalar_type(int(delta.max(initial=0)))),
        "pitch": _joined([g.pitch for g in grooves]).astype(np.uint8),
        "velocity": _joined([g.velocity for g in grooves]).astype(np.uint8),
        "ticks_per_beat": np.array([g.ticks_per_beat for g in grooves], np.int32),
        "tempos": _events([g.tempos for g in grooves], 3),
        "meters": _events([g.meters for g in grooves], 4),
        "names": np.array([g.name for g in grooves], str),
        "styles": np.array([g.style for g in grooves], str),
    }


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _events(events: list[tuple[tuple[int, ...], ...]], width: int) -> np.ndarray:
    """One row an event: the groove's number and what the event holds."""
    return np.array([(k, *event) for k, those in enumerate(events) for event in those], np.int32).reshape(-1, width)


def unpack(arrays: Mapping[str, np.ndarray]) -> list[Groove]:
    """Return the grooves that `pack` packed.

    Raises
    ------
    LabError
        If an array is missing or does not fit the others.
    """
    missing = [key for key in ARRAYS if key not in arrays]
    if missing:
        raise LabError(f"Grooves are kept as {len(ARRAYS)} arrays; {missing[0]} is missing.", "Pack them anew.")
    hits, delta, pitch, velocity, beat, tempos, meters, names, styles = (np.asarray(arrays[key]) for key in ARRAYS)
    if not hits.sum() == len(delta) == len(pitch) == len(velocity) or not len(hits) == len(beat) == len(names):
        raise LabError("The arrays of the grooves do not fit each other.", "Pack them anew.")
    ends = np.cumsum(hits).tolist()
    return [
        Groove(
            np.cumsum(delta[start:end]),
            pitch[start:end],
            velocity[start:end],
            int(beat[k]),
            tuple(map(tuple, tempos[tempos[:, 0] == k, 1:].tolist())),
            tuple(map(tuple, meters[meters[:, 0] == k, 1:].tolist())),
            str(names[k]),
            str(styles[k]),
        )
        for k, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]
