"""NIfTI files: opened slice by slice, and written."""

from __future__ import annotations

import contextlib
import gzip
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.volumes.grid import Slices, check_shape, is_usable

GZIP = b"\x1f\x8b"
DENSEST = 1032  # gzip makes no file smaller than its content by more than this factor
DENSEST_SCAN = 100  # and no scan, which has noise, by more than this one
LARGE = 100_000_000  # bytes of content from which that is asked
PAIR = re.compile(r"\.(hdr|img)(\.gz)?$", re.IGNORECASE)
UNITS = {1: ("meters", 1000.0), 3: ("micrometers", 0.001)}  # the lowest three bits of xyzt_units; others mean mm
LABEL = re.compile(rb'<Label\s[^>]*?Key="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^<\]]{1,200})')
CUT_OFF = "It is cut off or damaged: copy or export it again."


def open_nifti(path: Path, kind: str = "labels") -> Slices:
    """Open a ``.nii`` or ``.nii.gz`` file, or a pair ``.hdr`` and ``.img``, NIfTI-1 or NIfTI-2.

    Parameters
    ----------
    kind
        ``"volume"`` or ``"labels"``; a large volume that is nearly empty is refused.

    Raises
    ------
    LabError
        If it is none, its header contradicts its size, its voxels are colors or complex numbers, or it is cut off (that
        one while its slices are read).
    """
    path_of_header, path = files_of(path)
    header = _header(path_of_header, single=path_of_header == path)
    check_shape(header.get_data_shape(), path.name)
    shape = tuple(header.get_data_shape()[:3])
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise LabError(f"{path.name} holds {dtype} voxels: colors or complex numbers.", "Give one of plain numbers.")
    _check_size(path, int(header.get_data_offset()) + int(np.prod(shape, dtype=float)) * dtype.itemsize, kind)
    slope, inter = header.get_slope_inter()  # None where the header leaves them out
    scaled = slope is not None and (slope, inter) != (1.0, 0.0)
    affine, note = _affine(header)
    return Slices(
        shape,
        affine,
        np.dtype(np.float64) if scaled else dtype.newbyteorder("="),
        _slices(path, header, shape, (slope, inter) if scaled else None),
        note=note,
        names=_names(header),
    )


def files_of(path: Path) -> tuple[Path, Path]:
    """Return the files of header and voxels: the same one, but of a pair.

    Raises
    ------
    LabError
        If half of a pair is not there.
    """
    half = PAIR.search(path.name)
    if half is None:
        return path, path
    words = ("HDR", "IMG") if half[1].isupper() else ("hdr", "img")
    files = tuple(path.with_name(f"{path.name[: half.start()]}.{word}{half[2] or ''}") for word in words)
    for file in files:
        if not file.is_file():
            raise LabError(f"There is no {file.name} beside {path.name}.", "A pair of .hdr and .img needs both.")
    return files


def write_nifti(
    path: Path | str, voxels: np.ndarray, affine: np.ndarray, names: Mapping[int, str] | None = None
) -> None:
    """Write an array as NIfTI-1, compressed if the name ends in ``.gz``; equal arrays give equal bytes.

    Parameters
    ----------
    voxels
        (X, Y, Z). Booleans are written as uint8, float64 as float32, int64 as int16 or int32.
    affine
        (4, 4) from voxel to mm, RAS.
    names
        Of a mask: organ by number, kept in the header as Caret's label table, which `read_labels` finds again.

    Raises
    ------
    LabError
        If the name ends in neither ``.nii`` nor ``.nii.gz``, or the array has not three axes.
    """
    import nibabel as nib

    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise LabError(f"{path.name} is no name of a NIfTI file.", "Let it end in .nii or .nii.gz.")
    voxels = np.asarray(voxels)
    check_shape(voxels.shape, path.name)
    if voxels.dtype == np.int64:
        fits = voxels.size == 0 or abs(voxels).max() <= np.iinfo(np.int16).max
        voxels = voxels.astype(np.int16 if fits else np.int32)
    elif voxels.dtype in (np.bool_, np.float64, np.float16):
        voxels = voxels.astype(np.uint8 if voxels.dtype == np.bool_ else np.float32)
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    if names:
        rows = "".join(f'<Label Key="{k}"><![CDATA[{name}]]></Label>' for k, name in names.items())
        table = f"<CaretExtension><LabelTable>{rows}</LabelTable></CaretExtension>"
        image.header.extensions.append(nib.nifti1.Nifti1Extension("caret", table.encode()))
    blob = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        blob = gzip.compress(blob, 6, mtime=0)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
        new.write(blob)
    Path(new.name).chmod(0o644)
    Path(new.name).replace(path)


def _affine(header: Any) -> tuple[np.ndarray, str]:
    """Return the affine (4, 4) to mm, and a note on what was amiss with the one that the header prefers."""
    from nibabel.spatialimages import HeaderDataError

    notes, (unit, mm) = [], UNITS.get(int(header["xyzt_units"]) & 7, ("", 1.0))
    to_mm = np.diag([mm, mm, mm, 1.0])
    affine = to_mm @ header.get_best_affine()
    if not header["sform_code"] and not header["qform_code"]:
        notes.append("its header states no orientation: the axes are taken as left, front, head")
    elif header["sform_code"] and header["qform_code"] and not is_usable(affine):
        with contextlib.suppress(HeaderDataError, ValueError):  # no quaternion of a rotation
            affine = to_mm @ header.get_qform()
            notes.append("its sform is degenerate: the qform was taken")
    if unit:
        notes.append(f"its lengths are in {unit} and were brought to mm")
    return affine, "; ".join(notes)


def _header(path: Path, single: bool) -> Any:
    """Return the header with its extensions; the voxels are not touched."""
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError

    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise LabError(f"{path.name} is empty (0 bytes).", "Export it again.")
    if path.name.lower().endswith(".gz") and not start.startswith(GZIP):
        raise LabError(f"{path.name} is no gzip file, whatever its name says.", "Rename it, or export it again.")
    try:
        with _open(path) as file:
            size = int.from_bytes(file.read(4), "little")
            file.seek(0)
            one, two = nib.nifti1, nib.nifti2
            kinds = (one.Nifti1Header, two.Nifti2Header) if single else (one.Nifti1PairHeader, two.Nifti2PairHeader)
            kind = kinds[size in (540, 0x1C020000)]
            if size not in (348, 540, 0x5C010000, 0x1C020000):  # in either order of bytes
                raise LabError(f"{path.name} is no NIfTI file: it begins otherwise.", "Export it as NIfTI.")
            header = kind.from_fileobj(file)
        magic = bytes(header["magic"]).rstrip(b"\0\r\n\x1a")
        if magic not in ((b"n+1", b"n+2") if single else (b"ni1", b"ni2")):
            raise LabError(
                f"{path.name} is no {'single-file' if single else 'half of a pair of'} NIfTI: its magic is "
                f"{magic.decode('latin-1')!r}.",
                "One file is named .nii or .nii.gz; a pair .hdr and .img.",
            )
        return header
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LabError(f"{path.name} ends within its header, or is damaged ({error}).", CUT_OFF) from error
    except (HeaderDataError, nib.wrapstruct.WrapStructError) as error:
        raise LabError(f"{path.name} has a broken NIfTI header: {str(error).rstrip('.')}.", CUT_OFF) from error


def _check_size(path: Path, needed: int, kind: str) -> None:
    """Compare what the header claims with what a file of that size can hold."""
    have = path.stat().st_size
    most = have * DENSEST if path.name.lower().endswith(".gz") else have
    if needed > most:
        raise LabError(f"{path.name} has {have:,} bytes; its header claims {needed:,} bytes.", CUT_OFF)
    if kind == "volume" and needed > max(LARGE, have * DENSEST_SCAN):
        raise LabError(
            f"{path.name} has {have / 1e6:,.1f} MB and unpacks to {needed / 1e6:,.0f} MB: it is nearly empty.",
            "A scan has noise. Is it a mask?",
        )


def _slices(path: Path, header: Any, shape: tuple[int, ...], scale: tuple[float, float] | None) -> Iterator[np.ndarray]:
    """Yield the slices (I, J), scaled; the checksum of a gzip file is checked at its end."""
    dtype = header.get_data_dtype()
    count = shape[0] * shape[1]
    try:
        with _open(path) as file:
            file.seek(int(header.get_data_offset()))
            for k in range(shape[2]):
                blob = file.read(count * dtype.itemsize)
                if len(blob) < count * dtype.itemsize:
                    raise LabError(f"{path.name} ends within slice {k + 1} of {shape[2]}.", CUT_OFF)
                plane = np.frombuffer(blob, dtype).reshape(shape[:2], order="F")
                if scale:
                    plane = plane * scale[0] + scale[1]
                    plane = plane.astype(np.float32) if dtype.kind in "iu" else plane  # 3, not 2.9999999993
                yield plane
            file.read(1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LabError(f"{path.name} is damaged ({error}).", CUT_OFF) from error


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _names(header: Any) -> dict[int, str]:
    """Return the organ names of a label table in the header's extensions, as Caret and TotalSegmentator write it."""
    found: dict[int, str] = {}
    for extension in header.extensions:
        for key, name in LABEL.findall(extension.content[:1_000_000]):
            found[int(key)] = name.decode("utf-8", "replace").strip().replace("_", " ")
    found.pop(0, None)
    return found
