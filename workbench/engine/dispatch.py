"""Dispatch of runs and probes to the Dask scheduler, and the end of their tasks."""

from __future__ import annotations

import functools
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.engine import scheduler, worker
from workbench.engine.live import Task
from workbench.engine.registry import RunRegistry
from workbench.runs.record import Run
from workbench.runs.store import open_store

ANSWER_TIMEOUT = 120  # seconds for the answer to a question


def send(registry: RunRegistry, task: Task) -> bool:
    """Hand a queued run to the scheduler, if it is still wanted; return False when the client was closed meanwhile.

    A run that cannot be handed over for any other reason has failed.
    """
    client = registry.client
    try:
        _submit(registry, task)
    except Exception as error:
        if client.status in ("closed", "closing"):
            return False
        registry.finish(task, "failed", worker.error_record(error))
    return True


def _submit(registry: RunRegistry, task: Task) -> None:
    """Submit the Dask task of a run, with its turn as the priority."""
    from distributed import fire_and_forget

    run_id = task.live.run_id
    if task.active:
        registry.store.update(run_id, attempt=task.key)  # before any worker sees it
    with registry.lock:
        if task.closing or not task.active:
            return  # withdrawn while the engine was starting
        future = task.future = registry.client.submit(
            worker.execute,
            run_id,
            registry.store.uri,
            str(registry.store.root),
            key=task.key,
            resources={"run": 1},
            priority=-task.turn,
            pure=False,
        )
    fire_and_forget(future)  # it goes on when this process leaves a foreign cluster
    future.add_done_callback(functools.partial(on_task_done, registry, task))


def on_task_done(registry: RunRegistry, task: Task, future: Any) -> None:
    """The Dask task ended: normally the worker has told so; otherwise it failed to, or its process is gone."""
    from distributed import KilledWorker

    if registry.closed.is_set() or task.future is not future or task.closing or not task.active:
        return
    error = future.exception() if future.status == "error" else None
    if future.status == "finished":
        status = future.result()
        if status == worker.SUPERSEDED:
            end_lost(registry, task)
        else:
            registry.settle(task, status)
    elif error is not None and not isinstance(error, KilledWorker):
        registry.finish(task, "failed", worker.error_record(error))
    elif task.kill_at is None and not _begun(registry, task):
        task.key = scheduler.new_key(task.live.run_id)
        registry.sender.submit(registry.send, task)  # it only stood in line at a worker that died: nothing is lost
    else:
        end_lost(registry, task)


def _begun(registry: RunRegistry, task: Task) -> bool:
    """Return True if a worker has begun an attempt; when the store cannot tell, it is taken for one that has."""
    try:
        return registry.store.attempts(task.live.run_id)[1] == task.key
    except Exception:
        return True


def end_lost(registry: RunRegistry, task: Task) -> None:
    """End a run whose worker is gone: killed because it did not obey, or lost."""
    if task.kill_at is not None:
        registry.finish(task, "stopped")
    else:
        registry.finish(task, "lost", worker.lost_record("The worker process that ran it died."))


def cancel(registry: RunRegistry, task: Task) -> None:
    """Take back a run that has not started; one that has just started is asked to stop."""
    if task.future is not None:
        task.future.cancel(force=True, reason="stopped by the user")
    registry.finish(task, "stopped")


def ask(registry: RunRegistry, run: Run, request: dict[str, Any]) -> Result:
    """Ask a finished run a question and wait for the answer.

    Raises
    ------
    LabError
        If the model could not answer.
    """
    asked = registry.client.submit(worker.answer_probe, run, request, resources={"probe": 1}, pure=False, priority=10)
    try:
        return asked.result(timeout=ANSWER_TIMEOUT)
    except LabError:
        raise
    except Exception as error:
        raise LabError(f"The model could not answer: {error}", "Its run or its worker may be gone.") from error


@functools.lru_cache(32)
def finished_run(run_id: str) -> Run:
    """Return a run that can be asked.

    Raises
    ------
    LabError
        If it is under way.
    """
    run = open_store().run(run_id)
    if not run.finished:
        raise LabError("This run has not ended yet.", "Ask it when it is done.")
    return run
