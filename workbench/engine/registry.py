"""The registry of runs that the modules of the engine share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.engine.live import Task
from workbench.runs.store import Store, open_store


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="engine")


def _sender() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="engine-sender")


@dataclass
class RunRegistry:
    """The engine's client, its store, and what it remembers of its runs.

    Attributes
    ----------
    scheduler
        Address of a Dask scheduler, or None for a local cluster.
    owner
        What stands in the store as the owner of this engine's runs.
    client
        Of Dask, once the engine is ready.
    tasks
        What is known of each run, by its id; held by `lock`.
    now
        The latest turn of a run that has started (see `workbench.engine.fairness`).
    send
        Sends a queued run; of the engine.
    unwritten
        Attempts that have ended, and how, which the store could not be told yet.
    background
        Threads for what takes a moment.
    sender
        One thread that sends runs: first come, first sent.
    """

    scheduler: str | None
    owner: str
    client: Any = None
    tasks: dict[str, Task] = field(default_factory=dict)
    now: int = 0
    send: Callable[[Task], Any] | None = None
    unwritten: list[tuple] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    closed: threading.Event = field(default_factory=threading.Event)
    background: ThreadPoolExecutor = field(default_factory=_pool)
    sender: ThreadPoolExecutor = field(default_factory=_sender)

    @property
    def store(self) -> Store:
        return open_store()

    def holds(self, run_id: str) -> bool:
        """Return True if an attempt at a run is under way here."""
        with self.lock:
            task = self.tasks.get(run_id)
            return task is not None and task.active

    def finish(self, task: Task, status: str, error: dict[str, str] | None = None) -> None:
        """End an attempt from here, because no worker will.

        Several may see the same worker die, and the run may be resumed as soon as the first of them has told the
        store; so an attempt ends once, and a late word about it never reaches the next one.
        """
        with self.lock:
            if task.closing or not task.active:
                return
            task.closing = True
        self._close(task, status, error)

    def write_pending(self) -> None:
        """Write to the store what could not be written before, because the disk was full."""
        unwritten, self.unwritten = self.unwritten, []
        for task, status, error in unwritten:
            self._close(task, status, error)

    def _close(self, task: Task, status: str, error: dict[str, str] | None) -> None:
        try:
            self.store.close(task.live.run_id, status, error)
            known = self.store.run(task.live.run_id)
            status = known.status if known.finished else status
        except Exception:
            self.unwritten.append((task, status, error))
        self.settle(task, status, error)

    def settle(self, task: Task, status: str, error: dict[str, str] | None = None) -> None:
        """Take note that an attempt has ended."""
        with self.lock:
            if task.active:
                task.live = replace(task.live, status=status, error=error)
