"""Trainings of a run, the batches of each, and what an arm adds to the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from workbench.contract import Context
from workbench.labs.eam.method.data import Material, annotated
from workbench.labs.eam.method.model import Learner, Plan, backbone, learner
from workbench.labs.eam.method.subjects import Subject
from workbench.labs.eam.params import (
    ATTENTION,
    CT_ONLY,
    EAM,
    KEPT,
    MODALITIES,
    MR_ONLY,
    NO_CORRELATION,
    NO_IMAGE,
    NO_MODALITY,
    NORMS,
    UMMKD,
    Params,
)
from workbench.toolkit.segmentation.patches import AIMED, disturbed
from workbench.toolkit.segmentation.training import Batch

SEEN = {CT_ONLY: (0,), MR_ONLY: (1,)}  # modalities an arm learns from; others learn from both
WITH_MODULES = (EAM, NO_IMAGE, NO_MODALITY, NO_CORRELATION, ATTENTION)


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes
    ----------
    arm
        One of the arms.
    few
        The modality with few annotated subjects, ``"CT"`` or ``"MR"``.
    shots
        How many those are; 0 where the arm does not see that modality.
    seed
        Decides weights, annotated subjects and batches.
    """

    arm: str
    few: str
    shots: int
    seed: int

    @property
    def key(self) -> str:
        return f"{self.arm}/{self.few}/{self.shots}/{self.seed}"

    @property
    def about(self) -> dict[str, Any]:
        """Columns that name it in every table."""
        return {"arm": self.arm, "few": self.few, "shots": self.shots, "seed": self.seed}

    @property
    def label(self) -> str:
        return f"{self.arm}, {self.shots} {self.few}" if self.shots else f"{self.arm}, no {self.few}"


def jobs_of(params: Params) -> list[Job]:
    """Return the trainings in their order: all arms of a seed before the next seed."""
    arms = list(dict.fromkeys(EAM if a == KEPT else a for a in params.arms))
    directions = MODALITIES[::-1] if params.few == "both" else (params.few,)
    found = []
    for seed in range(params.seeds):
        for few in directions:
            for arm in arms:
                blind = MODALITIES.index(few) not in SEEN.get(arm, (0, 1))
                counts = [0] if blind else params.shots if arm in params.wide else params.shots[:1]
                if params.reference and SEEN.get(arm) == (MODALITIES.index(few),):
                    counts = list(dict.fromkeys([*counts, params.reference]))
                found += [Job(arm, few, shots, seed) for shots in counts]
    return found


def main_job(params: Params) -> Job:
    """Return the training whose network is kept: the first with modules, else the first."""
    jobs = jobs_of(params)
    return next((j for j in jobs if j.arm == EAM), next((j for j in jobs if j.arm in WITH_MODULES), jobs[0]))


def plan_of(arm: str, params: Params) -> Plan:
    """Return what an arm adds to Dice and cross entropy."""
    if arm in WITH_MODULES:
        weights = (params.attention, params.image_level, params.modality_level)
        whole = Plan(params.scales, *weights, ramp=params.ramp, values=params.values == "learned")
        changes: dict[str, dict[str, Any]] = {
            NO_IMAGE: {"image": 0.0},
            NO_MODALITY: {"modality": 0.0},
            NO_CORRELATION: {"correlation": False},
            ATTENTION: {"image": 0.0, "modality": 0.0},
        }
        return replace(whole, **changes.get(arm, {}))
    return Plan(norms=arm in (NORMS, UMMKD), distillation=params.distillation if arm == UMMKD else 0.0)


def prepared(job: Job, params: Params, classes: int, ctx: Context) -> Learner:
    """Return the untrained learner of a job; networks of a seed start alike in every arm."""
    plan = plan_of(job.arm, params)
    f = backbone(params.width, classes, ctx.generator(f"weights/{job.seed}"), plan.norms)
    modality = [m for m in SEEN.get(job.arm, (0, 1)) for _ in range(params.batch)]
    outside = ctx.generator(f"modules/{job.seed}")
    return learner(f, classes, plan, modality, params.steps, outside).to(ctx.device)


def pools(job: Job, params: Params, data: Material, ctx: Context) -> dict[int, list[Subject]]:
    """Return the annotated subjects of each modality that a job sees."""
    counts = [job.shots if MODALITIES[m] == job.few else min(params.many, len(data.train[m])) for m in (0, 1)]
    seen = SEEN.get(job.arm, (0, 1))
    return {m: annotated(data.train[m], counts[m], ctx.rng(f"annotated/{m}/{job.seed}")) for m in seen}


def batches(job: Job, params: Params, data: Material, ctx: Context) -> Callable[[int], Batch]:
    """Return the function from a step to its batch: as many slices of each modality, CT first.

    Images (B, 1, X, Y) float32 and masks (B, X, Y) int64. Half of the slices are drawn from those that hold an organ,
    every organ as often. Every arm of a seed sees the same slices of a modality, so
    that joint arms differ from separate ones only by what they see besides.
    """
    lots = {
        m: [(s.values[:, :, i], s.mask[:, :, i]) for s in subjects for i in range(s.mask.shape[2])]
        for m, subjects in pools(job, params, data, ctx).items()
    }
    holding = {
        m: [[i for i, (_, mask) in enumerate(lot) if (mask == k).any()] for k in data.organs] for m, lot in lots.items()
    }
    holding = {m: [slices for slices in found if slices] for m, found in holding.items()}

    def batch_at(step: int) -> Batch:
        images, masks = [], []
        for m, lot in lots.items():
            rng = ctx.rng(f"batch/{m}/{job.seed}/{step}")
            for _ in range(params.batch):
                aimed = rng.random() < AIMED and holding[m]
                choice = holding[m][rng.integers(len(holding[m]))] if aimed else range(len(lot))
                image, mask = lot[choice[rng.integers(len(choice))]]
                images.append(disturbed(image, rng))
                masks.append(mask)
        stacked = np.stack(images)[:, None].astype(np.float32)
        return torch.from_numpy(stacked), torch.from_numpy(np.stack(masks).astype(np.int64))

    return batch_at
