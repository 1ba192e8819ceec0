"""BIN files, rows of float32 without a header: how many columns they have is found by their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import chdtrc

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import FAR

WIDTHS = (3, 4, 5, 6, 7)
BLOCK = 420  # the least common multiple of the widths: blocks of it begin at the same column for all of them
BLOCKS = 250  # of a file, evenly spaced, that stand for all
BINS = 16
SURE = 1e-6  # probability of as much dependence in a file whose numbers do not repeat
ALIKE = 0.9  # of the highest information: a multiple of the true width has as much
MOST = 0.99  # of the rows in which a column has to be what it is taken for
RINGS = 256  # more beams has no LiDAR
COLUMNS = ("x", "y", "z", "intensity")
HINT = (
    'Is it cut off? Else say how many columns: put it into a folder with calibration.json, {"points": "NAME.bin", '
    '"columns": 5}, or save it as PCD.'
)


def read_rows(path: Path, columns: int = 0, usual: int = 0) -> tuple[np.ndarray, list[str], str]:
    """Read the rows of a BIN file.

    Parameters
    ----------
    columns
        How many the file has, whatever its values look like; 0 finds out.
    usual
        How many files of its layout have: taken unless the values show another number.

    Returns
    -------
    rows : (N, columns) float32
    names : list of str
        Of the columns: ``x``, ``y``, ``z``, ``intensity``, then ``ring``, ``time`` or ``""``, as far as values tell.
    note : str
        Which were found, if the file's layout does not say.

    Raises
    ------
    LabError
        If it has no whole rows, no width fits or several do, or it holds float64.
    """
    size, known = path.stat().st_size, columns or usual
    if not size:
        return np.zeros((0, known or 4), np.float32), [*COLUMNS], ""
    values = np.fromfile(path, "<f4") if size % 4 == 0 else np.zeros(0, np.float32)
    if _holds_float64(path, values, columns):
        raise LabError(
            f"{path.name} holds float64 numbers; a BIN file has float32.",
            "Write it with points.astype('float32').tofile(...).",
        )
    if size % (4 * max(1, columns)):
        raise _no_rows(path, columns)
    width = columns or _found_width(path, values, usual)
    rows = values.reshape(-1, width)
    names = [*COLUMNS[:width], *(_kind(rows[:, k]) for k in range(4, width))]
    said = ", ".join(f"{name or 'another'}{'' if name in (*COLUMNS, 'ring') else ' (not used)'}" for name in names)
    return rows, names, "" if width == known else f"its rows were taken for {width} float32 numbers: {said}"


def repeats(values: np.ndarray) -> list[int]:
    """Return the widths after which numbers (n,) repeat in kind, in increasing order; none if none is sure.

    A number depends on its column. So the mutual information between a number, in bins of equal counts, and its place
    modulo a width is highest for the true width and its multiples.
    """
    values = np.where(np.isfinite(values), values, 0)
    edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS))
    bins, many = np.searchsorted(edges, values, side="right"), len(edges) + 1
    found = {}
    for width in WIDTHS:
        place = np.arange(len(bins)) % width
        counts = np.bincount(bins * width + place, minlength=many * width).reshape(many, width).astype(float)
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        there = counts > 0
        excess = 2 * float((counts[there] * np.log(counts[there] / expected[there])).sum())  # G of a G-test
        freedom = (many - 1) * (width - 1)
        if freedom and chdtrc(freedom, excess) < SURE:
            found[width] = excess - freedom
    return [width for width in found if found[width] >= ALIKE * max(found.values())]


def _found_width(path: Path, values: np.ndarray, usual: int) -> int:
    sample = _sampled(values)
    whole = [w for w in WIDTHS if len(values) % w == 0]
    sure = next(iter(repeats(sample)), 0)
    if usual in whole and sure in (0, usual):
        return usual
    if not np.isfinite(values).any():
        raise LabError(f"None of the {len(values):,} numbers of {path.name} is finite.", "Export it again.")
    if sure:
        if sure in whole and _plausible(sample, sure, any_intensity=sure == 4):  # in dB it is negative
            return sure
        why = "its columns are not x, y, z and intensity" if sure in whole else f"{len(values):,} are no whole rows"
        raise LabError(f"{path.name} repeats every {sure} float32 numbers, but {why}.", HINT)
    fitting = [w for w in whole if _plausible(sample, w) and all(map(_kind, values.reshape(-1, w).T[4:]))]
    if not fitting:
        raise _no_rows(path, usual)
    if len(fitting) > 1:
        raise LabError(
            f"{path.name} is ambiguous: its {len(values):,} float32 numbers may be rows of {_either(fitting)}.", HINT
        )
    return fitting[0]


def _sampled(values: np.ndarray) -> np.ndarray:
    """Return blocks of whole rows of any width, evenly spaced, or all if there are few."""
    step = len(values) // (BLOCK * BLOCKS)
    return values if step < 2 else values[: len(values) // BLOCK * BLOCK].reshape(-1, BLOCK)[::step].ravel()


def _plausible(values: np.ndarray, width: int, any_intensity: bool = False) -> bool:
    """Return True if most rows look like meters and intensity.

    Of float64 read as float32, every other column has wild exponents.
    """
    rows = values[: len(values) // width * width].reshape(-1, width)
    if not len(rows):
        return True
    with np.errstate(invalid="ignore"):
        xyz = np.abs(rows[:, :3].astype(float))
        good = ((xyz < FAR / 10) & ((xyz == 0) | (xyz > 1e-9))).all(1) | np.isnan(xyz).any(1)
        spread = np.nanmax(xyz, initial=0.0) > 1e-3 or len(xyz) < 2
        intensity = rows[:, 3:4]
        bright = (((intensity >= 0) & (intensity <= 65535)) | np.isnan(intensity)).mean() >= MOST
    return bool(good.mean() > 0.9 and spread and (bright or width == 3 or any_intensity))


def _kind(column: np.ndarray) -> str:
    """Return what a column (N,) after the intensity looks like: ``ring``, ``time`` in seconds, or ``""``."""
    with np.errstate(invalid="ignore"):
        whole = (column >= 0) & (column < RINGS) & (column == np.rint(column))
        if whole.mean() >= MOST and (len(column) < 2 or column.min() < column.max()):
            return "ring"
        brief = (np.abs(column) <= 1).mean() >= MOST
        grows = bool((np.diff(column) >= 0).all())
    return "time" if brief or grows else ""


def _holds_float64(path: Path, values: np.ndarray, columns: int) -> bool:
    widths = (columns,) if columns else WIDTHS
    if path.stat().st_size % 8 or any(len(values) % w == 0 and _plausible(_sampled(values), w) for w in widths):
        return False
    wide = np.fromfile(path, "<f8")
    return any(len(wide) % w == 0 and _plausible(_sampled(wide), w) for w in widths)


def _no_rows(path: Path, width: int) -> LabError:
    rows = f"rows of {width or _either(WIDTHS)} float32 numbers"
    return LabError(f"{path.name} has {path.stat().st_size:,} bytes, which are no {rows}.", HINT)


def _either(widths: tuple[int, ...] | list[int]) -> str:
    return f"{', '.join(map(str, widths[:-1]))} or {widths[-1]}"
