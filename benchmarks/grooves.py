"""How fast drum grooves are read and measured, against the usual reader and the textbook loop, in the same run.

    python benchmarks/grooves.py        two to five minutes; nearly all of them are the peers'

Reading: every MIDI file of the Groove MIDI Dataset (or, where it is not on this machine, the 463 grooves that come with
the lab, written as MIDI), as workbench grooves, by pretty_midi, and by symusic without our checks; mido, which walks
through the events one by one, says how many notes there are. Measuring: the d_i of 1,000 grooves made of real bars in
random order, by our table of all pairs, by the textbook loop as in the paper's code, and by the C library Levenshtein.
Prints tables and writes benchmarks/grooves.json. Exit code 1 when a peer is missing, we miss a note or a distance, or
reading is less than 20 times, measuring less than 10 times faster than its peer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.music.midi import read_midi, to_midi
from workbench.labs.drums.common.bars import bars_of
from workbench.labs.drums.common.drumroll import Rules, encode, to_text
from workbench.labs.drums.common.measures import stabilities
from workbench.labs.drums.method.data import bundled

GOALS = {"reading": 20, "measuring": 10}  # times faster than pretty_midi, than the textbook loop
GROOVES = 1_000


def timed(work: Callable[[], object], runs: int = 1) -> tuple[float, object]:
    """Return the median of processor seconds, and what came out."""
    took = []
    for _ in range(runs):
        start = time.process_time()
        found = work()
        took.append(time.process_time() - start)
    return sorted(took)[len(took) // 2], found


# reading ------------------------------------------------------------------------------------------------------------


def midi_files(folder: Path) -> list[Path]:
    if get_entry("groove").state in ("here", "mirror"):
        return sorted(resolve("groove")[0].rglob("*.mid"))
    for k, groove in enumerate(bundled().all):
        (folder / f"{k:03}.mid").write_bytes(to_midi(groove))
    return sorted(folder.glob("*.mid"))


def with_pretty_midi(files: list[Path]) -> int:
    import pretty_midi

    drums = (i for f in files for i in pretty_midi.PrettyMIDI(str(f)).instruments if i.is_drum)
    return sum(len(instrument.notes) for instrument in drums)


def with_mido(files: list[Path]) -> int:
    import mido

    messages = (message for f in files for track in mido.MidiFile(f).tracks for message in track)
    return sum(m.type == "note_on" and m.velocity > 0 and m.channel == 9 for m in messages)


def with_symusic(files: list[Path]) -> int:
    from symusic import Score

    return sum(len(track.notes) for f in files for track in Score(f).tracks if track.is_drum)


def reading() -> dict:
    with tempfile.TemporaryDirectory() as folder:
        files = midi_files(Path(folder))
        read_midi(files[0])
        ours, notes = timed(lambda: sum(len(read_midi(f)) for f in files), 3)
        bare, bare_notes = timed(lambda: with_symusic(files), 3)
        theirs, their_notes = timed(lambda: with_pretty_midi(files))
        all_notes = with_mido(files)
    return {
        "files": len(files),
        "seconds": {"workbench": ours, "symusic alone": bare, "pretty_midi": theirs},
        "notes": {"workbench": notes, "symusic alone": bare_notes, "pretty_midi": their_notes, "mido": all_notes},
        "ratio": theirs / ours,
        "agree": notes == all_notes,
    }


# measuring ----------------------------------------------------------------------------------------------------------


def textbook(s1: str, s2: str) -> int:
    """Levenshtein distance with one row kept, one character at a time."""
    above = range(len(s1) + 1)
    for i, b in enumerate(s2, 1):
        row = [i]
        for j, a in enumerate(s1):
            row.append(above[j] if a == b else 1 + min(above[j], above[j + 1], row[-1]))
        above = row
    return above[-1]


def one_by_one(songs: list[np.ndarray], distance: Callable[[str, str], int]) -> list[np.ndarray]:
    """The d_i, each distance of two neighbors computed once."""
    found = []
    for rows in songs:
        bars = ["\n".join(to_text(bar).splitlines(keepends=True)) for bar in bars_of(rows)]
        steps = np.array([distance(a, b) for a, b in zip(bars, bars[1:], strict=False)])
        found.append(np.minimum(steps[:-1], steps[1:]))
    return found


def songs() -> list[np.ndarray]:
    real = [bar for g in bundled().all for bar in bars_of(encode(g, Rules(quarters_only=False, pad=False)))]
    bars = np.array([bar for bar in real if len(bar) == 16 and bar.any()])  # (bars, 16, 6)
    return list(bars[np.random.default_rng(0).integers(len(bars), size=(GROOVES, 16))].reshape(GROOVES, 256, 6))


def measuring() -> dict:
    import Levenshtein

    grooves = songs()
    stabilities(grooves[:2])
    ours, mine = timed(lambda: stabilities(grooves), 3)
    library, by_library = timed(lambda: one_by_one(grooves, Levenshtein.distance), 3)
    theirs, by_loop = timed(lambda: one_by_one(grooves, textbook))
    same = all(np.array_equal(a, b) and np.array_equal(b, c) for a, b, c in zip(mine, by_loop, by_library, strict=True))
    return {
        "grooves": GROOVES,
        "seconds": {"workbench": ours, "textbook loop": theirs, "Levenshtein (C)": library},
        "ratio": theirs / ours,
        "agree": same,
    }


def main() -> int:
    warnings.filterwarnings("ignore")
    try:
        found = {"reading": reading(), "measuring": measuring()}
    except ImportError as error:
        print(f"{error}: pip install -r benchmarks/requirements.txt")
        return 1
    found["versions"] = {name: version(name) for name in ("symusic", "pretty_midi", "Levenshtein", "numpy")}
    found["load"] = os.getloadavg()[0]
    for name, goal in GOALS.items():
        table = found[name]
        print(f"\n{name}: {table.get('files') or table['grooves']:,} {'files' if 'files' in table else 'grooves'}")
        for who, seconds in table["seconds"].items():
            print(f"  {who:16} {seconds:8.2f} s   {seconds / table['seconds']['workbench']:7.2f} times ours")
        for who, notes in table.get("notes", {}).items():
            print(f"  {who:16} {notes:8,} notes")
        print(f"  {table['ratio']:.0f} times faster, goal {goal}; {'all' if table['agree'] else 'NOT ALL'} right")
    Path(__file__).with_name("grooves.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(found[name]["ratio"] < goal or not found[name]["agree"] for name, goal in GOALS.items()))


if __name__ == "__main__":
    sys.exit(main())
