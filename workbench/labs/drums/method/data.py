"""Sources of the grooves: Groove MIDI as the authors chose it, Freedoom's songs, the user's own MIDI files."""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.contract import Context, LabError
from workbench.data.music.groove import Groove
from workbench.data.music.midi import parse_midi, read_midi
from workbench.data.music.named import cut, unpack
from workbench.data.music.own import read_midi_files
from workbench.data.uploads import safe_name
from workbench.labs.drums.common.drumroll import AUTHORS, Rules, encode

BUNDLED = Path(__file__).parents[1] / "bundled" / "grooves.npz"
SPLITS = ("train", "validation", "test")
PIECE_BARS = 16  # songs and own files are cut into pieces as long as the authors' grooves


@dataclass(frozen=True)
class Grooves:
    """A source, split.

    Attributes
    ----------
    name
        The source.
    train, dev, test
        Grooves; no performance, song or file is in two of them.
    notes
        Sentences on what was left out, and why.
    """

    name: str
    train: tuple[Groove, ...]
    dev: tuple[Groove, ...]
    test: tuple[Groove, ...]
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Groove, ...]:
        return self.train + self.dev + self.test


def load(source: str, ctx: Context, rules: Rules = AUTHORS) -> Grooves:
    """Return the grooves of a source that the text can hold.

    Parameters
    ----------
    source
        ``"bundled"``: the authors' selection, the first 16 bars of each, which came with the lab. ``"groove"``: the
        same, whole, from the catalog. ``"freedoom"``: the songs of two free games. ``"file:/absolute/path"``: a MIDI
        file, a folder of them, or a zip archive of them.
    ctx
        Asked for the data.
    rules
        Grooves whose meter they refuse are left out.

    Raises
    ------
    LabError
        If nothing usable is found.
    """
    if source == "bundled":
        found = bundled()
    elif source == "groove":
        found = read_groove(ctx.data("groove"))
    elif source == "freedoom":
        found = read_freedoom(ctx.data("freedoom"))
    elif source.startswith("file:"):
        found = read_own(ctx.data(source))
    else:
        raise LabError(f"There is no source {source!r}.", "Choose bundled, groove, freedoom or file:/path/to/your.mid.")
    return _encodable(found, rules)


def bundled() -> Grooves:
    """Return the authors' 463 grooves as they came with the lab: 16 bars of each, nothing else lost; no download."""
    with np.load(BUNDLED, allow_pickle=False) as box:
        grooves, split = unpack(box), box["split"]
    parts = [tuple(g for g, s in zip(grooves, split, strict=True) if s == k) for k in range(len(SPLITS))]
    return Grooves("Groove MIDI, 16 bars", *parts)


def read_groove(folder: Path) -> Grooves:
    """Return the authors' selection of the Groove MIDI Dataset, in its official split: 378, 48 and 37 performances.

    It is the files named ``_beat_`` of sessions 1 to 3; the evaluation sessions and the short fills are left out.
    """
    parts: dict[str, list[Groove]] = {split: [] for split in SPLITS}
    try:
        with (folder / "info.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            path = row["midi_filename"]
            drummer, session, name = path.split("/")
            if session in ("session1", "session2", "session3") and "_beat_" in name:
                name = f"{drummer.removeprefix('drummer')}_{Path(name).stem}"
                parts[row["split"]].append(replace(read_midi(folder / path), name=name, style=row["style"]))
    except (OSError, KeyError, ValueError) as error:
        raise LabError(f"{folder} is not the Groove MIDI Dataset: {error}.", "Fetch it anew.") from error
    return Grooves("Groove MIDI", *map(tuple, parts.values()))


def read_freedoom(folder: Path) -> Grooves:
    """Return the drums of the songs in Freedoom's WAD files, in pieces of 16 bars, split by song."""
    songs: dict[str, Groove] = {}
    skipped = 0
    for path in sorted(folder.glob("*.wad")):
        for name, blob in lumps(path.read_bytes()):
            if name.startswith("D_"):
                try:
                    groove = replace(parse_midi(blob, f"{name}.mid"), name=f"{path.stem} {name}")
                except LabError:  # no drums, or a song in the games' own older format
                    skipped += 1
                else:
                    songs.setdefault(groove.tick.tobytes() + groove.pitch.tobytes(), groove)  # the games share songs
    notes = (f"{len(songs)} different songs with drums; {skipped} without were left out.",)
    return _split("Freedoom", songs.values(), notes)


def lumps(wad: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the entries of a WAD file (the archive of Doom's engine).

    Raises
    ------
    LabError
        If it is none.
    """
    if len(wad) < 12 or wad[:4] not in (b"IWAD", b"PWAD"):
        raise LabError("This is no WAD file: it begins with neither IWAD nor PWAD.", "Fetch it anew.")
    count, directory = struct.unpack("<ii", wad[4:12])
    if count < 0 or directory < 0 or directory + 16 * count > len(wad):
        raise LabError("The WAD file is cut off.", "Fetch it anew.")
    for at, size, name in struct.iter_unpack("<ii8s", wad[directory : directory + 16 * count]):
        if at >= 0 and size >= 0:
            yield name.rstrip(b"\0").decode("ascii", "replace"), wad[at : at + size]


def read_own(path: Path) -> Grooves:
    """Return the drums of the user's MIDI files (see `read_midi_files`), in pieces of 16 bars, split by file."""
    found, notes = read_midi_files(path)
    return _split(safe_name(path.name), found, notes)


def _split(name: str, songs: Iterable[Groove], notes: tuple[str, ...]) -> Grooves:
    """Keep every tenth song for testing and every tenth for choosing; of fewer than ten, all are for testing."""
    songs = sorted(songs, key=lambda g: (g.name, g.tick.tobytes()))
    parts: tuple[list[Groove], ...] = ([], [], [])
    for k, song in enumerate(songs):
        place = 2 if len(songs) < 10 or k % 10 == 9 else 1 if k % 10 == 4 else 0
        parts[place].extend(pieces(song))
    if len(songs) < 10:
        notes += (f"{len(songs)} files are too few to train on: they are for prompts only.",)
    return Grooves(name, *map(tuple, parts), notes)


def pieces(song: Groove, bars: int = PIECE_BARS) -> list[Groove]:
    """Cut a song into pieces of so many bars, from its first bar with a hit; a rest of half a piece or less is dropped.

    A song shorter than that is one piece.
    """
    length = song.steps_per_bar
    first = int(song.step[0]) // length if len(song) else 0
    starts = range(first, max(first + 1, song.bars - bars // 2), bars)
    found = [replace(cut(song, start, bars), name=f"{song.name} bar {start + 1}") for start in starts]
    return [piece for piece in found if (piece.piece >= 0).any()]


def _encodable(grooves: Grooves, rules: Rules) -> Grooves:
    """Leave out what the text refuses, and say so."""
    parts, refused = [], 0
    for part in (grooves.train, grooves.dev, grooves.test):
        kept = tuple(g for g in part if _fits(g, rules))
        refused += len(part) - len(kept)
        parts.append(kept)
    note = f"{refused} grooves whose meter is not in quarter notes were left out, as the authors do."
    found = replace(
        grooves, train=parts[0], dev=parts[1], test=parts[2], notes=grooves.notes + ((note,) if refused else ())
    )
    if not found.all:
        raise LabError(f"{grooves.name} has no usable groove. {' '.join(found.notes)}", "Choose another source.")
    return found


def _fits(groove: Groove, rules: Rules) -> bool:
    try:
        encode(groove, rules)
    except LabError:
        return False
    return True
