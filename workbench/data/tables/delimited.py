"""Delimited text files: comments, delimiter, header, decimal mark and class names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.tables.cells import is_gap, is_number, text_comma
from workbench.data.tables.columns import TARGETS
from workbench.data.tables.comments import COMMENT, Text, begin, sample, without_comments
from workbench.data.tables.raw import Raw

HeaderRule = Callable[[list[str]], bool]


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
    source = begin(text if "\n" in text else text.replace("\r", "\n"))  # as old Macintosh programs write
    if not source.body.strip():
        raise LabError(f"{name} holds no data.", "Export it again.")
    lines = sample(source.body)
    plain = [line for line in lines if not COMMENT.match(line)]
    if 2 * len(plain) < len(lines):  # values, such as #ff0000
        plain = lines
    delimiter = source.delimiter or _delimiter(plain)
    rows = _rows("\n".join(plain), delimiter)
    if len(lines) < 2:
        raise LabError(
            f"{name} has one line only: {lines[0][:60]!r}.",
            "A header alone, or a single sample, is no table: it needs a row a sample. Export it again with its rows.",
        )
    source = without_comments(source, rows, delimiter)
    rows = _rows("\n".join(sample(source.body)), delimiter)
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
    frame = _read(source, width, ragged, name, options)
    notes = _notes(source, rows, options, names, head)
    if not has_header:
        frame.columns = names or [f"column {k + 1}" for k in range(frame.shape[1])]
    elif not rows[0][0].strip() and frame.iloc[:, 0].is_unique and frame.shape[1] > 2:
        frame = frame.iloc[:, 1:]  # what DataFrame.to_csv and R write; as a feature it would give the order away
        notes.append("The first column has no name and holds row names: left out.")
    frame.columns = [str(column).strip() for column in frame.columns]
    while frame.shape[1] > 2 and frame.iloc[:, -1].isna().all() and (not has_header or len(rows[0][-1].strip()) == 0):
        frame, rows[0] = frame.iloc[:, :-1], rows[0][:-1]  # a delimiter at the end of each line
    comma = "decimal" if decimal else "thousands" if delimiter == "," else "open"
    above = int(has_header or head is not None)
    return Raw(frame, notes, class_names=head, comma=comma, line=lambda row: source.line(row + above))


def _read(source: Text, width: int, ragged: bool, name: str, options: dict[str, Any]) -> pd.DataFrame:
    """Return what pandas reads; only where lines are longer than the table, they are looked at one by one."""
    if not ragged:
        try:
            return pd.read_csv(io.StringIO(source.body), **options)
        except pd.errors.ParserError:
            if "\n" not in source.body:
                raise
    return pd.read_csv(io.StringIO(_trimmed(source, options["sep"], width, name)), **options)


def _notes(
    source: Text, rows: list[list[str]], options: dict[str, Any], names: list[str] | None, head: list[str] | None
) -> list[str]:
    notes = []
    if source.comments:
        lines = "1 comment line was" if source.comments == 1 else f"{source.comments:,} comment lines were"
        notes.append(f"{lines} skipped.")
    if names:
        notes.append("The comment line above the table names the columns.")
    elif head is None and options["header"] is None:
        notes.append("The file has no header: columns are named by their number.")
    elif head is None and _numbered(rows[0]):
        notes.append(f"The first row {', '.join(rows[0][:3])} ... names the columns.")
    if options["sep"] != ",":
        notes.append(f"Columns are separated by {'a tab' if options['sep'] == chr(9) else repr(options['sep'])}.")
    if options["decimal"] == ",":
        notes.append("Numbers are written with a decimal comma.")
    return notes


def _rows(text: str, delimiter: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True) if row]


def _filled(row: list[str]) -> int:
    """Cells up to the last that is not empty."""
    return max((k for k, cell in enumerate(row, 1) if cell.strip()), default=0)


def _width(rows: list[list[str]], name: str, source: Text) -> int:
    """Return how many columns there are; empty cells from delimiters at the end of a line do not count."""
    lengths = [len(row) for row in rows]
    width = lengths[0] if len(set(lengths)) == 1 else max(map(_filled, rows))
    short = next((k for k, n in enumerate(lengths) if n < width), None)
    if short == 0:
        short = next(k for k, row in enumerate(rows) if _filled(row) > lengths[0])
    if short is not None:
        raise LabError(
            f"{name}: line {source.line(short)} has {lengths[short]} cells, the first line has {lengths[0]}.",
            "Each line needs one cell for each column. Separate columns by semicolons if numbers have commas.",
        )
    return width


def _trimmed(source: Text, delimiter: str, width: int, name: str) -> str:
    """Return the text with `width` cells a line at most: what lies beyond has to be empty."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    for k, row in enumerate(_rows(source.body, delimiter)):
        if _filled(row) > width:
            raise LabError(
                f"{name}: line {source.line(k)} has {_filled(row)} cells, the table has {width} columns.",
                "Each line needs one cell for each column. Separate columns by semicolons if numbers have commas.",
            )
        writer.writerow(row[:width])
    return out.getvalue()


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
