"""Read a user's table (CSV, Parquet, NPZ, NPY) as features and classes, and report what was done to it."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.tables.cells import read_cells, read_labels
from workbench.data.tables.columns import MAX_FEATURES, choose_target, classes, encode, unique_names
from workbench.data.tables.formats import SUFFIXES, read_raw
from workbench.data.tables.leaks import LEFT_OUT, ONE_TO_ONE, find_leaks
from workbench.data.tables.raw import Raw

MAX_BYTES = 100_000_000
MAX_ROWS = 200_000
MAX_LOST = 0.5  # share of rows that may be dropped for missing values


@dataclass(frozen=True)
class Table:
    """Features and classes.

    Attributes
    ----------
    X
        (n, d) float64, finite.
    y
        (n,) int64 in 0..K-1, in the order of `class_names`.
    feature_names, class_names
        One word for each column of X, and for each class.
    notes
        Sentences on what the reader decided: the target column, dropped rows, one-hot columns.
    missing
        Cells without a value in the file.
    target
        Name of the target column.
    dropped
        Rows of the file that were left out because a value was missing or infinite.
    leaks
        Sentences on columns that give the class away; also among the notes.
    """

    X: np.ndarray
    y: np.ndarray
    feature_names: list[str]
    class_names: list[str]
    notes: list[str] = field(default_factory=list)
    missing: int = 0
    target: str = ""
    dropped: int = 0
    leaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataCard:
    """Contents of a table, to be looked at before a run.

    Attributes
    ----------
    name
        File name; empty for a table in memory.
    rows, features, dtype
        Shape (n, d) and type of X as the labs see it.
    classes
        Rows by class name.
    missing
        Cells without a value in the file.
    sha256
        Of the file; empty for a table in memory.
    notes, warnings
        What the reader did, and what a measure or a classifier may stumble over.
    preview
        The first rows, with the class in the last column.
    """

    name: str
    rows: int
    features: int
    dtype: str
    classes: dict[str, int]
    missing: int
    sha256: str
    notes: list[str]
    warnings: list[str]
    preview: pd.DataFrame


def read_table(path: Path | str, target: str | None = None) -> Table:
    """Read a table with classes.

    Columns that give the class away (`leaks.find_leaks`) are left out, unless their name begins with "feature".

    Parameters
    ----------
    path
        A ``.csv`` (any usual delimiter, with or without a header, also ``.tsv``, ``.txt``, ``.data`` or
        ``.csv.gz``),
        ``.parquet``, ``.npz`` (arrays X and y) or ``.npy`` file.
    target
        Name of the class column. By default the one named target, label, labels, class or y, else the last.

    Raises
    ------
    LabError
        In words, for everything that is wrong with the file or its content.
    """
    path = Path(path)
    _check_file(path)
    raw = read_raw(path, MAX_ROWS, MAX_FEATURES)
    return tabulate(raw, target)


def tabulate(raw: Raw, target: str | None = None) -> Table:
    """Turn a frame into features and classes; see `read_table`."""
    frame, notes = raw.frame, list(raw.notes)
    given = [str(c) for c in frame.columns]
    frame.columns = unique_names(given)
    originals = dict(zip(frame.columns, given, strict=True))
    if len(frame) == 0 or frame.shape[1] < 2:
        raise LabError(
            f"The table has {len(frame)} rows and {frame.shape[1]} columns.",
            "It needs at least two rows, one feature column and one class column.",
        )
    if len(frame) > MAX_ROWS:
        raise LabError(f"The table has {len(frame):,} rows; {MAX_ROWS:,} is the limit.", "Take a sample of the rows.")
    name, why = choose_target(frame, target or raw.target)
    notes.append(f"Class column: {name} ({why}).")
    labels, more = read_labels(frame.pop(name), raw.comma)
    frame, read = read_cells(frame, raw.comma)
    leaks, doubts = find_leaks(frame, labels, originals)
    columns, gaps, names, encoding = _encoded(frame.drop(columns=list(leaks)))
    if not columns and (last := [column for column, why in leaks.items() if ONE_TO_ONE in why]):
        leaks |= {column: leaks[column].replace(LEFT_OUT, "It stays, as nothing else is there.") for column in last}
        columns, gaps, names, encoding = _encoded(frame[last])
    bare = not columns and bool(leaks)  # told below, if nothing is wrong with the classes
    if bare:
        columns, gaps, names, encoding = _encoded(frame)
    if not columns:
        raise LabError("No column holds numbers or a few categories.", "At least one usable feature column is needed.")
    mind = (*leaks.values(), *doubts)
    notes += [note for note in (*more, *read, *mind, *encoding) if note not in notes]
    missing = int(labels.isna().sum()) + gaps
    X = np.column_stack(columns).astype(np.float64)  # (n, d)
    keep = np.isfinite(X).all(axis=1) & labels.notna().to_numpy()
    lost = int((~keep).sum())
    if lost > MAX_LOST * len(keep):
        raise LabError(
            f"{lost:,} of {len(keep):,} rows have a missing or infinite value; more than half would be lost.",
            "Fill the gaps, or leave out the columns that have many.",
        )
    if lost:
        notes.append(_dropped(lost, len(keep)))
    y, class_names = classes(labels[keep], name, raw.class_names)
    if bare:
        raise LabError(f"No feature is left. {' '.join(leaks.values())}", "Add a column that was measured.")
    return Table(X[keep], y, names, class_names, notes, missing, name, lost, mind)


def _encoded(frame: pd.DataFrame) -> tuple[list[np.ndarray], int, list[str], list[str]]:
    """Return float columns, missing cells, names and notes for all features; see `encode`."""
    columns: list[np.ndarray] = []
    names: list[str] = []
    missing, notes = 0, []
    for column in frame.columns:
        numbers, gaps, new, note = encode(frame[column], column)
        missing += gaps
        columns += numbers
        names += new
        notes += [note] if note else []
        if len(names) > MAX_FEATURES:
            raise LabError(
                f"The table has more than {MAX_FEATURES:,} feature columns.", "Choose columns, or project them first."
            )
    return columns, missing, names, notes


def data_card(source: Path | str | Table, target: str | None = None) -> DataCard:
    """Describe a table, or a file that `read_table` can read.

    Raises
    ------
    LabError
        As `read_table`.
    """
    table = source if isinstance(source, Table) else read_table(source, target)
    path = None if isinstance(source, Table) else Path(source)
    counts = np.bincount(table.y, minlength=len(table.class_names))
    warnings = _warnings(table, counts)
    preview = pd.DataFrame(table.X[:10], columns=table.feature_names)
    preview[table.target if table.target not in preview else "class"] = [table.class_names[k] for k in table.y[:10]]
    return DataCard(
        name=path.name if path else "",
        rows=len(table.X),
        features=table.X.shape[1],
        dtype=str(table.X.dtype),
        classes=dict(zip(table.class_names, counts.tolist(), strict=True)),
        missing=table.missing,
        sha256=cache.sha256(path) if path else "",
        notes=[note for note in table.notes if note not in warnings],
        warnings=warnings,
        preview=preview,
    )


def facts(card: DataCard) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    counts = sorted(card.classes.items(), key=lambda pair: -pair[1])
    words = ", ".join(f"{name} {count:,}" for name, count in counts[:8])
    more = len(counts) - 8
    return {
        "Rows": f"{card.rows:,}",
        "Features": f"{card.features:,}",
        "Type": card.dtype,
        f"{len(counts)} classes": words + (f" and {more} more" if more > 0 else ""),
        "Missing cells": f"{card.missing:,}",
    }


def _dropped(lost: int, of: int) -> str:
    return f"{lost:,} of {of:,} rows with a missing or infinite value were dropped."


def _check_file(path: Path) -> None:
    try:
        if not path.is_file():
            raise LabError(f"There is no file {path}.", "Check the path, or upload the file again.")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise LabError(f"{str(path)!r} cannot be read: {error}.", "Check the path and its permissions.") from error
    if size == 0:
        raise LabError(f"{path.name} is empty (0 bytes).", "Export it again.")
    if size > MAX_BYTES:
        raise LabError(
            f"{path.name} has {size / 1e6:,.0f} MB; {MAX_BYTES / 1e6:,.0f} MB is the limit.",
            "Take a sample of the rows.",
        )
    if not path.name.lower().endswith(SUFFIXES):
        raise LabError(f"{path.name} has no suffix of a table.", f"Known suffixes: {', '.join(SUFFIXES)}.")
    if path.name.lower().endswith(".gz"):
        _check_unpacked(path)


def _check_unpacked(path: Path) -> None:
    """A small gzip file can hold terabytes: count before anything reads it whole."""
    total = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                total += len(block)
                if total > MAX_BYTES:
                    raise LabError(
                        f"{path.name} unpacks to more than {MAX_BYTES / 1e6:,.0f} MB.", "Take a sample of the rows."
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise LabError(f"{path.name} is no whole gzip file: {error}.", "Export or copy it again.") from error


def _warnings(table: Table, counts: np.ndarray) -> list[str]:
    found = list(table.leaks)
    n, d = table.X.shape
    if table.dropped:
        found.append(_dropped(table.dropped, n + table.dropped))
    if counts.min() < 10:
        found.append(f"The smallest class has {counts.min()} rows: its figures are uncertain.")
    if counts.max() > 10 * counts.min():
        found.append(f"The classes are unbalanced: {counts.max():,} rows against {counts.min():,}.")
    if n < 5 * d:
        found.append(f"{n:,} rows for {d:,} features: separability looks higher than it is. Mind the null band.")
    constant = [name for name, c in zip(table.feature_names, np.ptp(table.X, axis=0) == 0, strict=True) if c]
    if constant:
        found.append(f"{len(constant)} constant features, for example {constant[0]}.")
    hashes = pd.util.hash_pandas_object(pd.DataFrame(np.column_stack([table.X, table.y])), index=False)
    repeated = int(hashes.duplicated().sum())
    if repeated:
        found.append(f"{repeated:,} rows repeat an earlier one: nearest-neighbor measures look better than they are.")
    return found
