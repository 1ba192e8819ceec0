"""Delimited text files: comments, delimiter, header, decimal mark and class names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.tables.cells import is_gap, is_number, text_comma
from workbench.data.tables.columns import TARGETS
from workbench.data.tables.raw import Raw

HeaderRule = Callable[[list[str]], bool]
SAMPLE, SAMPLE_CHARACTERS = 50, 100_000  # lines that tell delimiter and header
_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)  # what Excel writes and reads
_COMMENT = re.compile(r"[ \t]*([#%])")
_COMMENTS = re.compile(r"^[ \t]*[#%].*$", re.MULTILINE)


@dataclass(frozen=True)
class _Text:
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


def parse(text: str, name: str, max_rows: int, max_features: int, is_header: HeaderRule | None = None) -> Raw:
    """Read a delimited text.

    Parameters
    ----------
    text
        The file's content.
    name
        Its name, for messages.
    max_rows, max_features
        One row more than the limit is read, so that the caller can tell.
    is_header
        Tells whether the first row names the columns; by default the types of the columns below do.

    Raises
    ------
    LabError
        If it is empty, ragged or too wide; pandas may raise its own errors beside.
    """
    source = _begin(text if "\n" in text else text.replace("\r", "\n"))  # as old Macintosh programs write
    if not source.body.strip():
        raise LabError(f"{name} holds no data.", "Export it again.")
    lines = _sample(source.body)
    plain = [line for line in lines if not _COMMENT.match(line)]
    if 2 * len(plain) < len(lines):  # values, such as #ff0000
        plain = lines
    delimiter = source.delimiter or _delimiter(plain)
    rows = _rows("\n".join(plain), delimiter)
    if len(lines) < 2:
        raise LabError(
            f"{name} has one line only: {lines[0][:60]!r}.",
            "A header alone, or a single sample, is no table: it needs a row a sample. Export it again with its rows.",
        )
    source = _without_comments(source, rows, delimiter)
    rows = _rows("\n".join(_sample(source.body)), delimiter)
    head = _sklearn_head(rows, source.body)
    width = len(rows[1]) if head else _width(rows, name, source)
    if width > max_features + 1:
        raise LabError(f"{name} has {width:,} columns; {max_features:,} features are the limit.", "Choose columns.")
    ragged = head is None and any(len(row) > width for row in rows)
    names = _commented_names(source.last, rows, delimiter, width) if head is None and is_header is None else None
    has_header = head is None and names is None and (is_header or (lambda first: _has_header(rows)))(rows[0])
    decimal = delimiter != "," and text_comma(pd.DataFrame(rows[1:])) == "decimal"
    options = {
        "sep": delimiter, "decimal": "," if decimal else ".", "header": 0 if has_header else None,
        "nrows": max_rows + 1, "skiprows": 1 if head else 0, "skipinitialspace": True, "low_memory": False,
        "index_col": False, "on_bad_lines": "error", "keep_default_na": False, "na_values": [""],
    }  # fmt: skip
    try:
        body = _trimmed(source, delimiter, width, name) if ragged else source.body
        frame = pd.read_csv(io.StringIO(body), **options)
    except pd.errors.ParserError:
        if ragged or "\n" not in source.body:
            raise
        frame = pd.read_csv(io.StringIO(_trimmed(source, delimiter, width, name)), **options)
    notes = []
    if source.comments:
        marks = "1 comment line was" if source.comments == 1 else f"{source.comments:,} comment lines were"
        notes.append(f"{marks} skipped.")
    if names:
        notes.append("The comment line above the table names the columns.")
    elif head is None and not has_header:
        notes.append("The file has no header: columns are named by their number.")
    elif has_header and _numbered(rows[0]):
        notes.append(f"The first row {', '.join(rows[0][:3])} ... names the columns.")
    if delimiter != ",":
        notes.append(f"Columns are separated by {'a tab' if delimiter == chr(9) else repr(delimiter)}.")
    if decimal:
        notes.append("Numbers are written with a decimal comma.")
    if not has_header:
        frame.columns = names or [f"column {k + 1}" for k in range(frame.shape[1])]
    elif not rows[0][0].strip() and frame.iloc[:, 0].is_unique and frame.shape[1] > 2:
        frame = frame.iloc[:, 1:]  # what DataFrame.to_csv and R write; as a feature it would give the order away
        notes.append("The first column has no name and holds row names: left out.")
    frame.columns = [str(column).strip() for column in frame.columns]
    while frame.shape[1] > 2 and frame.iloc[:, -1].isna().all() and (not has_header or len(rows[0][-1].strip()) == 0):
        frame, rows[0] = frame.iloc[:, :-1], rows[0][:-1]  # a delimiter at the end of each line
    comma = "decimal" if decimal else "thousands" if delimiter == "," else "open"
    first = source.skipped + 1
    return Raw(frame, notes, class_names=head, comma=comma, line=lambda row: _line(source.body, row, has_header, first))


def _sample(body: str) -> list[str]:
    """Return the first lines, at least three however long they are, without the empty ones."""
    lines, at = [], 0
    while at < len(body) and len(lines) < SAMPLE and (at < SAMPLE_CHARACTERS or len(lines) < 3):
        end = body.find("\n", at) + 1 or len(body)
        lines += [line for line in body[at:end].splitlines() if line.strip()]
        at = end
    return lines


def _begin(text: str) -> _Text:
    """Pass over ``sep=;`` and the comments at the beginning, unless most lines begin with their mark."""
    delimiter, at, skipped, comments, last = "", 0, 0, 0, ""
    if separator := _SEPARATOR.match(text):
        delimiter, at, skipped = separator[1], separator.end(), 1
    start, lines = at, skipped
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        line = text[at:end].strip()
        if line and not _COMMENT.match(line):
            break
        comments, last = comments + bool(line), line.lstrip("#% \t") if line else ""
        at, skipped = end, skipped + 1
    after = _sample(text[at:])
    if comments and sum(bool(_COMMENT.match(line)) for line in after) * 2 >= len(after):
        return _Text(text[start:], lines, delimiter=delimiter)
    return _Text(text[at:], skipped, comments, last, delimiter)


def _without_comments(source: _Text, rows: list[list[str]], delimiter: str) -> _Text:
    """Empty the comment lines within the table, so that all lines keep their numbers.

    A line that begins like a comment is a row if it has the cells of one and the first column holds words.
    """
    first = [row[0] for row in rows[1:] or rows]
    if sum(bool(_COMMENT.match(cell)) for cell in first) * 2 > len(first):
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


def _rows(text: str, delimiter: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True) if row]


def _filled(row: list[str]) -> int:
    """Cells up to the last that is not empty."""
    return max((k for k, cell in enumerate(row, 1) if cell.strip()), default=0)


def _width(rows: list[list[str]], name: str, source: _Text) -> int:
    """Return how many columns there are; empty cells from delimiters at the end of a line do not count."""
    lengths = [len(row) for row in rows]
    width = lengths[0] if len(set(lengths)) == 1 else max(map(_filled, rows))
    short = next((k for k, n in enumerate(lengths) if n < width), None)
    if short == 0:
        short = next(k for k, row in enumerate(rows) if _filled(row) > lengths[0])
    if short is not None:
        raise LabError(
            f"{name}: line {_line(source.body, short, False, source.skipped + 1)} has {lengths[short]} cells, "
            f"the first line has {lengths[0]}.",
            "Each line needs one cell for each column. Separate columns by semicolons if numbers have commas.",
        )
    return width


def _trimmed(source: _Text, delimiter: str, width: int, name: str) -> str:
    """Return the text with `width` cells a line at most: what lies beyond has to be empty."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    for k, row in enumerate(_rows(source.body, delimiter)):
        if _filled(row) > width:
            raise LabError(
                f"{name}: line {_line(source.body, k, False, source.skipped + 1)} has {_filled(row)} cells, "
                f"the table has {width} columns.",
                "Each line needs one cell for each column. Separate columns by semicolons if numbers have commas.",
            )
        writer.writerow(row[:width])
    return out.getvalue()


def _line(body: str, row: int, has_header: bool, first: int) -> int:
    """Return the line of a row, both without the empty lines in between; `first` is the number of the first line."""
    filled = (k for k, line in enumerate(body.splitlines(), first) if line.strip())
    return next(k for n, k in enumerate(filled) if n == row + has_header)


def _delimiter(lines: list[str]) -> str:
    """The one that splits the first lines most evenly; a comma if none does."""

    def score(mark: str) -> tuple[int, int]:
        rows = list(csv.reader(lines, delimiter=mark, skipinitialspace=True))
        if mark == " " and any(cell in (",", ";", "\t", "|") for row in rows for cell in row):
            return 0, 0  # blanks around another delimiter
        counts = [_filled(row) for row in rows]
        usual = max(set(counts), key=counts.count)
        return (counts.count(usual) if usual > 1 else 0, usual)

    best = max((",", ";", "\t", "|", " "), key=score)
    return best if score(best)[0] else ","


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the types below are sure that the first row names the columns: words over numbers, or over other words.

    Columns numbered 0, 1, 2 ... are names where values below have fractions, or in a table of five columns or more.
    """
    if len(rows) < 2:
        return False
    first, rest = rows[0], rows[1:]
    columns = list(zip(*rest, strict=False))
    if _numbered(first):
        return len(first) >= 5 or any("." in cell and is_number(cell) for row in rest for cell in row)
    if any(_is_word(top) and _numeric(below) for top, below in zip(first, columns, strict=False)):
        return True
    if (
        any(map(is_number, first))
        or len(set(first)) < len(first)
        or {cell for row in rest for cell in row} & set(first)
    ):
        return False
    return any(cell.strip().lower() in TARGETS for cell in first) or any(2 * len(set(c)) <= len(c) for c in columns)


def _numbered(first: list[str]) -> bool:
    return first == [str(k) for k in range(len(first))]


def _is_word(cell: str) -> bool:
    return not is_number(cell) and not is_gap(cell)


def _numeric(cells: tuple[str, ...]) -> bool:
    """Whether a column holds numbers and gaps, but for a stray word."""
    numbers, words = sum(map(is_number, cells)), sum(map(_is_word, cells))
    return numbers > 0 and numbers >= 10 * words


def _commented_names(comment: str, rows: list[list[str]], delimiter: str, width: int) -> list[str] | None:
    """Return the names in a comment just above a table without a header, as numpy and sequencing tools write it."""
    names = next(csv.reader([comment], delimiter=delimiter, skipinitialspace=True), [])
    fits = len(names) == width and len(set(names)) == width and all(map(_is_word, names))
    return [cell.strip() for cell in names] if fits and not _has_header(rows) and _has_header([names, *rows]) else None


def _sklearn_head(rows: list[list[str]], text: str) -> list[str] | None:
    """scikit-learn's own CSV files start with ``rows,features,class 0,class 1,...``: return the class names."""
    first = rows[0]
    if len(rows) < 2 or len(first) < 4 or not all(re.fullmatch(r"\d+", cell) for cell in first[:2]):
        return None
    if any(map(is_number, first[2:])) or int(first[1]) + 1 != len(rows[1]):
        return None
    return first[2:] if int(first[0]) == sum(1 for line in text.splitlines()[1:] if line.strip()) else None
