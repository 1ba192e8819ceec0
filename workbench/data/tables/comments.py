"""Lines of a delimited text that are no rows: comments, ``sep=;`` and empty ones."""

from __future__ import annotations

import csv
import itertools
import re
from dataclasses import dataclass, replace

from workbench.data.tables.cells import is_gap, is_number

SAMPLE, SAMPLE_CHARACTERS = 50, 100_000  # lines that tell delimiter and header
COMMENT = re.compile(r"[ \t]*([#%])")
_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)  # what Excel writes and reads
_COMMENTS = re.compile(r"^[ \t]*[#%].*$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A text without the comment lines at its beginning.

    Attributes
    ----------
    body
        From the first line of the table on.
    skipped
        Lines before it.
    comments
        How many of these, and of later ones that became empty, are comments.
    last
        The last comment before the table, which may name the columns.
    delimiter
        If a first line tells it.
    """

    body: str
    skipped: int = 0
    comments: int = 0
    last: str = ""
    delimiter: str = ""

    def line(self, row: int) -> int:
        """Return the line, from 1, of the row with a number, from 0, among the lines that are not empty."""
        filled = (k for k, line in enumerate(self.body.splitlines(), self.skipped + 1) if line.strip())
        return next(itertools.islice(filled, row, None))


def sample(body: str) -> list[str]:
    """Return the first lines, at least three however long they are, without the empty ones."""
    lines, at = [], 0
    while at < len(body) and len(lines) < SAMPLE and (at < SAMPLE_CHARACTERS or len(lines) < 3):
        end = body.find("\n", at) + 1 or len(body)
        lines += [line for line in body[at:end].splitlines() if line.strip()]
        at = end
    return lines


def begin(text: str) -> Text:
    """Pass over ``sep=;`` and the comments at the beginning, unless most lines begin with their mark."""
    delimiter, at, skipped, comments, last = "", 0, 0, 0, ""
    if separator := _SEPARATOR.match(text):
        delimiter, at, skipped = separator[1], separator.end(), 1
    start, lines = at, skipped
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        line = text[at:end].strip()
        if line and not COMMENT.match(line):
            break
        comments, last = comments + bool(line), line.lstrip("#% \t") if line else ""
        at, skipped = end, skipped + 1
    after = sample(text[at:])
    if comments and sum(bool(COMMENT.match(line)) for line in after) * 2 >= len(after):
        return Text(text[start:], lines, delimiter=delimiter)
    return Text(text[at:], skipped, comments, last, delimiter)


def without_comments(source: Text, rows: list[list[str]], delimiter: str) -> Text:
    """Empty the comment lines within the table, so that all lines keep their numbers.

    A line that begins like a comment is a row if it has the cells of one and the first column holds words.
    """
    first = [row[0] for row in rows[1:] or rows]
    if sum(bool(COMMENT.match(cell)) for cell in first) * 2 > len(first):
        return source
    numeric = sum(map(is_number, first)) * 2 > len(first)
    count = 0

    def emptied(found: re.Match) -> str:
        nonlocal count
        row = next(csv.reader([found[0]], delimiter=delimiter, skipinitialspace=True), [])
        is_row = len(row) == len(rows[0]) and len(row[0].strip()) > 1 and (not numeric or is_gap(row[0]))
        count += not is_row
        return found[0] if is_row else ""

    body = _COMMENTS.sub(emptied, source.body) if re.search(r"^[ \t]*[#%]", source.body, re.MULTILINE) else source.body
    return replace(source, body=body, comments=source.comments + count)
