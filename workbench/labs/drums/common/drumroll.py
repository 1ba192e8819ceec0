"""The paper's "drumroll" text: a line a sixteenth note, a character a piece, ``o`` for a hit and ``-`` for silence.

The rules are the authors', read from their code and checked on all 457 of their texts. Their known defects are the
default of `Rules`, each with its own switch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contract import LabError
from workbench.data.music.groove import PIECES, Groove, to_rows

HIT, REST, SEP, END = "o", "-", "SEP", "END"
WIDTH = len(PIECES)
BAR = 16  # rows between two SEP lines, whatever the meter: in 3/4 and 5/4 SEP falls inside a bar
PROMPT = 2 * BAR  # rows of the prompt
ENOUGH = 128  # a groove is used when it has more rows than this


@dataclass(frozen=True)
class Rules:
    """Rules from a groove to text; the defaults are the authors'.

    Attributes
    ----------
    bars
        Clip after so many bars; None for all.
    pad
        Fill shorter grooves up to `bars` with silent rows. The authors' measures then count bars that nobody played:
        only 23 of the 37 test grooves have 16 bars with a hit in each.
    pedal
        Count the hi-hat's pedal (11.7 % of Groove's notes) as a hit of the hi-hat; the authors drop it.
    quarters_only
        Refuse meters that do not count in quarter notes, such as 6/8.
    """

    bars: int | None = 16
    pad: bool = True
    pedal: bool = False
    quarters_only: bool = True


AUTHORS = Rules()


@dataclass(frozen=True)
class Parsed:
    """Result of parsing what a model wrote.

    Attributes
    ----------
    rows
        (steps, 6) bool; a malformed row keeps its place: it is cut or filled to six, and what is not ``o`` is silence.
    malformed
        Rows that are not six characters ``o`` or ``-``.
    ended
        Whether the text has END.
    """

    rows: np.ndarray
    malformed: int
    ended: bool


def encode(groove: Groove, rules: Rules = AUTHORS) -> np.ndarray:
    """Return a groove's rows, a bool array (steps, 6), after the given rules.

    Velocity, flams, micro-timing and triplets are lost, and pitches are merged into six pieces.

    Raises
    ------
    LabError
        If the meter is refused by the rules.
    """
    numerator, denominator = groove.meter
    if rules.quarters_only and denominator != 4:
        raise LabError(
            f"{groove.name or 'The groove'} is in {numerator}/{denominator}; the authors use x/4 only.",
            "Choose another groove, or Rules(quarters_only=False).",
        )
    bars = groove.bars if rules.bars is None else rules.bars if rules.pad else min(rules.bars, groove.bars)
    return to_rows(groove, bars * groove.steps_per_bar, rules.pedal)


def to_text(groove: Groove | np.ndarray, rules: Rules = AUTHORS) -> str:
    """Return the text of a groove (after `rules`) or of rows (steps, 6) as they are: a line a step, each ended."""
    rows = encode(groove, rules) if isinstance(groove, Groove) else np.asarray(groove, bool)
    return "".join(line + "\n" for line in lines(rows))


def from_text(text: str) -> np.ndarray:
    """Return the rows (steps, 6) of a text in which every line is right; SEP, END and empty lines are skipped.

    Raises
    ------
    LabError
        If a line is anything else, with its number.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line in ("", SEP, END):
            continue
        if not valid(line):
            raise LabError(f"Line {number} is {line[:40]!r}.", f"Each has {WIDTH} characters, {HIT} or {REST}.")
        rows.append(line)
    return _read(rows)


def to_prompt_completion(rows: np.ndarray) -> tuple[str, str] | None:
    """Return the authors' finetuning pair: two bars, and the rest with END; None if the groove is too short.

    Leading bars whose first quarter is silent are stripped, then more than 128 rows must be left. A line SEP follows
    each 16 rows, also in meters whose bars have another length.
    """
    rows = strip_silence(rows)
    if len(rows) <= ENOUGH:
        return None
    return separated(rows[:PROMPT]), separated(rows[PROMPT:]).strip(SEP + "\n") + f"\n{END}"


def strip_silence(rows: np.ndarray) -> np.ndarray:
    """Drop leading groups of 16 rows as long as the first four rows are silent."""
    rows = np.asarray(rows, bool)
    while len(rows) >= 4 and not rows[:4].any():
        rows = rows[BAR:]
    return rows


def separated(rows: np.ndarray) -> str:
    """Return the text of rows (steps, 6) with a line SEP after each 16."""
    return "".join(f"{line}\n{SEP}\n" if n % BAR == 0 else f"{line}\n" for n, line in enumerate(lines(rows), 1))


def parse_completion(text: str) -> Parsed:
    """Read what a model wrote up to END, whatever it is; SEP and empty lines are no rows."""
    text, end, _ = text.partition(END)
    rows = [line for line in text.splitlines() if line not in ("", SEP)]
    return Parsed(_read(rows), sum(not valid(line) for line in rows), bool(end))


def valid(line: str) -> bool:
    """Return whether a line is a row: six characters ``o`` or ``-``."""
    return len(line) == WIDTH and not line.strip(HIT + REST)


def lines(rows: np.ndarray) -> list[str]:
    """Return one line of six characters for each row of a bool array (steps, 6)."""
    cells = np.where(np.asarray(rows, bool), HIT, REST)  # (steps, 6) of one character
    return [] if not len(cells) else np.ascontiguousarray(cells).view(f"U{WIDTH}")[:, 0].tolist()


def _read(rows: list[str]) -> np.ndarray:
    return np.array([[c == HIT for c in line[:WIDTH].ljust(WIDTH, REST)] for line in rows], bool).reshape(-1, WIDTH)
