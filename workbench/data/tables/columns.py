"""Columns of a table: the class column, and the conversion of the others to numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError

MAX_FEATURES = 2_000
MAX_CLASSES = 100
MAX_GAPS = 0.5  # share of missing values above which a column is left out
MAX_LEVELS = 20  # a column of words with more levels is left out
TARGETS = ("target", "label", "labels", "class", "y")


def unique_names(names: list[str]) -> list[str]:
    """Keep column names apart: a, a_2, a_3."""
    seen: set[str] = set()
    result = []
    for name in names:
        new, k = name, 1
        while new in seen:
            k += 1
            new = f"{name}_{k}"
        seen.add(new)
        result.append(new)
    return result


def choose_target(frame: pd.DataFrame, wanted: str | None) -> tuple[str, str]:
    """Return the class column and the rule that chose it."""
    if wanted is not None:
        if wanted not in frame:
            shown = ", ".join(list(frame.columns)[:20])
            raise LabError(f"There is no column {wanted!r}.", f"The columns are {shown}.")
        return wanted, "as given"
    lower = {str(c).strip().lower(): c for c in reversed(frame.columns)}
    for name in TARGETS:
        if name in lower:
            return lower[name], "by its name"
    return frame.columns[-1], "the last column"


def encode(column: pd.Series, name: str) -> tuple[list[np.ndarray], int, list[str], str]:
    """Return (float columns, missing cells, names, note) for one feature."""
    gaps = int(column.isna().sum())
    if gaps == len(column):
        return [], gaps, [], f"Column {name!r} has no value and was left out."
    if gaps > MAX_GAPS * len(column):  # better lose a column than most of the rows
        return [], gaps, [], f"Column {name!r} has a value in only {len(column) - gaps:,} rows and was left out."
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        if pd.api.types.is_complex_dtype(column.dtype):
            raise LabError(f"Column {name} holds complex numbers.", "Split it into real and imaginary part.")
        return [column.to_numpy(dtype=np.float64, na_value=np.nan)], gaps, [name], ""
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return [], gaps, [], f"Column {name!r} holds dates or times and was left out."
    words = column.astype("string")
    levels = sorted(words.dropna().unique())
    if len(levels) > MAX_LEVELS:
        return (
            [],
            gaps,
            [],
            f"Column {name!r} has {len(levels):,} different words (limit {MAX_LEVELS}) and was left out.",
        )
    absent = words.isna().to_numpy()
    hot = [np.where(absent, np.nan, (words == level).fillna(False).to_numpy(dtype=np.float64)) for level in levels]
    return (
        hot,
        gaps,
        [f"{name}={level}" for level in levels],
        f"Column {name!r} became {len(levels)} columns (one-hot).",
    )


def classes(labels: pd.Series, name: str, given: list[str] | None) -> tuple[np.ndarray, list[str]]:
    """Return codes (n,) int64 and names; refuse what is no classification."""
    if pd.api.types.is_numeric_dtype(labels.dtype) and not pd.api.types.is_bool_dtype(labels.dtype):
        whole = pd.api.types.is_integer_dtype(labels.dtype)
        values = labels.to_numpy(dtype=labels.dtype.type if whole else np.float64)
        levels = np.unique(values)
        fractions = not whole and bool((levels != np.round(levels)).any())
        if len(levels) > MAX_CLASSES or (fractions and len(levels) > 20):
            raise LabError(
                f"Column {name} has {len(levels):,} different numbers: it looks like a quantity, not a class.",
                f"Choose a class column (2 to {MAX_CLASSES} classes), or cut the quantity into bins.",
            )
        words = [str(float(v)) if fractions else f"{v:.0f}" for v in levels]
        codes = np.searchsorted(levels, values)
        if given and not fractions and levels.min() >= 0 and levels.max() < len(given):
            words = [given[int(v)] for v in levels]
    else:
        codes, uniques = pd.factorize(labels.astype("string"), sort=True)
        words = [str(u) for u in uniques]
    if len(words) < 2:
        raise LabError(f"Column {name} has one class only.", "At least two classes are needed.")
    if len(words) > MAX_CLASSES:
        raise LabError(
            f"Column {name} has {len(words):,} classes; {MAX_CLASSES} is the limit.",
            "Choose another class column, or merge classes.",
        )
    return codes.astype(np.int64), words
