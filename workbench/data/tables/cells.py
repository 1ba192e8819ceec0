"""Cells of text: numbers in the spellings that people and programs use, gaps, and words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.data.tables.columns import MAX_LEVELS

# what pandas and R take for a missing value, and the question mark of the UCI repository
GAPS = frozenset((
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null", "?",
))  # fmt: skip
# what people and spreadsheets write where a number was not measured or not computed
PLACEHOLDERS = frozenset((
    "-", "--", "---", "–", "—", ".", "..", "...", "*", "n.d.", "n. d.", "nd", "n.a.", "k.a.", "missing", "unknown",
    "#div/0!", "#value!", "#ref!", "#num!", "#null!", "#name?",
))  # fmt: skip
STRAY_SHARE, STRAY_CELLS = 0.05, 2  # words that a column of numbers may hold, whichever is more
SHOWN = 5  # words that a note quotes
_MINUS = "[\u2212\ufe63\uff0d]"
_BLANK_THOUSANDS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'\u2019](?=\d{3}(?!\d))")
_NUMBER = re.compile(
    rf"(?:[+-]|{_MINUS})?(?:\d[\d.,]*(?:[ \u00a0\u2009\u202f'\u2019]\d{{3}})*(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
    r"|[+-]?inf(?:inity)?",
    re.IGNORECASE,
)
_LIMIT = re.compile(rf"[<>≤≥]=?\s*(?:{_NUMBER.pattern})", re.IGNORECASE)  # below or above what can be measured
_DECIMAL = r"[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?"
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"
_POINT_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"
_POINT = r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?"


def is_number(cell: str) -> bool:
    """Return whether a cell is a number in any spelling."""
    return bool(_NUMBER.fullmatch(cell.strip()))


def is_gap(cell: str) -> bool:
    """Return whether a cell is empty or stands for a number that is not there."""
    word = cell.strip()
    return not word or word in GAPS or word.lower() in PLACEHOLDERS or bool(_LIMIT.fullmatch(word))


@dataclass
class _Cells:
    """The different cells of a column, as text without blanks around, and which row holds which."""

    codes: np.ndarray  # (n,), -1 for a cell without any text
    text: pd.Series  # (k,) str
    padded: int  # rows whose text has blanks around

    @classmethod
    def of(cls, column: pd.Series) -> _Cells:
        codes, found = pd.factorize(column.astype("string"))
        raw = pd.Series(found, dtype="string")
        text = raw.str.strip()
        rows = np.bincount(codes[codes >= 0], minlength=len(text))
        empty = (text == "").to_numpy(bool)
        padded = int(rows[(raw != text).to_numpy(bool) & ~empty].sum())
        return cls(np.where((codes >= 0) & ~np.append(empty, False)[codes], codes, -1), text, padded)

    @property
    def rows(self) -> np.ndarray:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.text))

    def column(self, values: np.ndarray, gap: object, like: pd.Series) -> pd.Series:
        """Give each row its cell's value, or `gap`."""
        return pd.Series(np.append(values, gap)[self.codes], index=like.index, name=like.name)

    def matches(self, pattern: str) -> np.ndarray:
        return self.text.str.fullmatch(pattern).to_numpy(bool)

    def comma(self) -> str:
        """What a comma in these cells can only be; empty if there is none, or both readings are open."""
        if not self.text.str.contains(",", regex=False).any():
            return ""
        decimal, thousands = self.matches(_DECIMAL), self.matches(_THOUSANDS)
        if (decimal | thousands).mean() * 2 < self.matches(_NUMBER.pattern).mean():
            return ""  # lists or coordinates
        only = int((decimal & ~thousands).sum()), int((thousands & ~decimal).sum())
        return "" if only[0] == only[1] else "decimal" if only[0] > only[1] else "thousands"

    def numbers(self, comma: str) -> np.ndarray:
        """Return each cell as a number, (k,) float64; NaN where it is none."""
        found = _floats(self.text)
        odd = np.isnan(found)  # mostly few: the rest is fast
        if comma == "decimal":
            odd |= self.text.str.contains(".", regex=False).to_numpy(bool)
        if not odd.any():
            return found
        text = self.text[odd].str.replace(_MINUS, "-", regex=True).str.replace(_BLANK_THOUSANDS, "", regex=True)
        if comma == "decimal":
            grouped = text.str.fullmatch(_POINT_THOUSANDS)
            if (text.str.fullmatch(_POINT) & ~grouped).any():  # points are decimal points, too
                grouped &= False
            text = text.mask(grouped, text.str.replace(".", "", regex=False))
            text = text.mask(text.str.fullmatch(_DECIMAL), text.str.replace(",", ".", regex=False))
        else:
            text = text.mask(text.str.fullmatch(_THOUSANDS), text.str.replace(",", "", regex=False))
        found[odd] = _floats(text)
        return found


def _floats(text: pd.Series) -> np.ndarray:
    return pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)


def is_text(column: pd.Series) -> bool:
    """Return whether a column holds text: not numbers, truth values or dates."""
    kind = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    return pd.api.types.is_string_dtype(kind) or pd.api.types.is_object_dtype(kind)


def text_comma(frame: pd.DataFrame) -> str:
    """Return what a comma in the numbers of a table of text can only be, or nothing if that is open."""
    return _common([_Cells.of(frame[name]).comma() for name in frame])


def read_cells(frame: pd.DataFrame, comma: str = "thousands") -> tuple[pd.DataFrame, list[str]]:
    """Return a table whose columns of text are numbers where they can be, and notes on what was done.

    Parameters
    ----------
    frame
        Any columns, with different names; those that hold no text stay as they are.
    comma
        See `raw.Raw`: it counts where no number of the table tells the two readings apart.

    Returns
    -------
    (DataFrame, list of str)
        A column of text becomes float64 if all but a few of its cells are numbers in some spelling, or gaps; what
        cannot be read is a gap, and said. Other columns keep their words without blanks around, and have gaps for empty
        cells and for the words of `GAPS`.
    """
    texts = {name: _Cells.of(frame[name]) for name in frame if is_text(frame[name])}
    roles = {name: cells.comma() for name, cells in texts.items()}
    told = _common(list(roles.values()))
    if told == "decimal" and comma == "thousands" and _points(frame, {}):  # of a file with points: pairs, not decimals
        told, roles = "", {name: "" if role == "decimal" else role for name, role in roles.items()}
    if told or comma == "open":
        comma = told or ("thousands" if _points(frame, texts) else "decimal")
    done = _Done()
    read = {name: _column(cells, frame[name], roles[name], comma, done) for name, cells in texts.items()}
    notes = done.notes()
    result = pd.DataFrame({name: read.get(name, frame[name]) for name in frame}, frame.index) if read else frame
    points = [str(n) for n in frame if n not in texts and pd.api.types.is_float_dtype(frame[n].dtype)]
    if told == "decimal" and points:
        notes.append(f"Other numbers have a decimal point: column {_quoted(points)}.")
    return result, notes


def read_labels(column: pd.Series, comma: str = "thousands") -> tuple[pd.Series, list[str]]:
    """Return a class column: numbers with gaps, or words of which only an empty cell is a gap; and notes.

    "None" or "NA" among words is a class like any other, as a table in Parquet would have it.
    """
    if not is_text(column):
        return column, []
    cells, name = _Cells.of(column), str(column.name)
    numbers = cells.numbers(comma)
    there = cells.rows > 0
    gaps = cells.text.isin(GAPS).to_numpy(bool)
    if (there & ~gaps).any() and not (np.isnan(numbers) & ~gaps & there).any():
        return cells.column(np.where(gaps, np.nan, numbers), np.nan, column), []
    notes = []
    if cells.padded:
        notes.append(f"Blanks around {cells.padded:,} classes of {name!r} were removed.")
    if (gaps & there).any():
        words = _quoted(cells.text[gaps & there])
        notes.append(f"{words} in {name!r} is a class; a missing one would be an empty cell.")
    return cells.column(cells.text.to_numpy(object), None, column), notes


def _common(roles: list[str]) -> str:
    """The reading that most columns tell, or nothing if none does."""
    told = [role for role in roles if role]
    return max(("decimal", "thousands"), key=told.count) if told else ""


def _points(frame: pd.DataFrame, texts: dict[str, _Cells]) -> bool:
    """Whether some number of the table has a decimal point."""
    plain = [frame[n] for n in frame if n not in texts and pd.api.types.is_float_dtype(frame[n].dtype)]
    return any((c.dropna() % 1 != 0).any() for c in plain) or any(
        (cells.matches(_POINT) & ~cells.matches(_POINT_THOUSANDS)).any() for cells in texts.values()
    )


@dataclass
class _Done:
    """What was done to the columns of a table; each kind becomes one note, however many columns there are."""

    decimal: bool = False
    read: dict[str, str] = field(default_factory=dict)  # column -> how a number with commas or points was read
    minus: list[str] = field(default_factory=list)
    gaps: dict[str, list[str]] = field(default_factory=dict)  # column -> different words that became gaps
    cells: int = 0  # of these columns that became gaps
    padded: dict[str, int] = field(default_factory=dict)  # column -> words with blanks around

    def notes(self) -> list[str]:
        notes = ["Numbers are written with a decimal comma."] if self.decimal else []
        notes += [f"Column {name!r}: {how}." for name, how in list(self.read.items())[:SHOWN]]
        if len(self.read) > SHOWN:
            notes.append(f"{len(self.read) - SHOWN} more columns have numbers with commas or points of the same kinds.")
        if self.minus:
            notes.append(f"Column {_quoted(self.minus)}: the character U+2212 is read as a minus sign.")
        if self.gaps:
            verb = "cell that is no number is a gap" if self.cells == 1 else "cells that are no numbers are gaps"
            words = list(dict.fromkeys(word for those in self.gaps.values() for word in those))
            notes.append(f"Column {_quoted(list(self.gaps))}: {self.cells:,} {verb}: {_quoted(words)}.")
        if self.padded:
            count = sum(self.padded.values())
            notes.append(f"Column {_quoted(list(self.padded))}: blanks around {count:,} words were removed.")
        return notes


def _column(cells: _Cells, column: pd.Series, role: str, comma: str, done: _Done) -> pd.Series:
    """Return a column of text as numbers, or as words if it holds words.

    A comma is what the column itself tells (`role`) or, if it does not, what the table does (`comma`).
    """
    name, rows, comma = str(column.name), cells.rows, role or comma
    numbers = cells.numbers(comma)
    unread, is_value = np.isnan(numbers) & (rows > 0), ~np.isnan(numbers) & (rows > 0)
    words = cells.text[unread].str.lower()
    stray, stand_in = unread.copy(), np.zeros(len(rows), bool)
    stray[unread] = ~words.isin([gap.lower() for gap in GAPS]).to_numpy(bool)
    stand_in[unread] = (words.isin(PLACEHOLDERS) | words.str.fullmatch(_LIMIT.pattern)).to_numpy(bool)
    values, others = int(rows[is_value].sum()), int(rows[stray & ~stand_in].sum())
    too_many = others > max(STRAY_CELLS, STRAY_SHARE * len(column)) or values < 4 * others
    if not values or (stray.any() and (too_many or not _measured(numbers[is_value], values))):
        if cells.padded:
            done.padded[name] = cells.padded
        words = np.array(cells.text, object)
        words[cells.text.isin(GAPS).to_numpy(bool)] = None
        return cells.column(words, None, column)
    if stray.any():
        done.gaps[name] = list(cells.text[stray][: SHOWN + 1])
        done.cells += int(rows[stray].sum())
    commas = cells.text.str.contains(",", regex=False).to_numpy(bool) & is_value
    done.decimal |= comma == "decimal" and bool(commas.any())
    grouped = cells.matches(_POINT_THOUSANDS) if comma == "decimal" else commas
    shown = grouped if grouped.any() or role else commas
    if shown.any():
        done.read[name] = f"{str(cells.text[shown.argmax()])!r} is read as {numbers[shown.argmax()]:.15g}"
    if cells.text.str.contains(_MINUS).any():
        done.minus.append(name)
    return cells.column(np.where(is_value, numbers, np.nan), np.nan, column)


def _measured(numbers: np.ndarray, rows: int) -> bool:
    """Whether numbers are quantities, among which a word stands for a gap, not codes of which a word is one more."""
    numbers = numbers[np.isfinite(numbers)]
    different = len(np.unique(numbers))
    return bool((numbers % 1 != 0).any()) or different > min(MAX_LEVELS, rows / 2)


def _quoted(words: pd.Series | list[str]) -> str:
    shown = [repr(str(word)) for word in list(words)[:SHOWN]]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
