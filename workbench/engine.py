"""Submit, watch, stop and probe: one code path, on dask.distributed.

The engine is a client of a Dask scheduler: of its own local cluster (`workbench.cluster`), or of the one named by
``--scheduler`` or ``WORKBENCH_SCHEDULER``. A run belongs to the scheduler and the store, not to a page.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import functools
import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from typing import Any

import psutil

from workbench import cluster, worker
from workbench.lab import LabError, get_lab
from workbench.live import Live, Task, snapshot
from workbench.record import ACTIVE, RESUMABLE, Run
from workbench.result import Result
from workbench.store import Store, open_store

GRACE = 5.0  # seconds between the soft stop and the kill
STOP = "stop"  # the file by which one process asks another to stop a run


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
        self.store: Store | None = None
        self.client: Any = None
        self._child: subprocess.Popen | None = None
        self._looked = 0.0  # when the store was last searched for runs of others
        self._tasks: dict[str, Task] = {}
        self._lock = threading.RLock()
        self._ready, self._closed = threading.Event(), threading.Event()
        self._crew = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="engine")
        self._post = concurrent.futures.ThreadPoolExecutor(
            1, thread_name_prefix="engine-post"
        )  # first come, first sent
        self.owner = scheduler or f"local:{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"
        threading.Thread(target=self._start, name="engine-start", daemon=True).start()
        try:  # before Python ends its thread pools, which a client that closes still needs
            threading._register_atexit(self.close)
        except (AttributeError, RuntimeError):
            atexit.register(self.close)

    # -- life ----------------------------------------------------------------------------------

    def _start(self) -> None:
        from distributed import Client

        try:
            if self.scheduler is None:
                self._child = cluster.spawn(self.slots)
            self.store = open_store()  # takes as long as the cluster, so both start at once
            address = self.scheduler or self._child.stdout.readline().strip()
            if not address:
                raise OSError("the local cluster ended before it had started")
            self.client = Client(address, timeout="20s", set_as_default=False)
            self.client.register_plugin(worker.Plugin())
            self.client.subscribe_topic(worker.TOPIC, self._hear)
            if self.scheduler:
                self.slots = max(1, len(self._workers()))
                self.client.run_on_scheduler(_wake)
            self._adopt()
        except Exception as error:  # told in the page; nothing else can be done about it here
            self.state, self.message = "failed", f"The engine could not start: {error}"
            self._ready.set()
            return
        self.state, self.message = "ready", f"{self.slots} run{'s' * (self.slots > 1)} at once"
        self._ready.set()
        while not self._closed.wait(0.5):
            try:
                self._watch()
                if time.time() - self._looked > 3:
                    self._adopt()
            except Exception as error:  # the scheduler is away; the next round tries again
                self.message = f"The scheduler does not answer: {error}"

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until the engine is ready.

        Raises
        ------
        LabError
            If it could not start.
        """
        self._check(self._ready.wait(timeout))

    def close(self) -> None:
        """End the local cluster and let go of a foreign one; its runs go on there."""
        if self._closed.is_set():
            return
        self._closed.set()
        for pool in (self._post, self._crew):
            pool.shutdown(wait=False, cancel_futures=True)
        if self.client is not None:
            self.client.close(timeout=2)
        if self._child is not None:
            self._child.stdin.close()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()

    # -- what the page, the terminal and the notebook call ---------------------------------------

    def submit(
        self, lab: str, params: dict[str, Any], *, seed: int = 0, device: str = "auto", preset: str = "", name: str = ""
    ) -> str:
        """Queue a run and return its id; it starts when the engine is ready and a slot is free.

        Raises
        ------
        LabError
            If the lab or a parameter is wrong, or the engine has failed.
        """
        self._check()
        values = get_lab(lab).Params.make(**params).to_dict()
        run = open_store().create(lab, values, seed=seed, preset=preset, device=device, scheduler=self.owner, name=name)
        self._queue(run, Live(run.id))
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
        run = open_store().reopen(run_id, self.owner)
        _finished_run.cache_clear()
        self._queue(run, snapshot(run))

    def live(self, run_id: str) -> Live | None:
        """Return the latest snapshot of a run, or None when the engine has not heard of it."""
        with self._lock:
            task = self._tasks.get(run_id)
            if task is None:
                return None
            return task.now([key for key, other in self._tasks.items() if other.live.status == "queued"])

    def active(self) -> list[Live]:
        """Return the snapshots of all runs that are queued or running."""
        found = [self.live(run_id) for run_id in list(self._tasks)]
        return [live for live in found if live and live.status in ACTIVE]

    def stop(self, run_id: str) -> None:
        """Ask a run to stop; its worker is killed when it does not obey within `GRACE` seconds.

        A run that another process started is stopped by that process, which finds the word we leave.
        """
        with self._lock:
            task = self._tasks.get(run_id)
            if task is None or not task.active or task.kill_at is not None:
                return
            task.kill_at = time.time() + GRACE
            queued, address = task.live.status == "queued", task.live.worker
        if task.foreign:
            self._crew.submit((task.folder / STOP).touch)
        elif queued:
            self._crew.submit(self._withdraw, run_id)
        elif address:  # else it was just adopted, and its worker has not spoken yet
            self._crew.submit(self.client.run, worker.request_stop, run_id, workers=[address])

    def probe(self, run_id: str, request: dict[str, Any]) -> concurrent.futures.Future[Result]:
        """Ask a finished run a question; the answer saves nothing."""
        return self._crew.submit(self._ask, run_id, request)

    # -- inside: sending -------------------------------------------------------------------------

    def _check(self, ready: bool = True) -> None:
        if not ready or self.state == "failed":
            raise LabError(self.message, "workbench doctor looks for the cause.")

    def _queue(self, run: Run, live: Live) -> None:
        with self._lock:
            self._tasks[run.id] = Task(replace(live, stage="waiting for a free slot"), folder=run.folder)
        self._post.submit(self._send, run.id)

    def _send(self, run_id: str) -> None:
        try:
            self.wait()
            with self._lock:
                task = self._tasks[run_id]
                if task.live.status != "queued":
                    return  # withdrawn while the engine was starting
                from distributed import fire_and_forget

                task.future = self.client.submit(
                    worker.execute,
                    run_id,
                    self.store.uri,
                    str(self.store.root),
                    key=f"{_key(run_id)}-{time.time_ns()}",  # Dask may still know the task of an earlier attempt
                    resources={"run": 1},
                    pure=False,
                )
            fire_and_forget(task.future)  # it goes on when this process leaves a foreign cluster
            task.future.add_done_callback(functools.partial(self._ended, run_id))
        except Exception as error:
            self._finish(run_id, "failed", worker.describe(error))

    def _withdraw(self, run_id: str) -> None:
        """Take back a run that has not started; one that has just started is asked to stop."""
        future = self._tasks[run_id].future
        if future is not None:
            future.cancel(force=True, reason="stopped by the user")
        self._finish(run_id, "stopped")

    def _ask(self, run_id: str, request: dict[str, Any]) -> Result:
        run = _finished_run(run_id)
        self.wait()
        asked = self.client.submit(worker.answer, run, request, resources={"probe": 1}, pure=False, priority=10)
        try:
            return asked.result(timeout=120)
        except LabError:
            raise
        except Exception as error:
            raise LabError(f"The model could not answer: {error}", "Its run or its worker may be gone.") from error

    # -- inside: listening -----------------------------------------------------------------------

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take in an event of a worker (called in the client's thread)."""
        message = event[1]
        if "ready" in message:
            self._crew.submit(self.client.run_on_scheduler, _wake)
            return
        run_id = message["run_id"]
        with self._lock:
            task = self._tasks.setdefault(run_id, Task(Live(run_id)))
            starts, first = message.get("status") == "running", not task.live.worker
            if task.active:
                task.absorb(message)
            # It may have started just as the user withdrew it, or been stopped before we knew its worker.
            stop = (starts and not task.active) or ((starts or first) and task.kill_at is not None)
        if stop:
            self._crew.submit(self.client.run, worker.request_stop, run_id, workers=[message["worker"]])

    def _ended(self, run_id: str, future: Any) -> None:
        """The Dask task ended: normally the worker has told so; otherwise it failed to, or its process is gone."""
        from distributed import KilledWorker

        if self._closed.is_set() or self._tasks[run_id].future is not future:
            return  # the last word of an attempt before the run was resumed
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            self._settle(run_id, future.result())
        elif error is not None and not isinstance(error, KilledWorker):
            self._finish(run_id, "failed", worker.describe(error))
        else:
            self._gone(run_id)

    def _gone(self, run_id: str) -> None:
        """End a run whose worker is gone: killed because it did not obey, or lost."""
        if self._tasks[run_id].kill_at is not None:
            self._finish(run_id, "stopped")
        else:
            self._finish(run_id, "lost", worker.lost("The worker process that ran it died."))

    def _finish(self, run_id: str, status: str, error: dict[str, str] | None = None) -> None:
        """End a run from here, because no worker will."""
        self.store.close(run_id, status, error)
        self._settle(run_id, self.store.run(run_id).status, error)

    def _settle(self, run_id: str, status: str, error: dict[str, str] | None = None) -> None:
        with self._lock:
            task = self._tasks[run_id]
            if task.active:
                task.live = replace(task.live, status=status, error=error)

    def _watch(self) -> None:
        """Kill what does not obey, find workers that vanished, and refresh the runs of other processes."""
        with self._lock:
            tasks = {key: task for key, task in self._tasks.items() if task.active}
        if not tasks:
            return
        workers = None
        for run_id, task in tasks.items():
            if not task.foreign and task.folder is not None and (task.folder / STOP).exists():
                (task.folder / STOP).unlink(missing_ok=True)
                self.stop(run_id)
            if task.foreign:
                self._refresh(run_id)
            elif task.live.status == "running":
                if workers is None:
                    workers = self._workers()
                if task.kill_at is not None and time.time() > task.kill_at and task.live.worker:
                    self._kill(run_id, task)
                elif task.live.worker and task.live.worker not in workers:
                    time.sleep(0.2)  # its last word may be on the way
                    if task.active:
                        self._gone(run_id)
                        self._drop(task)

    def _workers(self) -> set[str]:
        """Return the addresses of all workers, asked afresh: the client's own copy may be empty for a moment."""
        return set(self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"])

    def _kill(self, run_id: str, task: Task) -> None:
        """Kill the worker process of a run that did not obey; the nanny starts a fresh one.

        The task is dropped last: were it dropped first, the scheduler would send the next run to the dying worker.
        """
        self._gone(run_id)
        self.client.restart_workers([task.live.worker], timeout=30, raise_for_error=False)
        self._drop(task)

    @staticmethod
    def _drop(task: Task) -> None:
        if task.future is not None:
            task.future.cancel(force=True, reason="its worker is gone")

    # -- inside: runs of earlier and other processes ----------------------------------------------

    def _adopt(self) -> None:
        """Find the runs under way that this process did not start: watch them, or mark them lost."""
        from distributed import Future

        keys, self._looked = None, time.time()
        for run in self.store.runs(status=ACTIVE):
            with self._lock:
                if run.id in self._tasks and self._tasks[run.id].active:
                    continue
            if run.scheduler == self.scheduler:
                if keys is None:
                    keys = self.client.run_on_scheduler(_task_keys)
                key = max((key for key in keys if key.startswith(_key(run.id))), default=None)
                if key is not None:
                    future = Future(key, self.client)
                    task = Task(snapshot(run), future=future, started=time.time(), folder=run.folder)
                    task.stage_started = time.time()
                    with self._lock:
                        self._tasks[run.id] = task
                    task.future.add_done_callback(functools.partial(self._ended, run.id))
                    continue
                if time.time() - run.created.timestamp() > 30:  # else it is on its way to the scheduler
                    self.store.close(run.id, "lost", worker.lost("The cluster no longer knows it."))
            elif _owner_gone(run.scheduler):
                self.store.close(run.id, "lost", worker.lost("The workbench that ran it was closed."))
            else:
                with self._lock:
                    self._tasks[run.id] = Task(snapshot(run), foreign=True, folder=run.folder)

    def _refresh(self, run_id: str) -> None:
        run = self.store.run(run_id)
        if not run.finished and _owner_gone(run.scheduler):
            self.store.close(run_id, "lost", worker.lost("The workbench that ran it was closed."))
            run = self.store.run(run_id)
        with self._lock:
            self._tasks[run_id].live = snapshot(run)


def _owner_gone(owner: str) -> bool:
    """Return True when the process that ran a local cluster on this machine is no more."""
    if not owner.startswith("local:"):
        return False
    _, host, pid, created = owner.split(":")
    if host != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(created)) > 2
    except psutil.NoSuchProcess:
        return True


def _key(run_id: str) -> str:
    return f"workbench-{run_id}"


def _wake(dask_scheduler: Any = None) -> None:
    """Send out the tasks that came before any worker had a slot.

    A worker that somebody else started gets its slot from our plugin, a moment after it has joined; Dask looks at
    such tasks only when a worker joins.
    """
    found: dict[Any, str] = {}
    for state in dask_scheduler.workers.values():
        found |= dask_scheduler.bulk_schedule_unrunnable_after_adding_worker(state)
    dask_scheduler.transitions(found, stimulus_id="workbench-wake")


def _task_keys(dask_scheduler: Any = None) -> set[str]:
    return {str(key) for key in dask_scheduler.tasks}


@functools.lru_cache(32)
def _finished_run(run_id: str) -> Run:
    run = open_store().run(run_id)
    if not run.finished:
        raise LabError("This run has not ended yet.", "Ask it when it is done.")
    return run


@functools.cache
def open_engine(scheduler: str | None = None) -> Engine:
    """Return this process's engine; its cluster starts in the background."""
    return Engine(scheduler or os.environ.get("WORKBENCH_SCHEDULER") or None)
