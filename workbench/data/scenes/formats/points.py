"""Point clouds from files: BIN (float32 rows), PCD and PLY. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import FAR, MAX_POINTS
from workbench.data.scenes.formats import pcd, ply

SUFFIXES = (".bin", ".pcd", ".ply")
Cloud = tuple[np.ndarray, np.ndarray, str]
RINGS = 256  # more beams has no LiDAR


def read_points(path: Path, columns: int = 0) -> Cloud:
    """Read a point cloud.

    Parameters
    ----------
    path
        ``.bin`` (also ``.pcd.bin``): rows of little-endian float32 x, y, z, intensity, and maybe ring. ``.pcd``: ascii,
        binary or compressed. ``.ply``: ascii or binary.
    columns
        Of a BIN file: 4 or 5. 0 finds out: 5 if a fifth column could be one of beams, else 4.

    Returns
    -------
    ((N, 5) float32, (N,) int16, str)
        x, y, z as in the file, intensity brought to [0, 1], 0 seconds; the beam of each point or -1; and what was done.
        An empty BIN file is an empty cloud. Points that are not finite are still in: `checks.checked` takes them
        out.

    Raises
    ------
    LabError
        If the file is missing, cut off, holds float64, or has no coordinates.
    """
    if not path.is_file():
        raise LabError(f"There is no point cloud {path.name}.", "Check the path, or fetch the data anew.")
    name = path.name.lower()
    if path.stat().st_size > 40 * MAX_POINTS:
        raise LabError(f"{path.name} has {path.stat().st_size:,} bytes, more than can be shown.", "Thin it out.")
    if name.endswith(".bin"):
        return _settled(path.name, *_read_bin(path, columns))
    if name.endswith((".pcd", ".ply")):
        try:
            fields = (pcd if name.endswith(".pcd") else ply).read_fields(path)
        except LabError:
            raise
        except Exception as error:  # strangers' bytes; all failures mean the same to the user
            raise LabError(f"{path.name} cannot be read: {error}.", "It may be damaged: export it again.") from error
        return _settled(path.name, *_from_fields(path.name, fields))
    raise LabError(f"{path.name} is no point cloud that can be read here.", f"{', '.join(SUFFIXES)} can.")


def _read_bin(path: Path, columns: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    size = path.stat().st_size
    fitting = [c for c in ([columns] if columns else [5, 4]) if size % (4 * c) == 0]
    values = np.fromfile(path, "<f4") if size % 4 == 0 else np.zeros(0, np.float32)
    fitting = [c for c in fitting if c == 4 or columns or _is_ring(values.reshape(-1, 5)[:, 4])]
    plain = [c for c in fitting if _plausible(values.reshape(-1, c))]
    if not plain and size % 8 == 0 and size:
        wide = np.fromfile(path, "<f8")
        if any(wide.size % c == 0 and _plausible(wide.reshape(-1, c)) for c in (3, 4, 5, 6)):
            raise LabError(
                f"{path.name} holds float64 numbers; a BIN file has float32.",
                "Write it with points.astype('float32').tofile(...).",
            )
    if not fitting:
        expected = f"{columns}" if columns else "4 or 5"
        raise LabError(
            f"{path.name} has {size:,} bytes, which are no rows of {expected} float32 numbers.",
            "It may be cut off, or have another number of columns: say which, or save it as PCD.",
        )
    rows = values.reshape(-1, (plain or fitting)[0])
    return rows[:, :3], rows[:, 3], rows[:, 4] if rows.shape[1] == 5 else None


def _is_ring(column: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(((column >= 0) & (column < RINGS) & (column == np.rint(column))).all())


def _plausible(rows: np.ndarray) -> bool:
    """Return True if most rows look like meters: float64 read as float32 gives wild exponents in every other column."""
    with np.errstate(invalid="ignore"):
        xyz = np.abs(rows[:, :3].astype(float))
        good = ((xyz < FAR / 10) & ((xyz == 0) | (xyz > 1e-9))).all(1) | np.isnan(xyz).any(1)
        spread = np.nanmax(xyz, initial=0.0) > 1e-3 or len(xyz) < 2
    return bool(good.mean() > 0.9 and spread) if len(rows) else True


def _from_fields(name: str, fields: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    lower = {key.lower(): value for key, value in fields.items()}
    if not {"x", "y", "z"} <= set(lower):
        raise LabError(f"{name} has the fields {', '.join(fields) or 'none'}.", "Coordinates are called x, y and z.")
    xyz = np.stack([lower[k] for k in "xyz"], 1)
    take = [next((lower[k] for k in keys if k in lower), None) for keys in (INTENSITIES, BEAMS)]
    return xyz, *take


INTENSITIES = ("intensity", "reflectivity", "reflectance", "i", "scalar_intensity")
BEAMS = ("ring", "beam", "line", "channel", "scalar_ring")


def _settled(name: str, xyz: np.ndarray, intensity: np.ndarray | None, ring: np.ndarray | None) -> Cloud:
    """Bring intensity to [0, 1]: it stays if it is there, is divided by 255 if that suffices, else by its maximum."""
    points, remark = np.zeros((len(xyz), 5), np.float32), ""
    points[:, :3] = xyz
    if intensity is not None and len(xyz):
        finite = intensity[np.isfinite(intensity)]
        top = float(finite.max(initial=0.0))
        by = 1.0 if top <= 1 else 255.0 if top <= 255 else top
        points[:, 3] = np.clip(intensity / by, 0, 1)
        remark = f"its intensity was divided by {by:.6g}" if by not in (1.0, 255.0) else ""
    rings = np.full(len(xyz), -1, np.int16)
    if ring is not None:
        fine = np.isfinite(ring) & (ring >= 0) & (ring < RINGS)
        rings[fine] = np.asarray(ring)[fine].astype(np.int16)
    return points, rings, remark
