"""Adopting: the runs under way that this process did not start are watched, or marked as lost."""

from __future__ import annotations

import functools
import time

from workbench.engine import scheduler, worker
from workbench.engine.dispatch import ended
from workbench.engine.live import Task, snapshot
from workbench.engine.owner import owner_gone
from workbench.engine.state import Desk
from workbench.runs.record import ACTIVE, Run

CLOSED = "The workbench that ran it was closed."
ON_THE_WAY = 30  # seconds that a run may be in the store and not yet with the scheduler


def adopt(desk: Desk) -> None:
    """Find the runs under way of earlier and other processes."""
    turns = None  # asked for only when a run needs it
    for run in desk.store.runs(status=ACTIVE):
        if desk.holds(run.id):
            continue
        if run.scheduler == desk.scheduler:
            turns = scheduler.known_turns(desk.client) if turns is None else turns
            key = scheduler.newest_key(turns, run.id)
            if key is not None:
                _take(desk, run, key, turns[key])
            elif time.time() - run.created.timestamp() > ON_THE_WAY:
                _lose(desk, run.id, "The cluster no longer knows it.")
        elif owner_gone(run.scheduler):
            _lose(desk, run.id, CLOSED)
        else:
            _enter(desk, run, Task(snapshot(run), foreign=True, folder=run.folder))


def refresh(desk: Desk, run_id: str) -> None:
    """Look up in the store how a run of another process is doing."""
    run = desk.store.run(run_id)
    if not run.finished and owner_gone(run.scheduler):
        desk.store.close(run_id, "lost", worker.lost(CLOSED))
        run = desk.store.run(run_id)
    with desk.lock:
        desk.tasks[run_id].live = snapshot(run)


def _take(desk: Desk, run: Run, key: str, turn: int) -> None:
    """Watch a run of our cluster that somebody else sent there."""
    from distributed import Future

    now = time.time()
    task = Task(snapshot(run), key, Future(key, desk.client), now, now, folder=run.folder, user=run.user, turn=turn)
    with desk.lock:
        if not _enter(desk, run, task):
            return
        if run.status == "running":
            desk.now = max(desk.now, turn)
    task.future.add_done_callback(functools.partial(ended, desk, task))


def _enter(desk: Desk, run: Run, task: Task) -> bool:
    """Take a run in, unless somebody here has submitted or resumed it while we were looking."""
    with desk.lock:
        if desk.holds(run.id):
            return False
        desk.tasks[run.id] = task
        return True


def _lose(desk: Desk, run_id: str, cause: str) -> None:
    """Mark a run as lost, unless somebody here has resumed it while we were looking."""
    with desk.lock:
        if not desk.holds(run_id):
            desk.store.close(run_id, "lost", worker.lost(cause))
