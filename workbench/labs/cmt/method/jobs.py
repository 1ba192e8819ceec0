"""Trainings of a run: arms and seeds, their networks and batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.contract import Context
from workbench.labs.cmt.common.shapes import ARMS, PAPER, SMALL, Shape
from workbench.labs.cmt.method.augmentation import inside, moved
from workbench.labs.cmt.method.boxes import encode
from workbench.labs.cmt.method.data import Material, Sample, spec_of
from workbench.labs.cmt.method.frames import Frames, framed
from workbench.labs.cmt.method.matching import truth_of
from workbench.labs.cmt.method.model import Cmt
from workbench.labs.cmt.method.training import Batch, Recipe
from workbench.labs.cmt.params import PAPER_NET, Params


@dataclass(frozen=True)
class Job:
    """One arm of one seed: a training, or the joining of two that are done."""

    arm: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def about(self) -> dict[str, Any]:
        """Columns that name it in every table."""
        return {"arm": self.arm, "seed": self.seed}

    @property
    def label(self) -> str:
        return ARMS[self.arm].title

    @property
    def file(self) -> str:
        """The name under which its weights are kept."""
        return f"network_{self.arm.replace(' ', '_')}"


def jobs_of(params: Params) -> list[Job]:
    """Return the jobs in their order: all arms of a seed before the next seed, an arm's parts before the arm."""
    arms = list(dict.fromkeys(one for arm in params.arms for one in (*ARMS[arm].parts, arm)))
    return [Job(arm, seed) for seed in range(params.seeds) for arm in arms]


def shape_of(params: Params, arm: str = "plain") -> Shape:
    """Return the network of an arm."""
    area, classes = spec_of(params).area, len(params.classes)
    if params.network == PAPER_NET:
        own = replace(PAPER, area=area, classes=classes, cell=params.cell, queries=params.queries)
    else:
        own = replace(
            SMALL, area=area, classes=classes, cell=params.cell, queries=params.queries, width=params.channels
        )
    return replace(own, **ARMS[arm].network)


def network(job: Job, params: Params, ctx: Context) -> Cmt:
    """Return the untrained network of a job."""
    return Cmt(shape_of(params, job.arm), ctx.generator(f"weights/{job.seed}")).to(ctx.device)


def recipe_of(job: Job, params: Params) -> Recipe:
    """Return how a job's network is trained."""
    arm = ARMS[job.arm]
    more = {} if arm.denoised else {"groups": 0}
    return Recipe(params.steps, params.rate, params.rise, masked=arm.masked, seed=job.seed, **more)


def batches(job: Job, params: Params, data: Material, ctx: Context) -> Callable[[int], Batch]:
    """Return the function from a step to its batch; every arm of a seed sees the same scenes, turned alike."""

    def batch_at(step: int) -> Batch:
        rng = ctx.rng(f"batch/{job.seed}/{step}")
        chosen = rng.choice(len(data.train), params.batch, replace=len(data.train) < params.batch)
        limit = np.radians(params.turn)
        scenes = [moved(data.train[int(k)], rng.uniform(-limit, limit), rng.random() < 0.5) for k in chosen]
        scenes = [inside(scene, data.spec.area) for scene in scenes]
        codes = [encode(scene.boxes) for scene in scenes]
        return gathered(scenes), truth_of(codes, [scene.labels for scene in scenes])

    return batch_at


def gathered(scenes: Sequence[Sample]) -> Frames:
    """Return scenes as one batch; those with fewer cameras than the others have absent ones."""
    most = max(len(scene.images) for scene in scenes)
    filled: Callable[[Tensor], Tensor] = lambda t: torch.cat([t, t.new_zeros(most - len(t), *t.shape[1:])])  # noqa: E731
    clouds = [scene.points if scene.lidar else scene.points[:0] for scene in scenes]
    if not most:
        return framed(clouds)
    images = torch.stack([filled(scene.images) for scene in scenes]).float() / 255
    frames = framed(clouds, images, torch.stack([filled(scene.lidar2img) for scene in scenes]))
    return frames._replace(camera=torch.stack([filled(scene.camera) for scene in scenes]))
