"""A DICOM series, as a folder or a zip of one: slices put in order by where they lie, never by their file names."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.volumes.grid import Slices

MAX_FILES = 20_000  # in a zip
MAX_UNPACKED = 4_000_000_000  # bytes of a zip
TILT = 1.0  # degrees between the stack and the normal of its slices; more is a tilted gantry
UNEVEN = 0.1  # of a step, by which a slice may miss its place
TAGS = (
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "Rows", "Columns", "SamplesPerPixel"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "NumberOfFrames", "RescaleSlope"),
    "RescaleIntercept",
)


def open_series(path: Path, series: str = "") -> Slices:
    """Open the one series of a folder or zip that is a volume.

    Parameters
    ----------
    path
        Files that are no DICOM images (a DICOMDIR, a readme) are passed over, and so are series whose images are no
        stack, such as scouts, when there is one that is; the note names them.
    series
        Which one, if there are several: the end of its SeriesInstanceUID, or its SeriesNumber.

    Raises
    ------
    LabError
        If there is no series, or several are volumes and `series` chooses none; if its slices differ in size,
        direction or pixel spacing, lie unevenly, twice at one place, or are sheared by a tilted gantry; or are color
        images.
    """
    with contextlib.ExitStack() as stack:
        folder = path
        if path.is_file():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-dicom-")))
            archives.extract(path, "", folder / "files", limit=MAX_UNPACKED)
        files = _headers(folder, path.name)
        ordered, affine, note = _choose(files, series, path.name)
        first = ordered[0][1]
        slices = _slices([file for file, _ in ordered], path.name, stack.pop_all())
    scaled = any(h.get("RescaleSlope", 1) != 1 or h.get("RescaleIntercept", 0) != 0 for _, h in ordered)
    return Slices(
        (int(first.Columns), int(first.Rows), len(ordered)),
        affine,
        np.dtype(np.float64 if scaled else np.int32),
        slices,
        modality={"CT": "CT", "MR": "MR"}.get(str(first.get("Modality", "")), ""),
        note=note,
    )


def _headers(folder: Path, name: str) -> list[tuple[Path, Any]]:
    """Read the headers of all DICOM images below a folder, without their pixels."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if len(files) > MAX_FILES:
        raise LabError(f"{name} holds {len(files):,} files; {MAX_FILES:,} is the limit.", "Take one series of it.")
    found, broken = [], []
    for file in files:
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
        except InvalidDicomError:
            continue
        except Exception as error:  # a damaged file fails in pydicom in many ways
            broken.append(f"{file.name} ({error})")
            continue
        if "Rows" in header:
            found.append((file, header))
    if broken:
        raise LabError(f"{len(broken)} DICOM files of {name} are damaged: {broken[0]}.", "Export the series again.")
    if not found:
        raise LabError(f"{name} holds no DICOM images.", "Give the folder of one series, or a zip of it.")
    return found


def _choose(files: list[tuple[Path, Any]], wanted: str, name: str) -> tuple[list[tuple[Path, Any]], np.ndarray, str]:
    """Return the ordered files of one series, its affine, and a note on the series left out."""
    groups: dict[str, list[tuple[Path, Any]]] = {}
    for file, header in files:
        groups.setdefault(str(header.get("SeriesInstanceUID", "")), []).append((file, header))
    titles = _titles(groups)
    chosen = groups
    if wanted:
        chosen = {u: g for u, g in groups.items() if u.endswith(wanted) or str(g[0][1].get("SeriesNumber")) == wanted}
        if len(chosen) != 1:
            raise LabError(f"{len(chosen)} series of {name} are {wanted!r}.", f"There are: {_listed(titles.values())}.")
    stacks = {}
    for uid, group in chosen.items():
        try:
            stacks[uid] = _geometry(group, name)
        except LabError as error:  # a scout, or what cannot be read; with others beside it that is no reason to stop
            reason = error
    if len(chosen) == 1 and not stacks:
        raise reason
    if len(stacks) != 1:
        which = titles if not stacks else {uid: titles[uid] for uid in stacks}
        what = "series, none of them a volume" if not stacks else "series that are volumes"
        raise LabError(
            f"{name} holds {len(which)} {what}: {_listed(which.values())}.",
            "Take one of them into a folder or zip of its own." if stacks else "Give a series that is a stack.",
        )
    uid, (ordered, affine) = next(iter(stacks.items()))
    left = [title for other, title in titles.items() if other != uid]
    return ordered, affine, f"other series were left out: {_listed(left)}" if left else ""


def _titles(groups: dict[str, list[tuple[Path, Any]]]) -> dict[str, str]:
    """Each series as text: its number, or the end of its UID where several have that number; title; images."""
    numbers = [str(group[0][1].get("SeriesNumber")) for group in groups.values()]
    found = {}
    for (uid, group), number in zip(groups.items(), numbers, strict=True):
        title = str(group[0][1].get("SeriesDescription", "") or "without a title")
        known = number if numbers.count(number) == 1 and number != "None" else f"...{uid[-8:]}"
        found[uid] = f"{known} ({title[:40]}, {len(group)} images)"
    return found


def _listed(titles: Iterable[str], most: int = 6) -> str:
    titles = list(titles)
    return ", ".join(titles[:most]) + (f" and {len(titles) - most} more" if len(titles) > most else "")


def _geometry(files: list[tuple[Path, Any]], name: str) -> tuple[list[tuple[Path, Any]], np.ndarray]:
    """Order the slices along their normal; return them with the affine (4, 4) from (column, row, slice) to RAS mm."""
    for _, header in files:
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            raise LabError(
                f"{name} holds multi-frame DICOM, which is not read here.", "Convert it to NIfTI, by dcm2niix for one."
            )
        if header.get("SamplesPerPixel", 1) != 1:
            raise LabError(f"{name} holds color images.", "A volume is of CT or MR values.")
        missing = [t for t in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing") if not header.get(t)]
        if missing:
            raise LabError(f"{name} has slices without {missing[0]}: where they lie is unknown.", "Export it again.")
    if len(files) < 2:
        raise LabError(f"{name} holds a single slice.", "Give all slices of the series.")
    sizes = {(int(h.Columns), int(h.Rows)) for _, h in files}
    if len(sizes) > 1:
        sizes_text = " and ".join(f"{c}x{r}" for c, r in sorted(sizes)[:3])
        raise LabError(f"{name} mixes slices of {sizes_text} pixels in one series.", "Give one volume.")
    planes = np.array([[*h.ImageOrientationPatient, *h.PixelSpacing] for _, h in files], float)  # (n, 8)
    if np.abs(planes[:, :6] - planes[0, :6]).max() > 1e-3:
        raise LabError(f"{name} mixes slices of several directions in one series.", "Give one volume.")
    if np.abs(planes[:, 6:] / planes[0, 6:] - 1).max() > 1e-3:
        raise LabError(f"{name} mixes slices of several pixel spacings in one series.", "Give one volume.")
    along_row, along_column = planes[0, :3], planes[0, 3:6]  # directions in which column and row numbers grow
    normal = np.cross(along_row, along_column)
    places = np.array([h.ImagePositionPatient for _, h in files], float)  # (n, 3) in LPS mm
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    step = _even_step(places, normal, name)
    affine = np.eye(4)
    affine[:3, :3] = np.c_[along_row * planes[0, 7], along_column * planes[0, 6], step]
    affine[:3, 3] = places[0]
    return [files[k] for k in order], np.diag([-1.0, -1, 1, 1]) @ affine  # LPS to RAS


def _even_step(places: np.ndarray, normal: np.ndarray, name: str) -> np.ndarray:
    """Return the step (3,) from slice to slice in mm; the slices (n, 3) have to lie evenly along their normal."""
    depth = places @ normal
    gaps = np.diff(depth)
    if gaps.min() < 1e-3:
        raise LabError(
            f"{name} has several slices at one place: time points, echoes or copies in one series.", "Give one volume."
        )
    step = (places[-1] - places[0]) / (len(places) - 1)
    tilt = np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1)))
    if tilt > TILT:
        raise LabError(
            f"{name} was taken with a tilted gantry: its slices are sheared by {tilt:.1f} degrees.",
            "Resample it to a straight grid first; dcm2niix does so.",
        )
    even = depth[0] + np.arange(len(depth)) * (depth[-1] - depth[0]) / (len(depth) - 1)
    if np.abs(depth - even).max() > UNEVEN * np.median(gaps):
        raise LabError(
            f"{name} has unevenly spaced slices: {gaps.min():.3g} to {gaps.max():.3g} mm apart.",
            "A slice may be missing: export the series again.",
        )
    return step


def _slices(files: list[Path], name: str, unpacked: contextlib.ExitStack) -> Iterator[np.ndarray]:
    """Yield the slices (columns, rows) in the units of the scanner (HU for CT)."""
    import pydicom

    with unpacked:
        for file in files:
            data = pydicom.dcmread(file)
            try:
                pixels = data.pixel_array  # (rows, columns)
            except Exception as error:  # compressed in a way no installed library reads, or cut off
                how = data.file_meta.TransferSyntaxUID.name
                raise LabError(
                    f"{file.name} of {name} cannot be decoded ({how}): {str(error).splitlines()[0][:150]}",
                    "Export the series uncompressed, or convert it by dcm2niix.",
                ) from error
            slope, inter = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
            yield (pixels.T if (slope, inter) == (1, 0) else pixels.T * slope + inter)
