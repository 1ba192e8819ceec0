"""Delimited text files: detection of delimiter, header and class names."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd

from workbench.contract.errors import LabError

_NUMBER_WITH_COMMA = re.compile(r"(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)")


def parse(text: str, name: str, max_rows: int, max_features: int) -> tuple[pd.DataFrame, list[str], list[str] | None]:
    """Read a delimited text.

    Returns
    -------
    (DataFrame, list of str, list of str or None)
        The table, notes on what was found, and the class names if the file gives them.

    Raises
    ------
    LabError
        If it is empty, ragged or too wide; pandas may raise its own errors beside.
    """
    if not text.strip():
        raise LabError(f"{name} holds no data.", "Export it again.")
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:50]
    delimiter = _delimiter(lines)
    rows = list(csv.reader(lines[:20], delimiter=delimiter, skipinitialspace=True))
    if len(lines) < 2:
        raise LabError(
            f"{name} has one line only: {lines[0][:60]!r}.",
            "A header alone, or a single sample, is no table: it needs a row a sample. Export it again with its rows.",
        )
    decimal = _decimal(rows, delimiter)
    if decimal == ",":
        rows = [[_NUMBER_WITH_COMMA.sub(r"\1.\2", cell) for cell in row] for row in rows]
    width = len(rows[min(1, len(rows) - 1)])
    if width > max_features + 1:
        raise LabError(f"{name} has {width:,} columns; {max_features:,} features are the limit.", "Choose columns.")
    head = _sklearn_head(rows, text)
    header = 0 if head is None and _has_header(rows) else None
    ragged = [k for k, row in enumerate(rows[1:], 2) if len(row) != len(rows[0])] if head is None else []
    if ragged:
        raise LabError(
            f"{name}: line {ragged[0]} has {len(rows[ragged[0] - 1])} cells, the first line has {len(rows[0])}.",
            "Each line needs one cell for each column. Separate columns by semicolons if numbers have commas.",
        )
    notes = []
    if head is None and header is None:
        notes.append("The file has no header: columns are named by their number.")
    if delimiter != ",":
        notes.append(f"Columns are separated by {'a tab' if delimiter == chr(9) else repr(delimiter)}.")
    if decimal == ",":
        notes.append("Numbers are written with a decimal comma.")
    frame = pd.read_csv(
        io.StringIO(text), sep=delimiter, decimal=decimal, header=header, skiprows=1 if head else 0, nrows=max_rows + 1,
        skipinitialspace=True, low_memory=False, index_col=False, on_bad_lines="error", na_values=["?"],
    )  # fmt: skip
    if header is None:
        frame.columns = [f"column {k + 1}" for k in range(frame.shape[1])]
    elif not rows[0][0].strip() and frame.iloc[:, 0].is_unique and frame.shape[1] > 2:
        frame = frame.iloc[:, 1:]  # what DataFrame.to_csv and R write; as a feature it would give the order away
        notes.append("The first column has no name and holds row names: left out.")
    return frame, notes, head


def _delimiter(lines: list[str]) -> str:
    """The one that splits the first lines most evenly; a comma if none does."""

    def score(mark: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=mark, skipinitialspace=True)]
        usual = max(set(counts), key=counts.count)
        return (counts.count(usual) if usual > 1 else 0, usual)

    best = max((",", ";", "\t", "|", " "), key=score)
    return best if score(best)[0] else ","


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """A comma, where it does not separate columns and some cells are numbers only when read so."""
    cells = [cell for row in rows[1:] for cell in row]
    return "," if delimiter != "," and any(map(_NUMBER_WITH_COMMA.fullmatch, cells)) else "."


def _has_header(rows: list[list[str]]) -> bool:
    """A word over numbers makes a header; so do 0, 1, 2 ..., and all-different words that never come again."""
    if len(rows) < 2:
        return False
    first, rest = rows[0], rows[1:]
    if first == [str(k) for k in range(len(first))]:
        return True
    columns = list(zip(*rest, strict=False))
    if any(not _is_number(top) and all(map(_is_number, below)) for top, below in zip(first, columns, strict=False)):
        return True
    if any(_is_number(cell) for cell in first):
        return False
    below = {cell for row in rest for cell in row}
    return len(set(first)) == len(first) and not below & set(first)


def _sklearn_head(rows: list[list[str]], text: str) -> list[str] | None:
    """scikit-learn's own CSV files start with ``rows,features,class 0,class 1,...``: return the class names."""
    first = rows[0]
    if len(rows) < 2 or len(first) < 4 or not all(re.fullmatch(r"\d+", cell) for cell in first[:2]):
        return None
    if any(_is_number(cell) for cell in first[2:]) or int(first[1]) + 1 != len(rows[1]):
        return None
    return first[2:] if int(first[0]) == sum(1 for line in text.splitlines()[1:] if line.strip()) else None


def _is_number(cell: str) -> bool:
    """A number, or what stands for a missing one."""
    try:
        float(cell)
    except ValueError:
        return cell.strip().lower() in {"", "?", "na", "n/a", "null", "none"}
    return True
