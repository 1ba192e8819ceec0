"""Columns that give the class away: a second class column, a code of the class, a row number."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from workbench.data.tables.columns import MAX_LEVELS

KEPT = "feature"  # a column whose name begins so is a feature, whatever it holds
CHANCE = 1e-3  # that some column without meaning looks like a leak: below it is no accident
FEW = 30  # rows
SHOWN = 5
_COUNTER = re.compile(r"(?i:(?:.*[\s_.-])?(?:id|uid|idx|index|row|no|nr|number))|.*[a-z]I[dD]|(?i:unnamed: \d+)")
_NAMELESS = re.compile(r"(?i:column \d+)?")
_ID = re.compile(r"(?i:(?:.*[\s_.-])?u?id)|.*[a-z]I[dD]")
LEFT_OUT = f"It was left out; to keep it, begin its name with '{KEPT}'."
ONE_TO_ONE = "has one value for each class, so that it alone tells the class"


def find_leaks(frame: pd.DataFrame, labels: pd.Series, originals: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the columns that are no features but tell the class, each with a sentence, and sentences on doubtful ones.

    A leak has the class column's name, numbers the rows, or has one value for each class, which in so many rows is no
    accident (see `CHANCE`). A quantity that separates the classes is none: it has more values than there are classes.
    Doubtful are other columns that the class determines, and words that determine the class.

    Parameters
    ----------
    frame, labels
        The other columns (n, d) and the class column (n,).
    originals
        Column -> its name in the file, where names stood there more than once.
    """
    classes = pd.factorize(labels)[0]  # (n,), -1 for a gap
    leaks, told, doubtful = {}, [], []
    for name in map(str, frame):
        column = frame[name]
        bound = _bound(column[classes >= 0], classes[classes >= 0], frame.shape[1])
        if _same_name(originals.get(name, name), str(labels.name)):
            why = "has the name of the class column"
        elif (first := _row_number(column, frame.shape[1])) is not None:
            why = f"numbers the rows from {first}: in a sorted file it tells the class"
        elif len(column) >= 10 and _ID.fullmatch(name.strip()) and _whole(column) is not None and column.is_unique:
            why = "has a different number in each row, as an identifier has"
        elif bound == "one-to-one":
            why = ONE_TO_ONE
        else:
            doubtful += [name] if bound else []
            continue
        if name.strip().lower().startswith(KEPT):
            told.append(f"Column {name!r} {why}. It stays, as its name asks for.")
        else:
            leaks[name] = f"Column {name!r} {why}. {LEFT_OUT}"
    return leaks, [*told, _doubt(doubtful)] if doubtful else told


def _doubt(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return (
        f"Column {shown}: the class determines it, or it determines the class. If it was written from the class, leave "
        "it out."
    )


def _same_name(name: str, target: str) -> bool:
    """Whether two columns have one name; pandas and R write the second one as ``label.1``."""
    return bool(re.fullmatch(re.escape(target.strip()) + r"(?:\.\d+)?", name.strip(), re.IGNORECASE))


def _whole(column: pd.Series) -> np.ndarray | None:
    """Return a column of whole numbers, or nothing if it is none."""
    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
        return None
    if pd.api.types.is_complex_dtype(column.dtype) or column.isna().any():
        return None
    values = column.to_numpy(np.float64)
    return values if np.isfinite(values).all() and (values % 1 == 0).all() else None


def _row_number(column: pd.Series, columns: int) -> int | None:
    """Return 0 or 1 if a column counts the rows from there; out of order, or in a few rows, if its name says so."""
    values, name = _whole(column), str(column.name).strip()
    counter = bool(_COUNTER.fullmatch(name) or _NAMELESS.fullmatch(name))
    if not counter and len(column) < FEW:  # months, doses, ages
        return None
    if values is None or columns / math.factorial(min(len(values), 20)) > CHANCE:
        return None
    first = values.min()
    if first not in (0, 1) or values.max() != first + len(values) - 1:
        return None
    ordered = np.sort(values) if _COUNTER.fullmatch(name) else values
    return int(first) if (ordered == first + np.arange(len(values))).all() else None


def _bound(column: pd.Series, classes: np.ndarray, columns: int) -> str:
    """Return "one-to-one" if each class has a value of its own, "function" if one of the two determines the other.

    Empty if neither holds, if it may be chance, or if numbers determine the class: quantities may do that. Gaps are
    left out.
    """
    count = int(classes.max(initial=-1)) + 1
    words = not pd.api.types.is_numeric_dtype(column.dtype)
    if column[:1_000].nunique() > (count if not words else max(count, MAX_LEVELS)):
        return ""
    codes, values = pd.factorize(column)
    classes, codes = classes[codes >= 0], codes[codes >= 0]
    kinds = len(np.unique(classes))
    pairs = len(np.unique(codes * count + classes))
    if len(values) < 2 or kinds < 2 or pairs != max(len(values), kinds) or (len(values) > kinds and not words):
        return ""
    coarse = np.bincount(classes if kinds <= len(values) else codes)
    if columns * _chance(coarse[coarse > 0], pairs) > CHANCE:
        return ""
    return "one-to-one" if len(values) == kinds == count else "function"


def _chance(sizes: np.ndarray, fine: int) -> float:
    """Bound the chance that a shuffled column of so many values is a finer division of groups of these sizes."""
    ways = fine * math.log(len(sizes)) + sum(math.lgamma(size + 1) for size in sizes) - math.lgamma(sizes.sum() + 1)
    return math.exp(min(0.0, ways))
