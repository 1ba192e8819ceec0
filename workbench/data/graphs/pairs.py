"""The edge list of a graph: pairs of node ids in a file, as rows of the node table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.graphs.graph import MAX_EDGES
from workbench.data.tables.formats import read_raw
from workbench.data.tables.raw import Raw

MAX_COLUMNS = 20  # ends, weights, times
SHOWN = 3


def read_pairs(path: Path, ids: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Read an edge list.

    The first line is a header if neither of its ends names a node nor looks like one.

    Parameters
    ----------
    path
        A table whose first two columns are the ends of an edge.
    ids
        (n,) what names each node: any words, or 0 to n - 1.

    Returns
    -------
    (ndarray, list of str)
        (m, 2) row numbers, and notes.

    Raises
    ------
    LabError
        If an end is empty or names no node, with its line, or an id stands in several rows.
    """
    if not path.is_file():
        raise LabError(f"There is no file {path}.", "Check the path of the edge list.")
    names = _text(ids)
    if names.isna().any():
        raise LabError(f"{int(names.isna().sum()):,} nodes have no id.", "Each node needs one.")
    if names.duplicated().any():
        raise LabError(f"The id {names[names.duplicated()].iloc[0]!r} stands in several rows.", "Each needs its own.")
    known = pd.Index(names)
    shapes, header = set(_shape(names[:10_000])), []

    def is_header(first: list[str]) -> bool:
        ends = pd.Series([cell.strip() for cell in first[:2]], dtype="string")
        header.append((_rows(ends, known) < 0).all() and not shapes & set(_shape(ends)))
        return bool(header[0])

    raw = read_raw(path, MAX_EDGES, MAX_COLUMNS, is_header)
    if raw.frame.shape[1] < 2:
        raise LabError(f"{path.name} has one column.", "An edge list has two: from and to.")
    plain = all(pd.api.types.is_integer_dtype(kind) for kind in (ids.dtype, *raw.frame.dtypes[:2]))
    if plain:  # millions of edges need no text
        ends, known = raw.frame.iloc[:, :2], pd.Index(ids)
    else:
        ends = raw.frame.iloc[:, :2].apply(_text)
    there = ~raw.frame.isna().all(axis=1).to_numpy()
    empty = ends.isna().any(axis=1).to_numpy() & there
    if empty.any():
        raise LabError(
            f"{path.name}: {_edges(empty)} an empty end ({_places(raw, empty)}).", "Fill it in, or delete the edge."
        )
    match = known.get_indexer if plain else lambda column: _rows(column, known)
    pairs = np.stack([match(ends.iloc[:, k]) for k in (0, 1)], 1)[there]
    lost = (pairs < 0).any(axis=1)
    if lost.any():
        unknown = ends[there].to_numpy()[pairs < 0]
        row = np.flatnonzero(there)[lost]
        raise LabError(
            f"{path.name}: {_edges(lost)} an end that names none of the {len(known):,} nodes, such as "
            f"{str(unknown[0])!r} ({_places(raw, np.isin(np.arange(len(there)), row))}).",
            "Edges name nodes by the column 'id' of the table or, without one, by their row, from 0.",
        )
    names = ", ".join(map(str, ends.columns))
    notes = [f"The first line ({names}) is a header: it names no node."] if header and header[0] else []
    kept = [note for note in raw.notes if "no header" not in note and "separated by" not in note]
    return pairs, [f"{path.name}: {note}" for note in (*notes, *kept)]


def _text(column: pd.Series) -> pd.Series:
    """Return ids as text without blanks around; a whole number has no point, and an empty cell is a gap."""
    if pd.api.types.is_float_dtype(column.dtype) and (column.dropna() % 1 == 0).all() and column.abs().max() < 2**53:
        column = column.astype("Int64")
    text = column.astype("string").str.strip()
    return text.mask(text == "")


def _rows(ends: pd.Series, known: pd.Index) -> np.ndarray:
    """Return each end's row, or -1; where one file writes 7 and the other 007 or 7.0, the numbers count."""
    found = known.get_indexer(ends)
    if (found < 0).any():
        numbers = pd.Index(_unpadded(known.to_series()))
        if numbers.is_unique:
            found = np.where(found < 0, numbers.get_indexer(_unpadded(ends)), found)
    return found


def _unpadded(words: pd.Series) -> pd.Series:
    """Return whole numbers without zeros before and a point behind them, as text: ids may be too long for a float."""
    return words.str.replace(r"^0*([0-9]+)(?:\.0*)?$", r"\1", regex=True)


def _shape(words: pd.Series) -> list[str]:
    """Return how words with digits look: p17 and p203 are both p0."""
    return [re.sub(r"\d+", "0", word) for word in words.unique() if re.search(r"\d", word)]


def _edges(rows: np.ndarray) -> str:
    return "1 edge has" if rows.sum() == 1 else f"{int(rows.sum()):,} edges have"


def _places(raw: Raw, rows: np.ndarray) -> str:
    """Return the lines of the first rows that are marked, or their numbers where there are no lines."""
    first = np.flatnonzero(rows)[:SHOWN].tolist()
    numbers = ", ".join(str(raw.line(row) if raw.line else row + 1) for row in first)
    more = " and more" if rows.sum() > SHOWN else ""
    return ("line " if raw.line else "row ") + numbers + more
