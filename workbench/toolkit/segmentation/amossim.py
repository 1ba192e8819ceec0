"""AMOS-sim: a SIMULATED set in the layout of AMOS22, made from three real organ maps that come with the workbench.

What is real: the organ maps (pseudo-labels of three people) and how bright each organ is in CT and MR. What is not: the
bodies, which are warped copies, the scanners, and every number that comes out of it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from workbench.contract.context import stream_seed
from workbench.data.catalog import cache
from workbench.data.volumes.amos import FIRST_MR, META, write_description
from workbench.data.volumes.named import open_set
from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import write_nifti
from workbench.toolkit.segmentation.simulation import (
    AIR,
    SITES,
    Anatomy,
    Look,
    anatomy,
    looks,
    paint_ct,
    paint_mr,
    warp,
)

SOURCES = ("abdomen_ct", "abdomen_ct_small", "abdomen_mr")
FIELD = (288.0, 207.0, 100.0)  # mm that a scan shows
VERSION = 2  # of what is drawn: another number, another set
NOTE = (
    "SIMULATED: AMOS-sim, warped copies of three real organ maps (pseudo-labels, not a radiologist's), painted as "
    "CT and MR. Training and validation share those three people, so its scores say nothing of AMOS22."
)


@dataclass(frozen=True)
class Recipe:
    """Numbers of cases of each kind.

    Training cases are of site A; validation cases come in pairs, the same body at site A and at site B.
    """

    ct_train: int = 16
    mr_train: int = 4
    ct_validation: int = 8
    mr_validation: int = 8
    seed: int = 0

    @property
    def key(self) -> str:
        """A name for the set on the disk."""
        text = json.dumps(asdict(self) | {"version": VERSION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def amos_sim(
    recipe: Recipe,
    find: Callable[[str], Path] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, stage: None,
) -> Path:
    """Return the folder of the simulated set, made at its first use; equal recipes give equal bytes.

    Parameters
    ----------
    recipe
        What it holds.
    find
        Gives the path of a catalog entry, so that a run notes what it used (``ctx.data``).
    progress
        Called after each case that is made.
    """
    scans = [open_set(name, find) for name in SOURCES]
    place = cache.cache() / "amos_sim" / recipe.key
    if not (place / "dataset.json").exists():
        with cache.workshop(f"amos_sim_{recipe.key}", progress) as work:
            if not (place / "dataset.json").exists():
                write_sim(work / "files", recipe, [anatomy(v, m) for v, m in scans], looks(scans), progress)
                cache.install(work / "files", place)
    return place


def write_sim(
    folder: Path,
    recipe: Recipe,
    anatomies: list[Anatomy],
    look: dict[str, Look],
    progress: Callable[[int, int, str], None] = lambda done, total, stage: None,
) -> None:
    """Write the set of a recipe into `folder`, in AMOS's layout."""
    for name in ("imagesTr", "labelsTr", "imagesVa", "labelsVa", "imagesTs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    plan = planned(recipe)
    listed: dict[str, list[str]] = {"training": [], "validation": []}
    table = []
    for done, (number, body, part, modality, site) in enumerate(plan):
        rng, own = (np.random.default_rng(stream_seed(recipe.seed, f"amos-sim/{k}")) for k in (number, f"body {body}"))
        source = anatomies[int(own.integers(len(anatomies)))]
        scanner = SITES[modality, site]
        spacing = (scanner.spacing[0], scanner.spacing[0], scanner.spacing[1])
        room = min(FIELD[2], source.soft.shape[3] * source.spacing[2] * 1.2)  # a short map is not stretched far
        shape = tuple(max(8, int(f // s)) for f, s in zip((*FIELD[:2], room), spacing, strict=True))
        classes = warp(source, shape, spacing, own)
        paint = paint_ct if modality == "CT" else paint_mr
        image = paint(classes, look[modality], scanner, rng)
        mask = np.where(classes < AIR, classes, 0).astype(np.uint8)
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = -(np.array(shape) - 1) * spacing / 2
        if modality == "MR":  # as in the real pair of scans: CT is RAS, MR is LPS
            image, mask = image[::-1, ::-1], mask[::-1, ::-1]
            affine[:2, :2] *= -1
            affine[:2, 3] *= -1
        name, end = f"amos_{number:04d}", "Tr" if part == "training" else "Va"
        write_nifti(folder / f"images{end}" / f"{name}.nii.gz", np.ascontiguousarray(image), affine)
        write_nifti(folder / f"labels{end}" / f"{name}.nii.gz", np.ascontiguousarray(mask), affine)
        listed[part].append(name)
        table.append(
            {"amos_id": number, "Manufacturer's Model Name": f"simulated {site}", "Site": site, "anatomy": source.name}
        )
        progress(done + 1, len(plan), "simulating AMOS-sim")
    with (folder / META).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    (folder / "readme.md").write_text(f"# AMOS-sim\n\n{NOTE}\n", encoding="utf-8")
    write_description(folder, listed, "AMOS-sim (SIMULATED)", NOTE, "MIT and Apache-2.0 (its sources)", AMOS)


def planned(recipe: Recipe) -> list[tuple[int, int, str, str, str]]:
    """Return number, number of the body, part, modality and site of every case; MR from 500 on, as in AMOS."""
    rows = []
    for modality, first, train, validation in (
        ("CT", 1, recipe.ct_train, recipe.ct_validation),
        ("MR", FIRST_MR, recipe.mr_train, recipe.mr_validation),
    ):
        rows += [(first + i, first + i, "training", modality, "A") for i in range(train)]
        start = first + train
        rows += [(start + i, start + i - i % 2, "validation", modality, "AB"[i % 2]) for i in range(validation)]
    return rows
