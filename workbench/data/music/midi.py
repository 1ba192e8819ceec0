"""MIDI files in and out. symusic parses; what it would accept without a word, and should not, is checked around it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from symusic import Note, Score, Tempo, TextMeta, TimeSignature, Track

from workbench.contract.errors import LabError
from workbench.data.music import riff
from workbench.data.music.groove import Groove
from workbench.data.uploads import safe_name

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
MAX_BYTES = 5_000_000  # two hours of Groove's drummers, the whole data set, have 5.3 MB
END_OF_TRACK = b"\xff\x2f\x00"
NAME, STYLE = "groove: ", "style: "  # how two markers of ours begin, which keep a groove's name and style
LAST = "workbench: end of track"  # a marker behind a track's last event: symusic got that far
CHANNEL = 9  # the tenth: General MIDI's drums
LENGTHS = {0xC0: 1, 0xD0: 1, 0xF1: 1, 0xF2: 2, 0xF3: 1} | dict.fromkeys(range(0xF4, 0xFF), 0)  # data bytes; others 2
REPAIR = "It may be cut off or damaged: export it again as a standard MIDI file."


def read_midi(path: Path | str) -> Groove:
    """Read the drums (channel 10) of a MIDI file; see `parse_midi`.

    Raises
    ------
    LabError
        In words, if the file cannot be read, is too large, or is no usable MIDI file.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LabError(
                f"{safe_name(path.name)} has {size / 1e6:,.1f} MB; {MAX_BYTES / 1e6:,.0f} MB is the limit.",
                "A drum performance of an hour has less: cut it into pieces.",
            )
        blob = path.read_bytes()
    except (OSError, ValueError) as error:
        raise LabError(f"{str(path)!r} cannot be read: {error}.", "Check the path and its permissions.") from error
    return parse_midi(blob, path.name)


def parse_midi(blob: bytes, filename: str = "groove.mid") -> Groove:
    """Read the drums of a MIDI file that is in memory.

    Every note-on of channel 10 becomes a hit, in all tracks, also one that is never ended (as some drum machines write,
    and one of Groove's 446,312 notes). Until the first tempo it is 120 beats a minute, until the first time signature
    4/4; of several at one tick the last counts.

    Parameters
    ----------
    blob
        The file's content, format 0 or 1; also inside of a RIFF container (RMID).
    filename
        For the messages and, without its suffix, for the groove's name, unless `to_midi` wrote one into the file.

    Raises
    ------
    LabError
        If it is no MIDI file, cut off or damaged, of format 2, timed in film frames (SMPTE), without drums, or has an
        absurd tempo, meter or length.
    """
    shown = safe_name(filename)
    if len(blob) > MAX_BYTES:
        raise LabError(f"{shown} has {len(blob) / 1e6:,.1f} MB; {MAX_BYTES / 1e6:,.0f} MB is the limit.", REPAIR)
    if blob[:4] == b"RIFF" and blob[8:12] == b"RMID":
        blob = dict(riff.chunks(blob)).get("data", b"")
    header, tracks = _chunks(blob, shown)
    once = np.ones(128, int)
    score = _parse(header, tracks, [once] * len(tracks), shown)
    drums = [t for t in score.tracks if t.is_drum]
    if _still_open(score, drums):  # notes without an end, which symusic would drop: end as many as there can be
        counts = [np.bincount(np.frombuffer(t, np.uint8), minlength=128)[:128] for t in tracks]
        score = _parse(header, tracks, counts, shown)
        drums = [t for t in score.tracks if t.is_drum]
    notes = [t.notes.numpy() for t in drums]
    tick, pitch, velocity = (
        np.concatenate([n[key] for n in notes] or [np.zeros(0, int)]) for key in ("time", "pitch", "velocity")
    )
    if not len(tick):
        raise LabError(
            f"{shown} has no drums: no note on channel 10.", "Put the drums on channel 10, and export again."
        )
    texts = [_text(m) for m in score.markers]
    tempos = _in_order([(t.time, t.mspq) for t in score.tempos], tracks, 0x51, _tempo)
    meters = _in_order([(m.time, m.numerator, m.denominator) for m in score.time_signatures], tracks, 0x58, _meter)
    try:
        return Groove(
            tick,
            pitch,
            velocity,
            score.tpq,
            tempos or Groove.tempos,
            meters or Groove.meters,
            name=next((t.removeprefix(NAME) for t in texts if t.startswith(NAME)), Path(shown).stem),
            style=next((t.removeprefix(STYLE) for t in texts if t.startswith(STYLE)), ""),
        )
    except LabError as error:
        raise LabError(f"{shown}: {error.cause}", error.hint) from error


def to_midi(groove: Groove) -> bytes:
    """Return a groove as a MIDI file of format 1; `parse_midi` gives an equal groove back."""
    score = Score(groove.ticks_per_beat)
    score.tempos.extend([Tempo(at, mspq=mspq) for at, mspq in groove.tempos])
    score.time_signatures.extend([TimeSignature(*meter) for meter in groove.meters])
    name, style = (text.encode("utf-8", "replace").decode() for text in (groove.name, groove.style))
    score.markers.extend([TextMeta(0, NAME + name), TextMeta(0, STYLE + style)])
    track = Track(name, 0, True)
    length = np.full(len(groove), max(1, groove.ticks_per_beat // 4), np.int32)
    pitch, velocity = groove.pitch.astype(np.int8), groove.velocity.astype(np.int8)
    track.notes = Note.from_numpy(groove.tick.copy(), length, pitch, velocity)  # a copy: symusic refuses read-only
    score.tracks.append(track)
    return score.dumps_midi()


def _chunks(blob: bytes, shown: str) -> tuple[bytes, list[bytes]]:
    """Return the header's division and the bytes of each track, or say what is wrong with the file's frame."""
    if len(blob) < 14 or blob[:4] != b"MThd":
        raise LabError(f"{shown} is no MIDI file: it does not begin with MThd.", "Export it as .mid.")
    length, form, count, division = struct.unpack(">IHHH", blob[4:14])
    if length < 6 or form > 2:
        raise LabError(f"{shown} has a damaged header (length {length}, format {form}).", REPAIR)
    if form == 2:
        raise LabError(f"{shown} is of format 2: independent patterns, not one piece.", "Export it as format 0 or 1.")
    if division & 0x8000:
        raise LabError(f"{shown} is timed in film frames (SMPTE), not in beats.", "Export it with ticks per beat.")
    if not division:
        raise LabError(f"{shown} has 0 ticks per beat.", REPAIR)
    if not count:
        raise LabError(f"{shown} has no track.", "Export it with its drum track.")
    at, tracks = 8 + length, []
    while at + 8 <= len(blob) and len(tracks) < count:
        kind, size = blob[at : at + 4], int.from_bytes(blob[at + 4 : at + 8], "big")
        if at + 8 + size > len(blob):
            raise LabError(f"{shown} is cut off: {at + 8 + size - len(blob):,} bytes are missing.", REPAIR)
        if kind == b"MTrk":
            tracks.append(blob[at + 8 : at + 8 + size])
        at += 8 + size
    if len(tracks) < count:
        raise LabError(f"{shown} is cut off: {len(tracks)} of {count} tracks are there.", REPAIR)
    return struct.pack(">H", division), tracks


def _parse(header: bytes, tracks: list[bytes], ends: list[np.ndarray], shown: str) -> Score:
    """Parse tracks to each of which a marker, and a tick later `ends` note-offs for each pitch, were appended."""
    bodies = []
    for track, counts in zip(tracks, ends, strict=True):
        pitches = np.repeat(np.arange(128, dtype=np.uint8), counts)
        offs = np.zeros((len(pitches), 4), np.uint8)  # delta time, note-off, pitch, velocity
        offs[:, 1], offs[:, 2] = 0x80 | CHANNEL, pitches
        offs[:1, 0] = 1
        marker = b"\xff\x06" + bytes([len(LAST)]) + LAST.encode()
        start = track.removesuffix(END_OF_TRACK) if track.endswith(END_OF_TRACK) else track + b"\0"
        body = start + marker + offs.tobytes() + b"\0" + END_OF_TRACK
        bodies.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    try:
        score = Score.from_midi(b"MThd" + struct.pack(">IHH", 6, 1, len(tracks)) + header + b"".join(bodies))
    except RuntimeError as error:
        words = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error").rstrip("!. ")
        raise LabError(f"{shown} is damaged. The parser says: {words}.", REPAIR) from error
    if sum(_text(m) == LAST for m in score.markers) < len(tracks):
        raise LabError(f"{shown} is damaged: a track ends before its last event.", REPAIR)
    return score


def _still_open(score: Score, drums: list[Track]) -> bool:
    """Return whether a note was ended by us only: a tick after a track's last event."""
    lasts = [m.time + 1 for m in score.markers if _text(m) == LAST]
    ends = (n["time"] + n["duration"] for n in (t.notes.numpy() for t in drums))
    return any(np.isin(end, lasts).any() for end in ends)


def _in_order(
    events: list[tuple[int, ...]], tracks: list[bytes], kind: int, values: Callable[[bytes], tuple[int, ...]]
) -> tuple[tuple[int, ...], ...]:
    """Return the events of a kind in the order of the file: symusic mixes up those of one tick where there are many."""
    if len({at for at, *_ in events}) == len(events):
        return tuple(events)
    found = [(at, *values(data)) for track in tracks for at, other, data in _meta(track) if other == kind]
    return tuple(sorted(found, key=lambda event: event[0]))  # sorted is stable, unlike symusic


def _tempo(data: bytes) -> tuple[int]:
    return (int.from_bytes(data[:3], "big"),)


def _meter(data: bytes) -> tuple[int, int]:
    numerator, power = data[:2].ljust(2, b"\0")
    return numerator, 1 << power


def _meta(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (tick, kind, data) of the meta events of a track that symusic has read, so that it is sound."""

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            at += 1
            value = value << 7 | track[at - 1] & 0x7F
            if track[at - 1] < 0x80:
                return value

    at, tick, running = 0, 0, 0
    while at < len(track):
        tick += number()
        status = running
        if track[at] & 0x80:
            status, at = track[at], at + 1
            running = status if status < 0xF0 else running
        if status in (0xF0, 0xF7, 0xFF):  # system messages and meta events tell their length
            kind, at = track[at], at + (status == 0xFF)
            length = number()
            if status == 0xFF:
                yield tick, kind, track[at : at + length]
            at += length
        else:
            at += LENGTHS.get(status if status >= 0xF0 else status & 0xF0, 2)


def _text(marker: TextMeta) -> str:
    try:
        return marker.text
    except UnicodeDecodeError:  # a stranger's alphabet
        return ""
