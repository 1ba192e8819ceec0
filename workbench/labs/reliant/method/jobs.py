"""Trainings of a run: every arm as a job, and the networks and settings they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from workbench.labs.reliant.method.discriminators import Discriminators
from workbench.labs.reliant.method.model import Features, Gcn, Plp, Sage, Sgc, new_proxies
from workbench.labs.reliant.method.training import Recipe, Task
from workbench.labs.reliant.params import FAIR, NORM, Params

CONSTANT = 0.5  # of the control's columns: the proxies' mean at their start


@dataclass(frozen=True)
class Arm:
    """One student of one teacher.

    Attributes
    ----------
    teacher, student, arm
        See `workbench.labs.reliant.params.Params`.
    alpha
        Weight of the bias loss; 0 without one.
    metric
        Which gap it lowers.
    """

    teacher: str
    student: str
    arm: str
    alpha: int
    metric: str

    @property
    def name(self) -> str:
        """One word for jobs and saved weights."""
        return f"{self.teacher}-{self.student}-{self.arm}-{self.alpha}-{self.metric}"

    def row(self) -> dict:
        return asdict(self)


def teacher_arm(kind: str) -> Arm:
    """Return a teacher as an arm that has no student."""
    return Arm(kind, "-", "teacher", 0, "-")


@dataclass(frozen=True)
class Job:
    """The training of a teacher or a student on one split of a graph."""

    set: str
    seed: int
    arm: Arm

    @property
    def key(self) -> str:
        return f"{self.set}/{self.seed}/{self.arm.teacher if self.arm.arm == 'teacher' else self.arm.name}"

    @property
    def label(self) -> str:
        return f"{self.set}, {self.arm.name}"

    @property
    def about(self) -> dict[str, Any]:
        return {"set": self.set, "seed": self.seed} | self.arm.row()


def arms_of(params: Params) -> Iterator[Arm]:
    """Yield what a run trains of each seed, the arms by which claims are judged first."""
    first = params.teachers[0], params.students[0]
    alphas = [params.alpha, *(a for a in params.alphas if a != params.alpha)]
    for arm in params.arms:
        for alpha in [0] if arm in ("kd", "drop") else alphas:
            yield Arm(*first, arm, alpha, params.metric)
    if params.both and "reliant" in params.arms:
        yield Arm(*first, "reliant", params.alpha, "eo" if params.metric == "sp" else "sp")
    for teacher in params.teachers:
        for student in params.students:
            for arm in ("kd", "reliant") if (teacher, student) != first else ():
                if arm in params.arms:
                    yield Arm(teacher, student, arm, params.alpha * (arm == "reliant"), params.metric)


def make_teacher(kind: str, inputs: int, params: Params, generator: Generator) -> nn.Module:
    """Return an untrained teacher."""
    return {"gcn": Gcn, "sage": Sage}[kind](inputs, params.hidden, params.depth, params.dropout, generator)


def make_student(
    kind: str, features: Features, columns: int, task: Task, params: Params, generator: Generator
) -> nn.Module:
    """Return an untrained student that takes so many further columns."""
    inputs = features.x.shape[1] + columns
    if kind == "plp":
        return Plp(inputs, params.width, params.hops, task.train.cpu(), task.y.cpu(), generator)
    if kind == "sage":
        return Sage(inputs, params.width, 2, 0.0, generator)
    return Sgc(inputs, params.hidden if kind == "akd" else params.width, generator)


def make_judge(kind: str, params: Params, generator: Generator) -> Discriminators | None:
    """Return GraphAKD's discriminators for its student."""
    return Discriminators(params.hidden, generator) if kind == "akd" else None


def make_proxies(arm: str, n: int, params: Params, generator: Generator) -> Tensor | None:
    """Return the further columns of an arm: (n, k) to be learned, (1, k) constant, or none."""
    if arm == "reliant":
        return new_proxies(n, params.proxies, generator)
    return torch.full((1, params.proxies), CONSTANT) if arm == "const" else None


def recipe_for(arm: Arm, task: Task, params: Params) -> Recipe:
    """Return how an arm is taught; the mode `as released` takes the rows of the authors' code."""
    known = torch.nonzero(task.y >= 0)[:, 0]
    mask = torch.ones_like(task.y, dtype=torch.bool)
    mask[task.train] = False
    rest = known[mask[known]]
    if params.labels == FAIR:
        rows = task.train, task.train
    elif arm.student == "plp":
        rows = rest, rest
    else:
        rows = task.train, known
    return Recipe(
        arm=arm.arm,
        alpha=arm.alpha,
        metric=arm.metric,
        step=params.step,
        epochs=params.epochs,
        rate=params.rate,
        decay=params.decay,
        proxy_rate=params.proxy_rate,
        proxy_decay=params.proxy_decay,
        norm=params.loss == NORM and arm.student != "akd",
        bias_rows=rows[0],
        proxy_rows=rows[1],
    )
