"""The user's own MIDI: one file, a folder of them, or a zip archive."""

from __future__ import annotations

import tempfile
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.music.groove import Groove
from workbench.data.music.midi import MIDI_SUFFIXES, read_midi
from workbench.data.reader import reader
from workbench.data.uploads import safe_name

SUFFIXES = (*MIDI_SUFFIXES, ".zip")
MAX_FILES = 2_000
MAX_UNPACKED = 200_000_000  # bytes of a zip archive
TOLD = 5  # files that cannot be used are named up to this many


@reader
def read_midi_files(path: Path) -> tuple[list[Groove], tuple[str, ...]]:
    """Return the drums of a MIDI file, of all MIDI files below a folder, or of those in a zip archive.

    Returns
    -------
    (list, tuple)
        The grooves in the order of their files' names, and a sentence for each file that cannot be used.

    Raises
    ------
    LabError
        If no file can be used, or there are too many. Of an archive nothing but MIDI files is unpacked, and nothing
        outside of a temporary folder.
    """
    if path.suffix.lower() != ".zip":
        return _read(path, safe_name(path.name))
    patterns = tuple(f"*{s}" for suffix in MIDI_SUFFIXES for s in (suffix, suffix.upper()))
    with tempfile.TemporaryDirectory() as folder:
        inside = archives.extract(path, "", Path(folder) / "files", patterns, MAX_UNPACKED)
        return _read(inside, safe_name(path.name))


def _read(path: Path, shown: str) -> tuple[list[Groove], tuple[str, ...]]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix.lower() in MIDI_SUFFIXES)
    if not files:
        raise LabError(f"{shown} holds no MIDI file.", f"Their names end in {', '.join(MIDI_SUFFIXES)}.")
    if len(files) > MAX_FILES:
        raise LabError(f"{shown} holds {len(files):,} MIDI files; {MAX_FILES:,} is the limit.", "Take fewer.")
    grooves, wrong = [], []
    for file in files:
        try:
            grooves.append(read_midi(file))
        except LabError as error:
            wrong.append(error)
    if not grooves:
        if len(files) == 1:
            raise wrong[0]
        raise LabError(f"None of {len(files)} MIDI files can be used. {wrong[0].cause}", wrong[0].hint)
    notes = [error.cause for error in wrong[:TOLD]]
    if len(wrong) > TOLD:
        notes.append(f"{len(wrong) - TOLD} more files could not be used.")
    return grooves, tuple(notes)
