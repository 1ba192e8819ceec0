"""Bars of a groove, and the Levenshtein distance of many pairs of them at once.

A groove's rows (steps, 6) are cut every 16 rows, whatever the meter, as the authors do. Nothing here loops over the
characters of one pair: all pairs go through one table of distances together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from workbench.labs.drums.common.drumroll import BAR, WIDTH

BARS = 16  # the authors look at the first 16 bars
HIT, REST, BREAK = 1, 2, 3  # characters of a bar as text; 0 stands behind its end
CHUNK = 2048  # pairs at a time: their table fits a processor's cache

Rows = np.ndarray


def bars_of(rows: Rows, limit: int | None = BARS) -> list[Rows]:
    """Cut rows (steps, 6) into groups of 16, the last one maybe shorter, at most `limit` of them."""
    rows = np.asarray(rows, bool)
    return [rows[k : k + BAR] for k in range(0, len(rows), BAR)][:limit]


def silent(bars: Iterable[Rows]) -> np.ndarray:
    """Return which bars have no hit, (bars,) bool."""
    return np.array([not bar.any() for bar in bars], bool)


def keys(bars: Iterable[Rows]) -> list[bytes]:
    """Return one hashable key for each bar: equal bars have equal keys."""
    return [np.packbits(bar).tobytes() + bytes([len(bar)]) for bar in bars]


def spell(bars: Sequence[Rows]) -> tuple[np.ndarray, np.ndarray]:
    """Return bars as the authors' strings: character codes (bars, L) uint8, 0 behind the end, and lengths (bars,).

    Their lines keep the newline and are joined by another one, so each row but the last is followed by two.
    """
    line = WIDTH + 2
    codes = np.zeros((len(bars), BAR * line), np.uint8)
    lengths = np.zeros(len(bars), np.int64)
    for bar, code, k in zip(bars, codes, range(len(bars)), strict=True):
        cells = code[: len(bar) * line].reshape(-1, line)
        cells[:, :WIDTH] = np.where(bar, HIT, REST)
        cells[:, WIDTH:] = BREAK
        lengths[k] = max(0, len(bar) * line - 1)
        code[lengths[k] :] = 0
    return codes, lengths


def levenshtein(a: np.ndarray, b: np.ndarray, m: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the Levenshtein distance of each of many pairs of strings, (pairs,) int64.

    The table D[i, j] of all pairs is filled row by row. D[i, j] = min(D[i-1, j-1] + (a_i != b_j), D[i-1, j] + 1,
    D[i, j-1] + 1); the last of the three, which depends on the row itself, is a running minimum of D[i, j] - j.

    Parameters
    ----------
    a, b
        Character codes, (pairs, L) uint8.
    m, n
        Lengths of the strings of `a` and `b`, (pairs,).
    """
    out = np.zeros(len(a), np.int64)
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = _table(a[part].T, b[part].T, m[part], n[part])
    return out


def _table(a: np.ndarray, b: np.ndarray, m: np.ndarray, n: np.ndarray) -> np.ndarray:
    length, pairs = b.shape  # pairs last: each step below is one sweep over contiguous memory
    j = np.arange(length + 1, dtype=np.int16)[:, None]
    above = np.broadcast_to(j, (length + 1, pairs)).copy()  # D[i-1, :], from i = 1
    found = n.copy()  # where a is empty
    each = np.arange(pairs)
    for i in range(1, int(m.max(initial=0)) + 1):
        row = np.empty_like(above)
        row[0] = i
        np.minimum(above[:-1] + (b != a[i - 1]), above[1:] + 1, out=row[1:], casting="unsafe")
        row -= j
        np.minimum.accumulate(row, axis=0, out=row)
        row += j
        ends = m == i
        found[ends] = row[n[ends], each[ends]]
        above = row
    return found


def distances(pairs: Sequence[tuple[Rows, Rows]]) -> np.ndarray:
    """Return the Levenshtein distance of each pair of bars, (pairs,) int64; equal pairs are computed once."""
    names = [tuple(sorted(keys(pair))) for pair in pairs]  # the distance is symmetric
    wanted = {name: pair for name, pair in zip(names, pairs, strict=True) if name[0] != name[1]}
    (a, m), (b, n) = (spell([pair[side] for pair in wanted.values()]) for side in (0, 1))
    known = dict(zip(wanted, levenshtein(a, b, m, n).tolist(), strict=True))
    return np.array([known.get(name, 0) for name in names], np.int64)
