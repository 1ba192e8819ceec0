"""Sending: a run or a question goes to the Dask scheduler, and its task comes to an end there."""

from __future__ import annotations

import functools
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.engine import scheduler, worker
from workbench.engine.live import Task
from workbench.engine.state import Desk
from workbench.runs.record import Run
from workbench.runs.store import open_store

PATIENCE = 120  # seconds for the answer to a question


def send(desk: Desk, task: Task) -> None:
    """Hand a queued run to the scheduler; its turn is its priority there."""
    from distributed import fire_and_forget

    run_id = task.live.run_id
    with desk.lock:
        if task.closing or not task.active:
            return  # withdrawn while the engine was starting
        future = task.future = desk.client.submit(
            worker.execute,
            run_id,
            desk.store.uri,
            str(desk.store.root),
            key=task.key,
            resources={"run": 1},
            priority=-task.turn,
            pure=False,
        )
    fire_and_forget(future)  # it goes on when this process leaves a foreign cluster
    future.add_done_callback(functools.partial(ended, desk, task))


def ended(desk: Desk, task: Task, future: Any) -> None:
    """The Dask task ended: normally the worker has told so; otherwise it failed to, or its process is gone."""
    from distributed import KilledWorker

    if desk.closed.is_set() or task.future is not future or task.closing or not task.active:
        return
    error = future.exception() if future.status == "error" else None
    if future.status == "finished":
        status = future.result()
        if status == worker.AGAIN:
            gone(desk, task)
        else:
            desk.settle(task, status)
    elif error is not None and not isinstance(error, KilledWorker):
        desk.finish(task, "failed", worker.describe(error))
    elif task.kill_at is None and desk.store.run(task.live.run_id).status == "queued":
        task.key = scheduler.new_key(task.live.run_id)
        desk.outbox.submit(send, desk, task)  # it only stood in line at a worker that died: nothing is lost
    else:
        gone(desk, task)


def gone(desk: Desk, task: Task) -> None:
    """End a run whose worker is gone: killed because it did not obey, or lost."""
    if task.kill_at is not None:
        desk.finish(task, "stopped")
    else:
        desk.finish(task, "lost", worker.lost("The worker process that ran it died."))


def withdraw(desk: Desk, task: Task) -> None:
    """Take back a run that has not started; one that has just started is asked to stop."""
    if task.future is not None:
        task.future.cancel(force=True, reason="stopped by the user")
    desk.finish(task, "stopped")


def ask(desk: Desk, run: Run, request: dict[str, Any]) -> Result:
    """Ask a finished run a question and wait for the answer.

    Raises
    ------
    LabError
        If the model could not answer.
    """
    asked = desk.client.submit(worker.answer, run, request, resources={"probe": 1}, pure=False, priority=10)
    try:
        return asked.result(timeout=PATIENCE)
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
