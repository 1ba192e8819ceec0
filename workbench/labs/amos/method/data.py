"""The scans of a run: a folder in AMOS's layout, simulated or real, prepared for the network and kept on the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from workbench.contract import Context, LabError
from workbench.contract.result import atomic_write
from workbench.data.catalog import cache
from workbench.data.volumes.amos import Case, Release, open_release, read_case
from workbench.data.volumes.named import amos_tree
from workbench.labs.amos.params import FOLDER, SIM, Params
from workbench.toolkit.segmentation.amossim import NOTE, Recipe, amos_sim
from workbench.toolkit.segmentation.patches import Sample, places_of
from workbench.toolkit.segmentation.preprocessing import Recipe as Preparation
from workbench.toolkit.segmentation.preprocessing import prepared, prepared_mask

CLASSES = 16  # AMOS's organs and the background
HELD_OUT = 5  # where no labeled validation cases are, every fifth training case is held out instead


@dataclass(frozen=True)
class Material:
    """Training and validation data of a run.

    Attributes
    ----------
    train, validation
        Cases.
    preparation
        How a scan is prepared.
    notes
        What the reader must know of the data.
    simulated
        Whether the scans are.
    """

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    preparation: Preparation
    notes: tuple[str, ...]
    simulated: bool


def material(params: Params, ctx: Context) -> Material:
    """Return the cases of a run.

    Raises
    ------
    LabError
        If the data are not here, or lack masks to learn from.
    """
    release, notes = opened(params, ctx)
    train, validation = release.part("training"), release.part("validation")
    if not train:
        raise LabError(f"{release.folder} holds no training case with a mask.", "Masks belong into labelsTr.")
    if not validation:
        validation = [c for m in ("CT", "MR") for c in of(train, m)[HELD_OUT - 1 :: HELD_OUT]] or train[-1:]
        train = [c for c in train if c not in validation]
        notes.append(
            f"There are no validation cases with masks: {len(validation)} training cases, every fifth of each, "
            "are held out instead. Such scores are not comparable with those on labelsVa."
        )
    half = max(1, params.cases // 2)
    validation = [c for m in ("CT", "MR") for c in of(validation, m)[:half]]
    preparation = Preparation((params.spacing_xy, params.spacing_xy, params.spacing_z))
    return Material(tuple(train), tuple(validation), preparation, tuple(notes), params.dataset == SIM)


def opened(params: Params, ctx: Context) -> tuple[Release, list[str]]:
    """Return the folder that the parameters name, and what must be said of it."""
    if params.dataset == SIM:
        half = max(1, params.cases // 2)
        recipe = Recipe(params.ct_train, params.mr_train, half, half)
        release = open_release(amos_sim(recipe, ctx.data, ctx.progress))
        return release, [NOTE, *release.notes]
    if params.dataset == FOLDER:
        if not params.folder:
            raise LabError("No folder is named.", "Give the path of a folder in AMOS's layout under 'folder'.")
        release = open_release(params.folder, params.first_mr)
    else:
        release = open_release(amos_tree(), params.first_mr)
    licence = f"Licence, as its dataset.json says: {release.licence}."
    return release, [licence, *release.notes]


def of(cases: Sequence[Case], modality: str) -> list[Case]:
    """Return the cases of a modality."""
    return [c for c in cases if c.modality == modality]


def sample(case: Case, preparation: Preparation) -> Sample:
    """Return a scan prepared to train on; prepared once, kept beside the data, memory-mapped after."""
    place = cache.cache() / "amos_prepared" / _key(case, preparation)
    if not (place / "mask.npy").exists():
        volume, labels = read_case(case)
        place.mkdir(parents=True, exist_ok=True)
        image = prepared(volume.voxels, volume.spacing, case.modality, preparation)
        mask = prepared_mask(labels.voxels, volume.spacing, preparation)
        mask = np.where(mask < CLASSES, mask, 0).astype(np.uint8)
        for name, array in (("image", image), ("mask", mask)):
            _save(place / f"{name}.npy", array)
    image, mask = (np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("image", "mask"))
    places = places_of(np.asarray(mask), np.random.default_rng(case.number))
    return Sample(case.name, case.modality, case.site, image, mask, places)


def _key(case: Case, preparation: Preparation) -> str:
    """Return a name for a prepared scan: another file, another preparation, another name."""
    files = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in (case.image, case.label)]
    text = json.dumps([files, case.modality, asdict(preparation)])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _save(path: Path, array: np.ndarray) -> None:
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
