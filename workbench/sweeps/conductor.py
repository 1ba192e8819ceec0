"""Execution of a sweep: its runs are submitted, a few more than there are slots, and followed to their end."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from dataclasses import dataclass

from workbench.contract.errors import LabError
from workbench.engine import Engine
from workbench.engine.owner import this_process
from workbench.runs.record import ACTIVE, RESUMABLE, Run
from workbench.runs.store import open_store
from workbench.sweeps import record
from workbench.sweeps.points import Asker, name_of, planned
from workbench.sweeps.record import SweepRecord
from workbench.sweeps.spec import Point, Spec

PAUSE = 0.3  # seconds between two looks at the runs
LOOK = 1.0  # seconds between two looks at the store: somebody else may want it stopped


def start(engine: Engine, spec: Spec, name: str = "") -> str:
    """Start a sweep in the background and return its id."""
    made = record.create(open_store(), spec, this_process(), name)
    _lead(engine, made)
    return made.id


def go_on(engine: Engine, sweep_id: str) -> None:
    """Go on with a sweep that was stopped, has lost the process that led it, or has runs that failed.

    What is done is not run again; runs that stopped, failed or were lost resume from their checkpoints.

    Raises
    ------
    LabError
        If it is under way, or nothing of it is missing.
    """
    store = open_store()
    found = record.read(store, sweep_id)
    if found.active:
        raise LabError("This sweep is under way.", "Stop it first, or wait for its end.")
    done = sum(run.status == "done" for run in record.runs_of(store, found))
    if done >= found.spec.runs:
        raise LabError("This sweep is complete.", "All of its runs are done.")
    record.update(store, sweep_id, status="running", owner=this_process(), error="", asked="")
    _lead(engine, record.read(store, sweep_id))


def stop(engine: Engine, sweep_id: str) -> None:
    """Stop a sweep: its runs are asked to stop, and what waits is not started.

    It is the process that leads it which does so; where there is none any more, its runs are stopped from here.
    """
    store = open_store()
    found = record.read(store, sweep_id)
    if found.active:
        record.update(store, sweep_id, asked="stop")  # no status: it may just have come to its end
    elif found.status == "lost":
        for run in record.runs_of(store, found):
            if run.status in ACTIVE:
                engine.stop(run.id)
        record.update(store, sweep_id, status="stopped")


def _lead(engine: Engine, found: SweepRecord) -> None:
    threading.Thread(target=Conductor(engine, found).lead, name=f"sweep {found.id[:8]}", daemon=True).start()


@dataclass(frozen=True)
class Cell:
    """A point with a seed: one run to be made."""

    point: Point
    seed: int

    @property
    def name(self) -> str:
        return name_of(self.point, self.seed)


class Conductor:
    """The state of a sweep in the process that leads it.

    Parameters
    ----------
    engine
        Where the runs go.
    found
        The sweep; its runs of before a restart are found in the store.
    """

    def __init__(self, engine: Engine, found: SweepRecord):
        self._engine, self._id, self._spec = engine, found.id, found.spec
        self._store = open_store()
        self._retried = list(found.retried)
        self._waiting: deque[tuple[Cell, str]] = deque()  # with the id of the run when it only has to go on
        self._under_way: dict[str, Cell] = {}  # by id of the run
        self._values: dict[str, list[float]] = {}  # by point: the metric of every run that ended
        self._asker: Asker | None = None
        self._asked = 0
        self._stopping = False

    def lead(self) -> None:
        """Run the sweep to its end."""
        try:
            self._engine.wait()
            self._plan({self._cell(run).name: run for run in record.runs_of(self._store, self._read())})
            looked = 0.0
            while self._more():
                if time.time() - looked > LOOK:
                    looked = time.time()
                    if self._read().status == "stopping":
                        self._stop()
                self._look()
                self._send()
                if self._engine.closed.wait(PAUSE):
                    return self._end("lost")
            return self._end("stopped" if self._stopping else "done")
        except Exception as error:  # told on the sweep's page; its runs go on by themselves
            return self._end("failed", str(error))

    # -- what is to be run -------------------------------------------------------------------------

    def _plan(self, known: dict[str, Run]) -> None:
        """Queue the runs that are missing, and follow those that are under way."""
        points = planned(self._spec)
        if points is None:
            places = {name_of(run_cell.point): run_cell.point for run_cell in map(self._cell, known.values())}
            points, self._asker = list(places.values()), Asker(self._spec, len(places))
            self._asked = len(points)
            for point in points:
                self._asker.add(point)
        for point in points:
            for seed in self._spec.seeds:
                cell = Cell(point, seed)
                run = known.get(cell.name)
                if run is None:
                    self._waiting.append((cell, ""))
                elif run.status in ACTIVE:
                    self._under_way[run.id] = cell
                elif run.status in RESUMABLE:
                    self._waiting.append((cell, run.id))
                else:
                    self._note(cell, run)

    def _cell(self, run: Run) -> Cell:
        return Cell({name: run.params[name] for name in self._spec.axes}, run.seed)

    def _more(self) -> bool:
        wanted = self._asker is not None and not self._stopping and self._asked < self._spec.points
        return bool(self._waiting or self._under_way or wanted)

    def _send(self) -> None:
        """Keep every slot busy and one run in line, so that a slot is not idle while we look elsewhere."""
        spec = self._spec
        while len(self._under_way) <= self._engine.slots and not self._stopping:
            if not self._waiting and self._asker is not None and self._asked < spec.points:
                point = self._asker.ask()
                self._asked += 1
                self._waiting.extend((Cell(point, seed), "") for seed in spec.seeds)
            if not self._waiting:
                return
            cell, run_id = self._waiting.popleft()
            if run_id:
                self._engine.resume(run_id)
            else:
                run_id = self._engine.submit(
                    spec.lab,
                    spec.params(cell.point),
                    seed=cell.seed,
                    device=spec.device,
                    preset=spec.preset,
                    name=f"{spec.lab} {cell.name}",
                    group=self._id,
                    user=spec.user,
                )
                record.add_run(self._store, self._id, run_id)
            self._under_way[run_id] = cell

    # -- what comes of it --------------------------------------------------------------------------

    def _look(self) -> None:
        """Find the runs that have ended; one that lost its worker is resumed once."""
        for run_id, cell in list(self._under_way.items()):
            live = self._engine.live(run_id)
            if (live.status if live else self._store.run(run_id).status) in ACTIVE:
                continue
            run = self._store.run(run_id)
            if run.status == "lost" and run_id not in self._retried and not self._stopping:
                self._retried.append(run_id)
                record.update(self._store, self._id, retried=json.dumps(self._retried))
                self._engine.resume(run_id)
                continue
            del self._under_way[run_id]
            self._note(cell, run)

    def _note(self, cell: Cell, run: Run) -> None:
        """Record a run that has ended; when it was the last of its point, Optuna gets their mean."""
        values = self._values.setdefault(name_of(cell.point), [])
        values.append(run.metrics.get(self._spec.metric, math.nan) if run.status == "done" else math.nan)
        if self._asker is not None and len(values) == len(self._spec.seeds):
            finite = [value for value in values if math.isfinite(value)]
            self._asker.tell(cell.point, sum(finite) / len(finite) if finite else math.nan)

    def _stop(self) -> None:
        self._stopping = True
        self._waiting.clear()
        for run_id in self._under_way:
            self._engine.stop(run_id)

    def _read(self) -> SweepRecord:
        return record.read(self._store, self._id)

    def _end(self, status: str, error: str = "") -> None:
        """Write how it ended; a store that is full or held by another process is tried again."""
        while True:
            try:
                return record.update(self._store, self._id, status=status, error=error)
            except LabError:
                if self._engine.closed.wait(LOOK):
                    return None
