"""Resumable runs of many trainings: the jobs of a run, the training of a job, and the state that a stopped run keeps.

A lab lists its jobs, `unfinished` yields those that are left, and `follow` takes each through its training: it checks
the loss, fills the table ``training`` and the curves, and keeps what a stopped run needs to go on.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from workbench.contract.context import Context
from workbench.contract.errors import LabError

SAVE_EVERY = 10.0  # seconds: a killed run keeps what it had then
SAVE_SHARE = 20  # and at least so many times as long as the last saving took
SAVE_LATEST = 300.0  # but no later than this: a machine that was paused while it saved is not a slow disk
POINT_EVERY = 10  # training steps between two points of a curve
STOPPED = "Stopped before its end."
Step = tuple[int, int, str]  # done, total, stage: what the progress shows
State = dict[str, Any]  # flat names -> tensors or arrays
Freeze = Callable[[], State]
Loss = Mapping[str, float]  # the terms of a loss by name
Epoch = tuple[int, Any, Freeze]  # steps done, loss, and what freezes the training there
Training = Callable[[State | None], Iterator[Epoch]]  # begins from a state, or from nothing


class Job(Protocol):
    """One training of a run.

    Attributes
    ----------
    key
        Its name among the jobs of the run.
    label
        What the progress calls it.
    about
        The columns by which its rows are known in every table; ``seed`` is one of them.
    """

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def about(self) -> dict[str, Any]: ...


J = TypeVar("J", bound=Job)


@dataclass
class RunState:
    """State of a run: all that a stopped one needs to resume.

    Attributes
    ----------
    book
        Rows of the tables so far.
    pieces
        Tensors or arrays that outlast their job: name -> part -> value; no ``/`` in a name.
    finished
        Names of the jobs that are done.
    now
        The training under way: its job, and a function that returns its state.
    losses
        Of its steps since the last point of the curve: numbers, or rows of numbers.
    """

    book: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    pieces: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    finished: list[str] = field(default_factory=list)
    now: tuple[str, Freeze] | None = None
    losses: list[Any] = field(default_factory=list)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the rows so far as tables; a table without rows is absent."""
        return {name: pd.DataFrame(rows) for name, rows in self.book.items() if rows}

    def finish(self, key: str) -> None:
        """Note that a job is done."""
        self.finished.append(key)
        self.now = None


def run_steps(steps: Iterable[Step], run_state: RunState, ctx: Context) -> bool:
    """Follow the steps of a run to their end or to a stop, saving on the way; return whether it was stopped."""
    due, stopped = time.monotonic() + SAVE_EVERY, False
    for done, total, stage in steps:
        ctx.progress(done, total, stage)
        if stopped := ctx.should_stop():
            break
        if (began := time.monotonic()) > due:
            save_state(run_state, ctx)
            due = began + min(SAVE_LATEST, max(SAVE_EVERY, SAVE_SHARE * (time.monotonic() - began)))
    save_state(run_state, ctx)
    return stopped


def save_state(run_state: RunState, ctx: Context) -> None:
    """Save the rows so far, as tables to look at and as the checkpoint to go on from."""
    now = run_state.now and run_state.now[0]
    text = json.dumps({"book": run_state.book, "finished": run_state.finished, "now": now, "losses": run_state.losses})
    state: State = {"state": np.frombuffer(bytearray(text, "utf-8"), np.uint8)}
    for name, parts in run_state.pieces.items():
        state |= {f"piece/{name}/{part}": value for part, value in parts.items()}
    if run_state.now:
        state |= {f"now/{name}": value for name, value in run_state.now[1]().items()}
    ctx.checkpoint(state)
    for name, table in run_state.tables().items():
        ctx.save(name, table)


def load_state(state: State | None) -> RunState:
    """Return the run state of a checkpoint; an empty one at a fresh start."""
    run_state = RunState()
    if state is None:
        return run_state
    kept = json.loads(np.asarray(state["state"]).tobytes())
    run_state.book.update(kept["book"])
    run_state.finished, run_state.losses = kept["finished"], kept["losses"]
    now = {}
    for key, value in state.items():
        kind, _, name = key.partition("/")
        if kind == "now":
            now[name] = value
        elif name:  # a piece; checkpoints of older runs call them "read" and "shown"
            piece, _, part = name.partition("/")
            run_state.pieces[piece][part] = value
    if kept["now"]:
        run_state.now = (kept["now"], lambda: now)
    return run_state


def unfinished(jobs: Sequence[J], run_state: RunState) -> Iterator[tuple[J, str]]:
    """Yield each job that is not done, with what the progress calls it; done it is when the next one is asked for."""
    for number, job in enumerate(jobs, 1):
        if job.key not in run_state.finished:
            yield job, f"{job.label} ({number} of {len(jobs)})"
            run_state.finish(job.key)


def follow(
    jobs: Sequence[Job],
    training: Training,
    steps: int,
    stage: str,
    run_state: RunState,
    ctx: Context,
    *,
    curve: Callable[[Loss], Mapping[str, float]] = dict,
    columns: Mapping[str, Any] | None = None,
    unit: str = "step",
) -> Iterator[Step]:
    """Follow the training of a job, or of several jobs at once that differ by their seeds alone.

    Every `POINT_EVERY` steps and with the last one, the mean of each term of the loss becomes a row of the table
    ``training`` for each job, and a point of the curves for the job of seed 0.

    Parameters
    ----------
    jobs
        What is trained in this one pass.
    training
        Its losses are terms by name; of several jobs a list of those, in the order of `jobs`.
    steps
        How many there are.
    stage
        What the progress shows.
    curve
        From the terms of a loss to the points of the curves by name; by default the terms themselves.
    columns
        Further columns of the rows.
    unit
        What the column of the steps is called.

    Raises
    ------
    LabError
        If a loss is not finite.
    """
    key, label = " + ".join(job.key for job in jobs), " + ".join(job.label for job in jobs)
    terms: list[str] = []

    def flat(state: State | None) -> Iterator[Epoch]:
        for step, loss, freeze in training(state):
            each = loss if isinstance(loss, list) else [loss]
            terms[:] = each[0]
            yield step, [[float(one[term]) for term in terms] for one in each], freeze

    began, count = time.perf_counter(), 0
    for step, means in resume_training(key, flat, steps, run_state, label):
        count += 1
        for job, mean in zip(jobs, means, strict=True) if means is not None else ():
            loss = dict(zip(terms, mean, strict=True))
            run_state.book["training"].append(job.about | {unit: step} | dict(columns or {}) | loss)
            if job.about["seed"] == 0:
                for name, value in curve(loss).items():
                    ctx.metric(name, value, step)
        yield step, steps, stage
    if count:
        ctx.log(f"{label}: {1000 * (time.perf_counter() - began) / count:.0f} ms a training {unit}")


def resume_training(
    key: str, training: Training, steps: int, run_state: RunState, label: str = ""
) -> Iterator[tuple[int, Any]]:
    """Follow a training, from where the run state's is if it is this one.

    Parameters
    ----------
    key
        Its name among the trainings of the run.
    training
        Its loss is a number, or rows of numbers.
    steps
        How many there are.
    run_state
        Knows from here on that this training is under way.
    label
        What an error calls it; its key by default.

    Yields
    ------
    step, loss
        Steps done; every `POINT_EVERY` and with the last the mean loss since the point before, else None.

    Raises
    ------
    LabError
        If a loss is not finite.
    """
    state = run_state.now[1]() if run_state.now and run_state.now[0] == key else None
    if state is None:
        run_state.losses = []
    for step, loss, freeze in training(state):
        if not np.isfinite(loss).all():
            raise LabError(f"{label or key} did not learn: its loss is {np.sum(loss)}.", "Lower the learning rate.")
        if run_state.losses and np.shape(run_state.losses[0]) != np.shape(loss):
            run_state.losses = []  # of a checkpoint that an earlier version wrote
        run_state.now = (key, freeze)
        run_state.losses.append(loss)
        mean = None
        if step % POINT_EVERY == 0 or step == steps:
            mean, run_state.losses = np.mean(run_state.losses, axis=0).tolist(), []
        yield step, mean


def named(term: str, training: Iterator[tuple[int, float, Freeze]]) -> Iterator[Epoch]:
    """Yield a training whose loss is one number as one whose loss has this one term."""
    for step, loss, freeze in training:
        yield step, {term: loss}, freeze


class Headline:
    """The headline numbers of a run: of each a value a seed, and their mean."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = {}

    def add(self, key: str, values: Iterable[float]) -> None:
        """Add a number by its values, without those that are not finite; one without any is left out."""
        if finite := [float(value) for value in values if np.isfinite(value)]:
            self.samples[key] = finite

    @property
    def metrics(self) -> dict[str, float]:
        """The means."""
        return {key: float(np.mean(values)) for key, values in self.samples.items()}
