"""Resumable runs of many trainings: their rows and the current training, saved while they grow."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract.context import Context

SAVE_EVERY = 10.0  # seconds: a killed run keeps what it had then
SAVE_SHARE = 20  # and at least so many times as long as the last saving took
SAVE_LATEST = 300.0  # but no later than this: a machine that was paused while it saved is not a slow disk
TOLD_EVERY = 10  # training steps between two points of a curve
Step = tuple[int, int, str]  # done, total, stage: what the progress shows
State = dict[str, Any]  # flat names -> tensors or arrays
Freeze = Callable[[], State]


@dataclass
class RunState:
    """Where a run stands: all that a stopped one needs to go on.

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
        Of its steps since the last point that was told: numbers, or rows of numbers.
    """

    book: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    pieces: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    finished: list[str] = field(default_factory=list)
    now: tuple[str, Freeze] | None = None
    losses: list[Any] = field(default_factory=list)


def run_steps(steps: Iterable[Step], desk: RunState, ctx: Context) -> bool:
    """Follow the steps of a run to their end or to a stop, saving on the way; return whether it was stopped."""
    due, stopped = time.monotonic() + SAVE_EVERY, False
    for done, total, stage in steps:
        ctx.progress(done, total, stage)
        if stopped := ctx.should_stop():
            break
        if (began := time.monotonic()) > due:
            save_state(desk, ctx)
            due = began + min(SAVE_LATEST, max(SAVE_EVERY, SAVE_SHARE * (time.monotonic() - began)))
    save_state(desk, ctx)
    return stopped


def save_state(desk: RunState, ctx: Context) -> None:
    """Save the rows so far, as tables to look at and as the checkpoint to go on from."""
    now = desk.now and desk.now[0]
    text = json.dumps({"book": desk.book, "finished": desk.finished, "now": now, "losses": desk.losses})
    state: State = {"state": np.frombuffer(bytearray(text, "utf-8"), np.uint8)}
    for name, parts in desk.pieces.items():
        state |= {f"piece/{name}/{part}": value for part, value in parts.items()}
    if desk.now:
        state |= {f"now/{name}": value for name, value in desk.now[1]().items()}
    ctx.checkpoint(state)
    for name, rows in desk.book.items():
        if rows:
            ctx.save(name, pd.DataFrame(rows))


def load_state(state: State | None) -> RunState:
    """Return the desk of a checkpoint; an empty one at a fresh start."""
    desk = RunState()
    if state is None:
        return desk
    kept = json.loads(np.asarray(state["state"]).tobytes())
    desk.book.update(kept["book"])
    desk.finished, desk.losses = kept["finished"], kept["losses"]
    now = {}
    for key, value in state.items():
        kind, _, name = key.partition("/")
        if kind == "now":
            now[name] = value
        elif name:  # a piece; checkpoints of older runs call them "read" and "shown"
            piece, _, part = name.partition("/")
            desk.pieces[piece][part] = value
    if kept["now"]:
        desk.now = (kept["now"], lambda: now)
    return desk


def resume_training(
    job: str, trained: Callable[[State | None], Iterator[tuple[int, Any, Freeze]]], steps: int, desk: RunState
) -> Iterator[tuple[int, Any]]:
    """Follow a training, from where the desk's is if it is this job.

    Parameters
    ----------
    job
        Its name.
    trained
        Makes the training from a state, or from nothing: yields steps done, loss (a number, or a row
        of them: its terms), and a function that freezes it.
    steps
        How many there are.
    desk
        Knows from here on that this training is under way.

    Yields
    ------
    step, loss
        Steps done; every `TOLD_EVERY` and with the last the mean loss since it was told before, else None.
    """
    state = desk.now[1]() if desk.now and desk.now[0] == job else None
    if state is None:
        desk.losses = []
    for step, loss, freeze in trained(state):
        desk.now = (job, freeze)
        desk.losses.append(loss)
        mean = None
        if step % TOLD_EVERY == 0 or step == steps:
            mean, desk.losses = np.mean(desk.losses, axis=0).tolist(), []
        yield step, mean
