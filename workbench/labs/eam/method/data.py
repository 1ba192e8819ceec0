"""The subjects of a run: simulated CT and MR of the abdomen, or published sets; slices, and who is in which split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contract import Context, LabError, stream_seed
from workbench.data.volumes.named import open_set
from workbench.labs.eam.method.formats import published
from workbench.labs.eam.method.subjects import ORGANS, Subject
from workbench.labs.eam.params import MODALITIES, SHOTS, SIM, Params
from workbench.toolkit.segmentation.amossim import FIELD, SOURCES
from workbench.toolkit.segmentation.preprocessing import Recipe, intensities
from workbench.toolkit.segmentation.simulation import (
    SITES,
    Anatomy,
    Look,
    anatomy,
    looks,
    paint_ct,
    paint_mr,
    warp,
)

NUMBERS = {6: 1, 2: 2, 3: 3, 1: 4}  # AMOS's number of an organ -> ours
NOTE = (
    "SIMULATED: warped copies of three real organ maps (pseudo-labels, not a radiologist's), painted as CT and MR. All "
    "subjects, test subjects too, come from those three people, so the Dice here says nothing of other data."
)


@dataclass(frozen=True)
class Material:
    """The subjects of a run by modality (0 CT, 1 MR); nobody is in two splits.

    Attributes
    ----------
    train, validation, test
        Subjects.
    organs
        Number -> name, without the background.
    notes
        What the reader must know of them.
    """

    train: tuple[tuple[Subject, ...], tuple[Subject, ...]]
    validation: tuple[tuple[Subject, ...], tuple[Subject, ...]]
    test: tuple[tuple[Subject, ...], tuple[Subject, ...]]
    organs: dict[int, str]
    notes: tuple[str, ...]


def material(params: Params, ctx: Context) -> Material:
    """Return the subjects of a run.

    Raises
    ------
    LabError
        If the published sets are not where they should be, or have too few subjects.
    """
    if params.size % 8:
        raise LabError(f"A slice of {params.size} pixels cannot be halved three times.", "Choose a multiple of 8.")
    if params.dataset == SIM:
        return simulated(params, ctx)
    found, organs, notes = published(params.dataset, params.ct_folder, params.mr_folder, params.size, params.slices)
    parts = [divided(subjects, m) for subjects, m in zip(found, MODALITIES, strict=True)]
    return Material(*zip(*parts, strict=True), organs, tuple(notes))


def divided(subjects: list[Subject], modality: str) -> tuple[tuple[Subject, ...], ...]:
    """Return training, validation and test subjects: every fifth is for test, every tenth of the rest to choose by."""
    if len(subjects) < 3:
        raise LabError(f"There are only {len(subjects)} {modality} subjects.", "Three are needed at least.")
    ordered = sorted(subjects, key=lambda s: s.name)
    test = ordered[4::5] or ordered[-1:]
    rest = [s for s in ordered if s not in test]
    validation = rest[9::10] or rest[-1:]
    return tuple(s for s in rest if s not in validation), tuple(validation), tuple(test)


def simulated(params: Params, ctx: Context) -> Material:
    """Return simulated subjects; the same, whatever the arms."""
    scans = [open_set(name, ctx.data) for name in SOURCES]
    ctx.progress(0, 1, "measuring the organ maps")
    maps, look = [anatomy(v, m) for v, m in scans], looks(scans)
    most = max(params.many, params.reference, *params.shots)
    wanted = {"train": most, "validation": params.validation, "test": params.test}
    plan = [(part, m, i) for part, count in wanted.items() for m in (0, 1) for i in range(count)]
    made: dict[str, tuple[list[Subject], list[Subject]]] = {part: ([], []) for part in wanted}
    for done, (part, m, i) in enumerate(plan):
        ctx.progress(done, len(plan), "simulating subjects")
        if ctx.should_stop():
            break
        seed = stream_seed(0, f"eam/{part}/{MODALITIES[m]}/{i}")
        made[part][m].append(subject(f"{MODALITIES[m]} {part} {i + 1}", m, maps, look, params, seed))
    return Material(*(tuple(map(tuple, made[part])) for part in wanted), dict(ORGANS), (NOTE,))


def subject(name: str, m: int, maps: list[Anatomy], look: dict[str, Look], params: Params, seed: int) -> Subject:
    """Return one simulated subject: a warped map, painted in its modality, cut into slices."""
    rng = np.random.default_rng(seed)
    source = maps[int(rng.integers(len(maps)))]
    height = min(FIELD[2], source.soft.shape[3] * source.spacing[2] * 1.2)  # a short map is not stretched far
    spacing = (FIELD[0] / params.size, FIELD[1] / params.size, height / params.slices)
    classes = warp(source, (params.size, params.size, params.slices), spacing, rng)
    paint = paint_mr if m else paint_ct
    image = paint(classes, look[MODALITIES[m]], SITES[MODALITIES[m], "A"], rng)
    mask = np.zeros(classes.shape, np.uint8)
    for theirs, ours in NUMBERS.items():
        mask[classes == theirs] = ours
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(classes.shape) - 1) * spacing / 2
    values = intensities(image, MODALITIES[m], Recipe()).astype(np.float32)
    return Subject(name, m, image, values, mask, affine)


def annotated(subjects: tuple[Subject, ...], count: int, rng: np.random.Generator) -> list[Subject]:
    """Return the subjects whose labels a training may see: the first of a random order, so more shots hold fewer."""
    if len(subjects) < count:
        raise LabError(
            f"{count} annotated subjects are asked for, {len(subjects)} are there.",
            f"Ask for fewer: {', '.join(str(s) for s in SHOTS if s <= len(subjects)) or 'none is possible'}.",
        )
    return [subjects[i] for i in rng.permutation(len(subjects))[:count]]
