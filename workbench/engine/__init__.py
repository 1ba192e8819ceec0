"""Submit, watch, stop and probe: one code path, on dask.distributed.

The engine is a client of a Dask scheduler: of its own local cluster (`workbench.engine.cluster`), or of the one named
by ``--scheduler`` or ``WORKBENCH_SCHEDULER``. A run belongs to the scheduler and the store, not to a page.

`dispatch` sends runs and probes to Dask, in the order of `fairness`; `events` receives what the workers report;
`recovery` finds the runs of earlier and other processes; `registry` is the state that they share.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import functools
import logging
import os
import subprocess
import threading
import time
from dataclasses import replace
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.engine import (
    cluster,
    dispatch,
    events,
    fairness,
    recovery,
    scheduler,
    worker,
)
from workbench.engine.live import Live, Task, snapshot
from workbench.engine.owner import this_process
from workbench.engine.registry import RunRegistry
from workbench.runs.record import RESUMABLE, Run
from workbench.runs.store import open_store

GRACE = 5.0  # seconds between the soft stop and the kill
LOOK = 0.5  # seconds between two looks at the runs under way
SEARCH = 3.0  # seconds between two searches of the store for runs of others


class Engine:
    """Runs labs on a Dask cluster; every method returns at once.

    Parameters
    ----------
    scheduler
        Address of a Dask scheduler, or None for a local cluster.
    slots
        Runs at once on the local cluster.
    """

    def __init__(self, scheduler: str | None = None, slots: int | None = None):
        self.scheduler, self.slots = scheduler, slots or cluster.slot_count()
        self.state, self.message = "starting", "The engine is starting."
        self._registry = RunRegistry(scheduler, owner=scheduler or this_process(), send=self._send)
        self._child: subprocess.Popen | None = None
        self._ready = threading.Event()
        threading.Thread(target=self._work, name="engine", daemon=True).start()
        try:  # before Python ends its thread pools, which a client that closes still needs
            threading._register_atexit(self.close)
        except (AttributeError, RuntimeError):
            atexit.register(self.close)

    @property
    def client(self) -> Any:
        """The Dask client, once the engine is ready."""
        return self._registry.client

    @property
    def closed(self) -> threading.Event:
        """Set once the engine is closed."""
        return self._registry.closed

    # -- life ----------------------------------------------------------------------------------

    def _work(self) -> None:
        """Start, then look around until the engine is closed."""
        try:
            self._start()
        except Exception as error:  # told in the page; nothing else can be done about it here
            self.state, self.message = "failed", f"The engine could not start: {error}"
            self._ready.set()
            return
        self.state, self.message = "ready", f"{self.slots} run{'s' * (self.slots > 1)} at once"
        self._ready.set()
        searched = time.time()
        while not self._registry.closed.wait(LOOK):
            try:
                if self._child is not None and self._child.poll() is not None:
                    self._renew()
                events.check_workers(self._registry, self.stop)
                self._registry.write_pending()
                if time.time() - searched > SEARCH:
                    recovery.find_runs(self._registry)
                    searched = time.time()
            except Exception as error:  # the scheduler is away; the next round tries again
                self.message = f"The scheduler does not answer: {error}"

    def _start(self) -> None:
        if self.scheduler is None:
            self._child = cluster.spawn(self.slots)
        open_store()  # takes as long as the cluster, so both start at once
        self._connect()
        if self.scheduler:
            self.slots = max(1, len(scheduler.workers(self.client)))
            scheduler.wake(self.client)
        recovery.find_runs(self._registry)

    def _connect(self) -> None:
        from distributed import Client

        # What it logs of a connection that closes as the engine ends would only disturb the terminal.
        logging.getLogger("distributed.batched").setLevel(logging.ERROR)
        if self.scheduler:
            scheduler.check(self.scheduler)
        place = {"address": self.scheduler} if self.scheduler else cluster.connection(self._child)
        client = self._registry.client = Client(**place, timeout="20s", set_as_default=False)
        client.register_plugin(worker.Plugin())
        client.subscribe_topic(worker.TOPIC, functools.partial(events.on_event, self._registry))

    def _renew(self) -> None:
        """Start another local cluster in the place of one that was killed; what ran there is lost."""
        self._ready.clear()  # what is queued meanwhile waits
        with self._registry.lock:
            tasks = self._registry.tasks.values()
            there = [task for task in tasks if task.active and not task.foreign and task.future]
        self.client.close(timeout=2)
        self._child = cluster.spawn(self.slots)
        for task in there:
            dispatch.end_lost(self._registry, task)
        self._connect()
        self._ready.set()

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until the engine is ready.

        Raises
        ------
        LabError
            If it could not start.
        """
        self._check(self._ready.wait(timeout))

    def _check(self, ready: bool = True) -> None:
        if not ready or self.state == "failed":
            raise LabError(self.message, "workbench doctor looks for the cause.")

    def close(self) -> None:
        """End the local cluster and let go of a foreign one; its runs go on there."""
        registry = self._registry
        if registry.closed.is_set():
            return
        registry.closed.set()
        for pool in (registry.sender, registry.background):
            pool.shutdown(wait=False, cancel_futures=True)
        if registry.client is not None:
            registry.client.close(timeout=2)
        if self._child is not None:
            self._child.stdin.close()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()

    # -- what the page, the terminal and the notebook call ---------------------------------------

    def submit(
        self,
        lab: str,
        params: dict[str, Any],
        *,
        seed: int = 0,
        device: str = "auto",
        preset: str = "",
        name: str = "",
        group: str = "",
        user: str = "",
    ) -> str:
        """Queue a run and return its id; it starts when the engine is ready and a slot is free.

        Slots are shared fairly between users (see `workbench.engine.fairness`); without a `user` it is the account
        of this process.

        Raises
        ------
        LabError
            If the lab or a parameter is wrong, or the engine has failed.
        """
        self._check()
        values = get_lab(lab).Params.make(**params).to_dict()
        who = {"group": group, "user": user or fairness.account(), "scheduler": self._registry.owner}
        run = open_store().create(lab, values, seed=seed, preset=preset, device=device, name=name, **who)
        self._registry.sender.submit(self._send, self._enter(run, Live(run.id)))
        return run.id

    def resume(self, run_id: str) -> None:
        """Go on with a run that was stopped, failed or lost, from its last checkpoint.

        A run that has no checkpoint starts again; either way it ends with the numbers of its seed.

        Raises
        ------
        LabError
            If the run is under way or done, or its lab is gone.
        """
        self._check()
        run = open_store().run(run_id)
        if run.status not in RESUMABLE:
            raise LabError(f"This run is {run.status}.", "Only a stopped, failed or lost run can be resumed.")
        get_lab(run.lab)
        task = self._enter(run, replace(snapshot(run), status="queued", error=None))
        try:  # the store last: whoever finds the run queued there finds our attempt, and takes it for nobody else's
            open_store().reopen(run_id, self._registry.owner)
        except BaseException:
            self._registry.settle(task, run.status, run.error)
            raise
        dispatch.finished_run.cache_clear()
        self._registry.sender.submit(self._send, task)

    def live(self, run_id: str) -> Live | None:
        """Return the latest snapshot of a run, or None when the engine has not heard of it."""
        with self._registry.lock:
            task = self._registry.tasks.get(run_id)
            return task and task.now(fairness.in_order(self._registry.tasks))

    def active(self) -> list[Live]:
        """Return the snapshots of all runs that are queued or running."""
        with self._registry.lock:
            queue = fairness.in_order(self._registry.tasks)
            return [task.now(queue) for task in self._registry.tasks.values() if task.active]

    def stop(self, run_id: str) -> None:
        """Ask a run to stop; its worker is killed when it does not obey within `GRACE` seconds.

        A run that another process started is stopped by that process, which finds the word we leave.
        """
        registry = self._registry
        with registry.lock:
            task = registry.tasks.get(run_id)
            if task is None or not task.active or task.kill_at is not None:
                return
            task.kill_at = time.time() + GRACE
            queued, address = task.live.status == "queued", task.live.worker
        if task.foreign:
            registry.background.submit((task.folder / events.STOP).touch)
        elif queued:
            registry.background.submit(dispatch.cancel, registry, task)
        elif address:  # else it was just found, and its worker has not sent an event yet
            registry.background.submit(registry.client.run, worker.request_stop, run_id, workers=[address])

    def probe(self, run_id: str, request: dict[str, Any]) -> concurrent.futures.Future[Result]:
        """Ask a finished run a question; the answer saves nothing."""
        return self._registry.background.submit(self._ask, run_id, request)

    # -- inside: once the engine is ready ----------------------------------------------------------

    def _enter(self, run: Run, live: Live) -> Task:
        """Give a run its place in line."""
        registry = self._registry
        with registry.lock:
            turn = fairness.next_turn(registry.tasks, run.user, registry.now)
            waits = replace(live, stage="waiting for a free slot")
            task = Task(waits, scheduler.new_key(run.id), folder=run.folder, user=run.user, turn=turn)
            registry.tasks.pop(run.id, None)  # a run that is resumed goes to the end of its line
            registry.tasks[run.id] = task
        return task

    def _send(self, task: Task) -> None:
        """Send a queued run once the engine is ready; again, if the cluster had just been killed and is renewed."""
        try:
            self.wait()
            while not dispatch.send(self._registry, task):
                if self._child is None:
                    raise LabError("The connection to the scheduler is closed.", "Restart the workbench.")
                if self.closed.wait(LOOK):
                    return
                self.wait()
        except LabError as error:
            self._registry.finish(task, "failed", worker.error_record(error))

    def _ask(self, run_id: str, request: dict[str, Any]) -> Result:
        run = dispatch.finished_run(run_id)
        self.wait()
        return dispatch.ask(self._registry, run, request)


@functools.cache
def open_engine(scheduler: str | None = None) -> Engine:
    """Return this process's engine; its cluster starts in the background."""
    return Engine(scheduler or os.environ.get("WORKBENCH_SCHEDULER") or None)
