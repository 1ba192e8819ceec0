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
from workbench.data.volumes.grid import MAX_LEAN, Slices

MAX_FILES = 20_000  # in a zip
MAX_UNPACKED = 4_000_000_000  # bytes of a zip
UNEVEN = 0.1  # of a step, by which a slice may miss its place
SLICE = (".dcm", ".ima")  # a file of such a name that is no DICOM is a damaged slice
SYSTEM = ("dicomdir", "thumbs.db", "desktop.ini")  # beside hidden files, what systems and discs put beside images
TAGS = (
    *("SOPClassUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "Rows", "Columns"),
    *("SamplesPerPixel", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "NumberOfFrames"),
    *("RescaleSlope", "RescaleIntercept"),
)


def open_series(path: Path, series: str = "") -> Slices:
    """Open the one series of a folder or zip that is a volume.

    Parameters
    ----------
    path
        Files with and without the 128 bytes before ``DICM`` are read. Those that are no DICOM images (a readme) are
        passed over, and so are series whose images are no stack, such as scouts, when there is one that is; the note
        names them.
    series
        Which one, if there are several: the end of its SeriesInstanceUID, or its SeriesNumber.

    Raises
    ------
    LabError
        If there is no series, or several are volumes and `series` chooses none; if its slices differ in size,
        direction or pixel spacing, lie unevenly, twice at one place, or are sheared by a tilted gantry; are color
        images; or one is damaged.
    """
    with contextlib.ExitStack() as stack:
        folder = path
        if path.is_file():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-dicom-")))
            archives.extract(path, "", folder / "files", limit=MAX_UNPACKED)
        files, *notes = _headers(folder, path.name)
        ordered, affine, note = _choose(files, series, path.name)
        first = ordered[0][1]
        slices = _slices([file for file, _ in ordered], path.name, stack.pop_all())
    modality = str(first.get("Modality") or "")
    untold = sum(any(h.get(tag) in (None, "") for tag in ("RescaleSlope", "RescaleIntercept")) for _, h in ordered)
    if untold and (modality == "CT" or untold < len(ordered)):  # other scanners rarely tell them
        notes.append(f"{untold} of {len(ordered)} slices lack a rescale slope or intercept: 1 and 0 are taken")
    return Slices(
        (int(first.Columns), int(first.Rows), len(ordered)),
        affine,
        np.dtype(np.float64 if any(_rescale(h) != (1, 0) for _, h in ordered) else np.int32),
        slices,
        modality=modality,
        note="; ".join(filter(None, (note, *notes))),
    )


def _headers(folder: Path, name: str) -> tuple[list[tuple[Path, Any]], str]:
    """Read the headers of all DICOM images below a folder, without their pixels; and a note on other files."""
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name.lower() not in SYSTEM
    )
    if len(files) > MAX_FILES:
        raise LabError(f"{name} holds {len(files):,} files; {MAX_FILES:,} is the limit.", "Take one series of it.")
    found, other, broken = [], [], []
    for file in files:
        header, error = _header(file)
        if header is not None and "Rows" in header:
            found.append((file, header))
        elif error or file.suffix.lower() in SLICE and header is None:
            broken.append(f"{file.name} ({error or 'it is no DICOM file'})")
        else:
            other.append((file, header))
    series = {h.get("SeriesInstanceUID") for _, h in found} - {None, ""}
    broken += [f"{f.name} (it has no rows)" for f, h in other if h is not None and h.get("SeriesInstanceUID") in series]
    if broken:
        raise LabError(f"{len(broken)} DICOM files of {name} are damaged: {broken[0]}.", "Export the series again.")
    if not found:
        raise LabError(f"{name} holds no DICOM images.", "Give the folder of one series, or a zip of it.")
    return found, f"files that are no DICOM images were left out: {_listed(f.name for f, _ in other)}" if other else ""


def _header(file: Path) -> tuple[Any, str]:
    """Return a file's header, None if it is no DICOM file, and what is wrong with it."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    given = {"stop_before_pixels": True, "specific_tags": list(TAGS)}
    try:
        return pydicom.dcmread(file, **given), ""
    except InvalidDicomError:  # it has no preamble, or is something else
        with contextlib.suppress(Exception):
            header = pydicom.dcmread(file, force=True, **given)
            return (header, "") if "SOPClassUID" in header else (None, "")
        return None, ""
    except Exception as error:  # a damaged file fails in pydicom in many ways
        return None, str(error) or type(error).__name__


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
        if (header.get("SamplesPerPixel") or 1) != 1:
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
    if tilt > MAX_LEAN:
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
            data = pydicom.dcmread(file, force=True)  # without a preamble, too: see _header
            if "TransferSyntaxUID" not in data.file_meta:
                data.file_meta.TransferSyntaxUID = _syntax(data)
            try:
                pixels = data.pixel_array  # (rows, columns)
            except Exception as error:  # compressed in a way no installed library reads, or cut off
                how = data.file_meta.TransferSyntaxUID.name
                raise LabError(
                    f"{file.name} of {name} cannot be decoded ({how}): {str(error).splitlines()[0][:150]}",
                    "Export the series uncompressed, or convert it by dcm2niix.",
                ) from error
            slope, inter = _rescale(data)
            yield (pixels.T if (slope, inter) == (1, 0) else pixels.T * slope + inter)


def _rescale(header: Any) -> tuple[float, float]:
    """Return slope and intercept: 1 and 0 where they are absent or empty."""
    slope, inter = header.get("RescaleSlope"), header.get("RescaleIntercept")
    return float(1 if slope in (None, "") else slope), float(0 if inter in (None, "") else inter)


def _syntax(data: Any) -> Any:
    """Return the transfer syntax of a file that does not say it, by how it was read."""
    from pydicom import uid

    implicit, little = data.original_encoding
    return uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
