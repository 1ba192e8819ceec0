"""Code that runs inside a worker process: runs, probes and their context. Only here torch is imported."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
from distributed import WorkerPlugin, get_worker

from workbench.contract.errors import LabError
from workbench.contract.lab import LoadedRun, get_lab
from workbench.contract.result import Result, write_piece
from workbench.engine.provenance import provenance
from workbench.runs.machine_errors import delete_partial_files, user_error
from workbench.runs.record import Run
from workbench.runs.store import Store, open_store
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import CHECKPOINTS, load_last_checkpoint, save_checkpoint, save_tensors

TOPIC = "workbench"  # of the Dask events that carry progress
SUPERSEDED = "superseded"  # what `execute` returns of an attempt that its run does not belong to any more
_stops: set[str] = set()  # runs that were asked to stop, in this process
_loaded: OrderedDict[str, LoadedRun] = OrderedDict()  # the runs that probes asked last
_answers: OrderedDict[str, Result] = OrderedDict()  # to the last questions
KEEP_LOADED, KEEP_ANSWERS = 4, 16


class Plugin(WorkerPlugin):
    """Makes any Dask worker a workbench worker: gives it a slot, and imports what takes long ahead of need."""

    name = "workbench"

    async def setup(self, worker: Any) -> None:
        own = worker.state.total_resources
        if not {"run", "probe"} & set(own):  # a worker somebody else started takes both
            await worker.set_resources(run=1, probe=1)
            worker.log_event(TOPIC, {"ready": worker.address})
        threading.Thread(target=_warm_up, daemon=True).start()


def _warm_up() -> None:
    with contextlib.suppress(Exception):  # a worker that ends while it still warms up; a run would tell of all else
        importlib.import_module("mlflow.tracking")
        torch = importlib.import_module("torch")
        if threads := os.environ.get("OMP_NUM_THREADS", ""):  # a forked worker has its libraries from another process
            torch.set_num_threads(int(threads))
            importlib.import_module("threadpoolctl").threadpool_limits(int(threads))


class WorkerContext(MemoryContext):
    """The context of a real run: what it hears goes out as Dask events and into the store, in batches.

    A thread of its own does the talking, so that a lab never waits for it.
    """

    def __init__(self, run: Run, attempt: str, store_uri: str, store_root: str, device: str):
        super().__init__(run.seed, device)
        self.run, self.attempt = run, attempt
        self.store = open_store(store_uri, store_root)
        self.kept.curves = Result.load(run.folder).curves  # of a run that is resumed; else there are none
        self.obeyed = False  # the lab has been told to stop
        self.peak_memory = 0
        self.stages: dict[str, float] = {}  # stage -> seconds
        self._stage = ("", time.time())
        self._points: list[tuple[str, float, int]] = []  # not yet sent
        self._new_lines: list[str] = []
        self._progress: dict[str, Any] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()  # of what is heard, and of the file of curves
        self._ended = threading.Event()
        self._worker = get_worker()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self) -> WorkerContext:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    # -- what a lab calls ----------------------------------------------------------------------

    def progress(self, done: int, total: int, stage: str) -> None:
        with self._lock:
            if stage != self._stage[0]:
                self._enter(stage)
            self._progress = {"stage": stage, "done": int(done), "total": int(total)}

    def metric(self, key: str, value: float, step: int) -> None:
        with self._lock:
            super().metric(key, value, step)
            self._points.append((key, float(value), int(step)))

    def log(self, text: str) -> None:
        with self._lock:
            self._new_lines.append(f"{time.strftime('%H:%M:%S')} {text}")

    def save(self, name: str, value: Any) -> None:
        if isinstance(value, dict):
            save_tensors(self.run.folder / "models" / f"{name}.safetensors", value)
        else:
            write_piece(self.run.folder, name, value)
            super().save(name, value)

    def checkpoint(self, state: dict[str, Any]) -> None:
        self._keep_curves()  # up to here first: a run that is killed now and resumed lacks no point of them
        save_checkpoint(self.run.folder, state)

    def resume(self) -> dict[str, Any] | None:
        return load_last_checkpoint(self.run.folder)

    def should_stop(self) -> bool:
        self.obeyed = self.obeyed or self.run.id in _stops
        return self.obeyed

    def disowned(self) -> bool:
        """Return True if the run was called lost meanwhile, and may go on elsewhere; no, when the store cannot tell."""
        try:
            return self.store.attempts(self.run.id)[0] != self.attempt
        except LabError:
            return False

    # -- talking to the outside ----------------------------------------------------------------

    def send(self, **message: Any) -> None:
        """Send an event about this run to whoever listens."""
        who = {"run_id": self.run.id, "key": self.attempt, "worker": self._worker.address}
        self._worker.log_event(TOPIC, who | message)

    def _enter(self, stage: str) -> None:
        name, since = self._stage
        if name:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.time() - since, 3)
        self._stage = (stage, time.time())

    def _keep_curves(self) -> None:
        """Write the curves up to now; the lab and the talking thread take turns."""
        with self._writing:
            with self._lock:
                curves = {key: (steps[:], values[:]) for key, (steps, values) in self.kept.curves.items()}
            Result(curves=curves, partial=True).save(self.run.folder)

    def _talk(self) -> None:
        """Send events five times a second, write to the store once a second, and once more at the end."""
        process, written = psutil.Process(), 0.0
        unsaved: list[tuple[str, float, int]] = []
        unlogged: list[str] = []
        while True:
            last = self._ended.wait(0.2)
            self.peak_memory = max(self.peak_memory, process.memory_info().rss)
            with self._lock:
                points, self._points = self._points, []
                lines, self._new_lines = self._new_lines, []
                progress = self._progress
            self.send(progress=progress, points=points, lines=lines, peak_memory=self.peak_memory)
            unsaved += points
            unlogged += lines
            with contextlib.suppress(Exception):  # a full disk, a busy store: the next round tries again
                if points and not last:
                    self._keep_curves()  # of a run that may be killed
                if unlogged:
                    with (self.run.folder / "log.txt").open("a", encoding="utf-8") as log:
                        log.writelines(f"{line}\n" for line in unlogged)
                    unlogged = []
                if last or time.time() - written > 1.0:
                    if self.disowned():
                        request_stop(self.run.id)
                    else:
                        self.store.update(self.run.id, metrics=unsaved, progress=progress, peak_memory=self.peak_memory)
                    unsaved, written = [], time.time()
            if last:
                self._enter("")
                return


def execute(run_id: str, store_uri: str, store_root: str) -> str:
    """Run a queued run of the store to its end; the Dask task behind ``Engine.submit``.

    Returns
    -------
    str
        The status it ended with, or `SUPERSEDED`.
    """
    store, attempt = open_store(store_uri, store_root), str(get_worker().get_current_task())
    run = store.run(run_id)
    # Dask starts a task again when its worker died, and a cluster whose engine is gone goes on with what it has in
    # line. Such an attempt is lost: the run may be queued once more by now, and belong to the next one.
    owner, begun = store.attempts(run_id)
    if owner != attempt or begun == attempt:
        return SUPERSEDED
    _stops.discard(run_id)  # an earlier stop of a run that is resumed; a new one is asked for again at the start
    device = choose_device(run.device)
    started = time.time()
    store.update(run_id, status="running", device=device, started=str(started), begun=attempt)
    with WorkerContext(run, attempt, store_uri, store_root, device) as ctx:
        ctx.send(status="running", device=device, started=started)
        error = None
        try:
            lab = get_lab(run.lab)
            result = lab.run(lab.Params.make(**run.params), ctx)
            status = "stopped" if ctx.obeyed else "done"
        except Exception as problem:  # the run fails, the worker lives on
            status, error, result = "failed", error_record(problem), Result()
    if ctx.disowned():
        _stops.discard(run_id)
        return SUPERSEDED
    if error is not None:
        delete_partial_files(run.folder)
    try:
        _keep(store, run, ctx, result, status)
    except Exception as problem:  # most likely a full disk: what is written so far stays
        delete_partial_files(run.folder)
        status, error = "failed", error or error_record(problem)
    store.close(run_id, status, error)
    _stops.discard(run_id)
    ctx.send(status=status, error=error)
    return status


def _keep(store: Store, run: Run, ctx: WorkerContext, result: Result, status: str) -> None:
    """Write what a run ended with: its result, where it comes from, and its headline numbers."""
    merge(result, ctx.kept).partial = status != "done"
    result.save(run.folder)
    (run.folder / "provenance.json").write_text(
        json.dumps(provenance(ctx.device, ctx.data_used, ctx.stages, ctx.peak_memory), indent=1)
    )
    step = 1 + max((s for steps, _ in result.curves.values() for s in steps), default=-1)
    store.update(run.id, metrics=[(key, value, int(step)) for key, value in result.metrics.items()])
    if status == "done":
        for name in CHECKPOINTS:
            (run.folder / name).unlink(missing_ok=True)


def answer_probe(run: Run, request: dict[str, Any]) -> Result:
    """Answer one question to a finished run; the Dask task behind ``Engine.probe``."""
    key = f"{run.id}/{run.seconds}"  # a run that was resumed has another result
    loaded = _remembered(_loaded, key, lambda: _load(run), KEEP_LOADED)
    began = time.perf_counter()
    question = f"{key} {json.dumps(request, sort_keys=True, default=_json_value)}"
    known = question in _answers  # the same question to the same run has the same answer; only the time is another
    result = _remembered(_answers, question, lambda: get_lab(run.lab).probe(loaded, request), KEEP_ANSWERS)
    if not known:
        return result
    return replace(result, metrics=result.metrics | {"milliseconds": 1000 * (time.perf_counter() - began)})


def _load(run: Run) -> LoadedRun:
    params = get_lab(run.lab).Params.make(**run.params)
    return LoadedRun(run.id, params, Result.load(run.folder), run.folder, choose_device("auto"), run.seed)


def _remembered(memory: OrderedDict[str, Any], key: str, make: Callable[[], Any], most: int) -> Any:
    """Return what is kept under a key, made first if it is not there; the ones used last are kept, `most` of them."""
    if key not in memory:
        memory[key] = make()
        while len(memory) > most:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


def _json_value(value: Any) -> Any:
    """Return NumPy's arrays and numbers in full, and anything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def request_stop(run_id: str) -> None:
    """Ask a run of this process to stop; called through ``Client.run``."""
    _stops.add(run_id)


def choose_device(asked: str) -> str:
    """Return ``"cuda:0"`` or ``"cpu"``.

    Raises
    ------
    LabError
        If the device that was asked for is not there.
    """
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda:0"
    if asked not in ("auto", ""):
        raise LabError(f"The device {asked!r} is not on this machine.", "Choose auto or cpu.")
    return "cpu"


def merge(result: Result, kept: Result) -> Result:
    """Add to a lab's final result what it saved on the way."""
    for name in ("curves", "tables", "arrays", "media"):
        setattr(result, name, {**getattr(kept, name), **getattr(result, name)})
    return result


def lost_record(cause: str) -> dict[str, str]:
    """Return the error record of a run whose worker is gone."""
    hint = "It may have run out of memory, or been killed. What it had saved is kept; Resume goes on from there."
    return {"cause": cause, "hint": hint, "traceback": ""}


def error_record(problem: Exception) -> dict[str, str]:
    """Return an exception as cause, hint and traceback."""
    trace = "".join(traceback.format_exception(problem))
    if isinstance(problem, LabError):
        return {"cause": problem.cause, "hint": problem.hint, "traceback": trace}
    words = user_error(problem)
    if words is not None:
        return {"cause": words.cause, "hint": words.hint, "traceback": trace}
    cause = f"{type(problem).__name__}: {problem}"
    return {"cause": cause, "hint": "This is a defect of the lab; the traceback says where.", "traceback": trace}
