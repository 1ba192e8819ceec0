"""Events of the workers, and the search for workers that do not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from workbench.engine import scheduler, worker
from workbench.engine.dispatch import end_lost
from workbench.engine.live import Live, Task
from workbench.engine.recovery import refresh
from workbench.engine.registry import RunRegistry

STOP = "stop"  # the file by which one process asks another to stop a run


def on_event(registry: RunRegistry, event: tuple[float, dict[str, Any]]) -> None:
    """Process an event of a worker (called in the client's thread)."""
    message = event[1]
    if "ready" in message:
        registry.background.submit(scheduler.wake, registry.client)
        return
    run_id, key = message["run_id"], message["key"]
    with registry.lock:
        task = registry.tasks.get(run_id)
        if task is None:
            return  # `recovery` finds this run in the store, which knows more of it than this event
        if task.key < key:  # of an attempt that somebody else has sent
            task = registry.tasks[run_id] = Task(Live(run_id, status="running"), key)
        elif task.key > key:
            return  # a late word about an earlier attempt
        starts, first = message.get("status") == "running", not task.live.worker
        if starts:
            registry.now = max(registry.now, task.turn)
        if task.active:
            task.update(message)
        # It may have started just as the user withdrew it, or been stopped before we knew its worker.
        stop = (starts and not task.active) or ((starts or first) and task.kill_at is not None)
    if stop:
        registry.background.submit(registry.client.run, worker.request_stop, run_id, workers=[message["worker"]])


def check_workers(registry: RunRegistry, stop: Callable[[str], Any]) -> None:
    """Kill what does not obey, find workers that vanished, and refresh the runs of other processes.

    `stop` is called for a run that another process wants stopped.
    """
    with registry.lock:
        tasks = {key: task for key, task in registry.tasks.items() if task.active}
    there = None  # asked for only when a run needs it
    for run_id, task in tasks.items():
        if task.foreign:
            refresh(registry, run_id)
            continue
        if task.folder is not None and (task.folder / STOP).exists():
            (task.folder / STOP).unlink(missing_ok=True)
            stop(run_id)
        address = task.live.worker
        if task.live.status != "running" or not address:
            continue
        if there is None:
            there = scheduler.workers(registry.client)
        if task.kill_at is not None and time.time() > task.kill_at:
            _kill(registry, task)
        elif address not in there:
            time.sleep(0.2)  # its last word may be on the way
            if task.active:
                _drop(task)  # or Dask would start it again at another worker, beside the run that is resumed
                end_lost(registry, task)


def _kill(registry: RunRegistry, task: Task) -> None:
    """Kill the worker process of a run that did not obey; the nanny starts a fresh one.

    The task is dropped last: were it dropped first, the scheduler would send the next run to the dying worker.
    """
    end_lost(registry, task)
    registry.client.restart_workers([task.live.worker], timeout=30, raise_for_error=False)
    _drop(task)


def _drop(task: Task) -> None:
    if task.future is not None:
        task.future.cancel(force=True, reason="its worker is gone")
