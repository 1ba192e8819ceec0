"""Published CT and MR sets in the layouts they come in: BTCV, CHAOS, MM-WHS. Layouts and codes are RECALLED.

We hold none of these sets; the readers are tested on small trees of the same layout. Every scan is turned to RAS: CT
and MR come in other orientations, and kidneys would swap sides between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np

from workbench.contract import LabError
from workbench.data.volumes.volume import Volume, read_labels, read_volume
from workbench.labs.eam.method.subjects import HEART, ORGANS, Subject, cut
from workbench.labs.eam.params import ABDOMEN, MODALITIES

BTCV = {6: 1, 2: 2, 3: 3, 1: 4}  # its number -> ours
GRAY = {1: (55, 70), 2: (110, 135), 3: (175, 200), 4: (240, 255)}  # ours -> gray values of CHAOS's MR masks
MMWHS = {205: 1, 420: 2, 500: 3, 820: 4}
RECALLED = (
    "The layout of this set and its label codes are recalled, not read: look at the slices before you trust a score."
)
Scan = tuple[str, Volume, np.ndarray]  # name, scan, our numbers (X, Y, Z) uint8


def published(
    dataset: str, ct_folder: str, mr_folder: str, size: int, slices: int
) -> tuple[tuple[list[Subject], list[Subject]], dict[int, str], list[str]]:
    """Return the subjects of a published pair of sets, CT and MR, the names of the organs, and notes.

    Parameters
    ----------
    dataset
        One of `workbench.labs.eam.params`: the abdomen or the heart.
    ct_folder, mr_folder
        Where they lie. Abdomen: BTCV with ``img/img0001.nii.gz`` and ``label/label0001.nii.gz``; CHAOS with
        ``1/T2SPIR/DICOM_anon/*.dcm`` and ``1/T2SPIR/Ground/*.png``. Heart: MM-WHS with
        ``ct_train_1001_image.nii.gz`` and ``..._label.nii.gz`` (``mr_...``), or NPZ files (``ct...npz``, ``mr...npz``)
        with ``arr_0`` and ``arr_1``, as UMMKD and SIFA hand them out.
    size, slices
        Pixels and slices of a subject.

    Raises
    ------
    LabError
        If a folder is not named, not there, or holds no subject.
    """
    readers = (btcv, chaos) if dataset == ABDOMEN else (mmwhs, mmwhs)
    found: tuple[list[Subject], list[Subject]] = ([], [])
    strays: set[int] = set()
    for m, (read, text) in enumerate(zip(readers, (ct_folder, mr_folder), strict=True)):
        if not text:
            raise LabError(
                f"No folder of the {MODALITIES[m]} is named.", f"Give it under {MODALITIES[m].lower()}_folder."
            )
        folder = Path(text).expanduser()
        if not folder.is_dir():
            raise LabError(f"There is no folder {folder}.", "Check the path.")
        for name, volume, mask in read(folder, MODALITIES[m]):
            strays |= set(np.unique(mask).tolist()) - set(range(5))
            found[m].append(cut(volume, np.where(mask > 4, 0, mask).astype(np.uint8), m, size, slices, name))
        if not found[m]:
            raise LabError(f"{folder} holds no {MODALITIES[m]} subject.", "The lab's README shows the layouts.")
    notes = [RECALLED]
    if strays:
        notes.append(f"Label values {sorted(strays)} mean nothing in this set and were taken as background.")
    return found, dict(ORGANS if dataset == ABDOMEN else HEART), notes


def btcv(folder: Path, modality: str) -> Iterator[Scan]:
    """Read BTCV: 13 organs in NIfTI, of which four are taken."""
    for image in sorted((folder / "img").glob("img*.nii*")):
        label = image.parent.parent / "label" / image.name.replace("img", "label")
        if label.exists():
            volume = read_volume(image, modality)
            yield image.name.split(".")[0], volume, renumbered(read_labels(label, volume).voxels, BTCV)


def chaos(folder: Path, modality: str) -> Iterator[Scan]:
    """Read the MR of CHAOS: DICOM slices and, under the same order of names, PNG masks in gray values."""
    root = folder / "MR" if (folder / "MR").is_dir() else folder
    for place in sorted(p for p in root.iterdir() if (p / "T2SPIR" / "Ground").is_dir()):
        files = sorted((place / "T2SPIR" / "DICOM_anon").rglob("*.dcm"))
        masks = sorted((place / "T2SPIR" / "Ground").glob("*.png"))
        if not files or len(files) != len(masks):
            raise LabError(
                f"{place.name} of CHAOS has {len(files)} slices and {len(masks)} masks.", "Unpack the set again."
            )
        image, affine = stacked(files)
        gray = np.stack([_png(p).T for p in masks], -1)  # (X, Y, Z), as DICOM: columns first
        if gray.shape != image.shape:
            raise LabError(f"The masks of {place.name} have another size than its slices.", "Unpack the set again.")
        mask = np.zeros(gray.shape, np.uint8)
        for number, (low, high) in GRAY.items():
            mask[(gray >= low) & (gray <= high)] = number
        turned = [nib.as_closest_canonical(nib.Nifti1Image(a, affine)) for a in (image, mask)]
        voxels, labels = (np.asarray(t.dataobj) for t in turned)
        yield f"CHAOS {place.name}", Volume(voxels, turned[0].affine, modality, place.name, ""), labels


def stacked(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return DICOM slices in the order of the files as (X, Y, Z) float32, and their affine in RAS.

    The order of the names is kept, since masks follow it; it may run up or down, but not jump.
    """
    import pydicom

    heads = [pydicom.dcmread(f) for f in files]
    first, last = (np.array(h.ImagePositionPatient, float) for h in (heads[0], heads[-1]))
    row, column = np.array(heads[0].ImageOrientationPatient, float).reshape(2, 3)
    along = np.array([np.dot(np.array(h.ImagePositionPatient, float), np.cross(row, column)) for h in heads])
    steps = np.diff(along)
    if len(heads) > 1 and not ((steps > 0).all() or (steps < 0).all()):
        raise LabError(f"The slices beside {files[0].name} do not lie in the order of their names.", "Rename them.")
    affine = np.eye(4)
    spacing = [float(s) for s in heads[0].PixelSpacing]  # between rows, between columns
    affine[:3, 0], affine[:3, 1] = row * spacing[1], column * spacing[0]
    affine[:3, 2] = (last - first) / max(len(heads) - 1, 1) if len(heads) > 1 else np.cross(row, column)
    affine[:3, 3] = first
    affine[:2] *= -1  # DICOM's left and back to right and front
    voxels = np.stack(
        [h.pixel_array.T * float(h.get("RescaleSlope", 1)) + float(h.get("RescaleIntercept", 0)) for h in heads], -1
    )
    return voxels.astype(np.float32), affine


def mmwhs(folder: Path, modality: str) -> Iterator[Scan]:
    """Read MM-WHS: NIfTI with its own codes, or NPZ with 0 to 4, flipped on both axes of the plane before use."""
    short = modality.lower()
    for image in sorted(folder.rglob(f"{short}_*_image.nii*")):
        label = image.with_name(re.sub(r"_image\.nii", "_label.nii", image.name))
        if label.exists():
            volume = read_volume(image, modality)
            yield image.name.split("_image")[0], volume, renumbered(read_labels(label, volume).voxels, MMWHS)
    for file in sorted(folder.rglob(f"{short}*.npz")):
        volume, labels = read_volume(file, modality), read_labels(file)
        turned = replace(volume, voxels=volume.voxels[::-1, ::-1], modality="")  # values are z-scored, no HU
        yield file.stem, turned, np.asarray(labels.voxels)[::-1, ::-1]


def renumbered(voxels: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    """Return a mask in our numbers; the rest is background."""
    table = np.zeros(max(int(np.max(voxels, initial=0)), *numbers) + 1, np.uint8)
    for theirs, ours in numbers.items():
        table[theirs] = ours
    return table[voxels]


def _png(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))
