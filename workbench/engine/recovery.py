"""Recovery of runs that this process did not start: they are watched, or marked as lost."""

from __future__ import annotations

import functools
import time

from workbench.engine import scheduler, worker
from workbench.engine.dispatch import on_task_done
from workbench.engine.live import Task, snapshot
from workbench.engine.owner import owner_gone
from workbench.engine.registry import RunRegistry
from workbench.runs.record import ACTIVE, Run

CLOSED = "The workbench that ran it was closed."
ON_THE_WAY = 30  # seconds that a run may be in the store and not yet with the scheduler


def find_runs(registry: RunRegistry) -> None:
    """Find the runs under way of earlier and other processes."""
    turns = None  # asked for only when a run needs it
    for run in registry.store.runs(status=ACTIVE):
        if registry.holds(run.id):
            continue
        if run.scheduler == registry.scheduler:
            turns = scheduler.known_turns(registry.client) if turns is None else turns
            key = scheduler.newest_key(turns, run.id)
            if key is not None:
                _take(registry, run, key, turns[key])
            elif time.time() - run.created.timestamp() > ON_THE_WAY:
                _lose(registry, run.id, "The cluster no longer knows it.")
        elif owner_gone(run.scheduler):
            _lose(registry, run.id, CLOSED)
        else:
            _enter(registry, run, Task(snapshot(run), foreign=True, folder=run.folder))


def refresh(registry: RunRegistry, run_id: str) -> None:
    """Look up in the store how a run of another process is doing, unless it has been resumed here meanwhile."""
    task, run = registry.tasks.get(run_id), registry.store.run(run_id)
    gone = not run.finished and owner_gone(run.scheduler)
    with registry.lock:  # who resumes it takes the lock first, and writes to the store then
        if task is None or registry.tasks.get(run_id) is not task:
            return
        if gone:
            registry.store.close(run_id, "lost", worker.lost_record(CLOSED))
            run = registry.store.run(run_id)
        task.live = snapshot(run)


def _take(registry: RunRegistry, run: Run, key: str, turn: int) -> None:
    """Watch a run of our cluster that somebody else sent there."""
    from distributed import Future

    now = time.time()
    task = Task(snapshot(run), key, Future(key, registry.client), now, now, folder=run.folder, user=run.user, turn=turn)
    with registry.lock:
        if not _enter(registry, run, task):
            return
        if run.status == "running":
            registry.now = max(registry.now, turn)
    task.future.add_done_callback(functools.partial(on_task_done, registry, task))


def _enter(registry: RunRegistry, run: Run, task: Task) -> bool:
    """Take a run in, unless somebody here has submitted or resumed it while we were looking."""
    with registry.lock:
        if registry.holds(run.id):
            return False
        registry.tasks[run.id] = task
        return True


def _lose(registry: RunRegistry, run_id: str, cause: str) -> None:
    """Mark a run as lost, unless somebody here has resumed it while we were looking."""
    with registry.lock:
        if not registry.holds(run_id):
            registry.store.close(run_id, "lost", worker.lost_record(cause))
