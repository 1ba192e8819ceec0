"""What the rooms of the engine share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.live import Task
from workbench.store import Store, open_store


def _crew() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="engine")


def _outbox() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="engine-outbox")


@dataclass
class Desk:
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
        The latest turn of a run that has started (see `workbench.engine.turns`).
    owed
        Runs that have ended, and how, which the store could not be told yet.
    errands
        Threads for what takes a moment.
    outbox
        One thread that sends runs: first come, first sent.
    """

    scheduler: str | None
    owner: str
    client: Any = None
    tasks: dict[str, Task] = field(default_factory=dict)
    now: int = 0
    owed: dict[str, tuple] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    closed: threading.Event = field(default_factory=threading.Event)
    errands: ThreadPoolExecutor = field(default_factory=_crew)
    outbox: ThreadPoolExecutor = field(default_factory=_outbox)

    @property
    def store(self) -> Store:
        return open_store()

    def finish(self, run_id: str, status: str, error: dict[str, str] | None = None) -> None:
        """End a run from here, because no worker will; what a full disk keeps us from writing is tried again."""
        try:
            self.store.close(run_id, status, error)
            status = self.store.run(run_id).status
        except Exception:
            self.owed[run_id] = (status, error)
        self.settle(run_id, status, error)

    def pay(self) -> None:
        """Tell the store what it could not be told before."""
        for run_id in list(self.owed):
            self.finish(run_id, *self.owed.pop(run_id))

    def settle(self, run_id: str, status: str, error: dict[str, str] | None = None) -> None:
        """Take note that a run has ended."""
        with self.lock:
            task = self.tasks[run_id]
            if task.active:
                task.live = replace(task.live, status=status, error=error)
