"""Point clouds from files: BIN (float32 rows), PCD and PLY. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import MAX_POINTS
from workbench.data.scenes.formats import pcd, ply
from workbench.data.scenes.formats.bin import RINGS, read_rows

SUFFIXES = (".bin", ".pcd", ".ply")
Cloud = tuple[np.ndarray, np.ndarray, str]


def read_points(path: Path, columns: int = 0, usual: int = 0) -> Cloud:
    """Read a point cloud.

    Parameters
    ----------
    path
        ``.bin`` (also ``.pcd.bin``): rows of little-endian float32 x, y, z, intensity, ring and more. ``.pcd``: ascii,
        binary or compressed. ``.ply``: ascii or binary.
    columns, usual
        Of a BIN file: see `bin.read_rows`.

    Returns
    -------
    ((N, 5) float32, (N,) int16, str)
        x, y, z as in the file, intensity brought to [0, 1], 0 seconds; the beam of each point or -1; and what was done.
        An empty BIN file is an empty cloud. Points that are not finite are still in: `checks.checked` takes them
        out.

    Raises
    ------
    LabError
        If the file is missing, cut off, ambiguous, holds float64, or has no coordinates.
    """
    if not path.is_file():
        raise LabError(f"There is no point cloud {path.name}.", "Check the path, or fetch the data anew.")
    name = path.name.lower()
    if path.stat().st_size > 40 * MAX_POINTS:
        raise LabError(f"{path.name} has {path.stat().st_size:,} bytes, more than can be shown.", "Thin it out.")
    if name.endswith(".bin"):
        rows, names, note = read_rows(path, columns, usual)
        points, rings, remark = _settled(path.name, *_from_fields(path.name, dict(zip(names, rows.T, strict=False))))
        return points, rings, "; ".join(filter(None, (note, remark)))
    if name.endswith((".pcd", ".ply")):
        try:
            fields = (pcd if name.endswith(".pcd") else ply).read_fields(path)
        except LabError:
            raise
        except Exception as error:  # strangers' bytes; all failures mean the same to the user
            raise LabError(f"{path.name} cannot be read: {error}.", "It may be damaged: export it again.") from error
        return _settled(path.name, *_from_fields(path.name, fields))
    raise LabError(f"{path.name} is no point cloud that can be read here.", f"{', '.join(SUFFIXES)} can.")


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
    """Bring intensity to [0, 1]: it stays if it is there, is divided by 255 if that suffices, else by its maximum.

    Negative ones, as decibels are, are scaled from the lowest to the highest.
    """
    points, remark = np.zeros((len(xyz), 5), np.float32), ""
    points[:, :3] = xyz
    if intensity is not None and len(xyz):
        finite = intensity[np.isfinite(intensity)]
        top = float(finite.max(initial=0.0))
        low = min(0.0, float(np.percentile(finite, 1))) if len(finite) else 0.0
        by = top - low if low else 1.0 if top <= 1 else 255.0 if top <= 255 else top
        points[:, 3] = np.clip((intensity - low) / by, 0, 1)
        remark = f"its intensity was divided by {by:.6g}" if by not in (1.0, 255.0) else ""
        if low:
            remark = f"its intensity is negative in part: {low:.3g} to {top:.3g} became 0 to 1"
    rings = np.full(len(xyz), -1, np.int16)
    if ring is not None:
        fine = np.isfinite(ring) & (ring >= 0) & (ring < RINGS)
        rings[fine] = np.asarray(ring)[fine].astype(np.int16)
    return points, rings, remark
