"""Handles to sweeps: ``workbench.sweep`` and ``workbench.open_sweep``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.api.progress import Bar, progress_display
from workbench.api.runs import with_whole_path
from workbench.engine import Engine, open_engine
from workbench.runs.record import Run
from workbench.runs.store import open_store
from workbench.sweeps import conductor, record
from workbench.sweeps.record import SweepRecord
from workbench.sweeps.spec import Spec, make_spec
from workbench.sweeps.table import points_table, runs_table, tally

PAUSE = 0.5  # seconds between two looks


@dataclass(frozen=True, repr=False)
class Sweep:
    """A sweep of any day: what it asked for, its runs and its tables; ``sweep.record`` is what the store keeps."""

    record: SweepRecord
    engine: Engine | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def spec(self) -> Spec:
        return self.record.spec

    @property
    def runs(self) -> list[Run]:
        """The runs as they are now, the first one first."""
        return record.runs_of(open_store(), self.record)

    @property
    def table(self) -> pd.DataFrame:
        """One row a point: mean, standard deviation and count over the seeds for each metric."""
        return points_table(self.spec, self.runs)

    @property
    def runs_table(self) -> pd.DataFrame:
        """One row a run."""
        return runs_table(self.spec, self.runs)

    def resume(self, progress: bool = True) -> Sweep:
        """Go on with what is missing, wait for it, and return the sweep.

        Raises
        ------
        LabError
            If it is under way, or complete.
        """
        engine = self.engine or open_engine()
        conductor.go_on(engine, self.id)
        return follow(engine, self.id, progress)

    def stop(self) -> None:
        """Stop its runs, and do not start those that wait."""
        conductor.stop(self.engine or open_engine(), self.id)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``workbench sweep --json`` prints."""
        runs = self.runs
        return {
            **{key: getattr(self.spec, key) for key in ("lab", "preset", "base", "axes", "seeds", "search", "metric")},
            **{
                "sweep_id": self.id,
                "status": self.status,
                "error": self.record.error,
                "counts": tally(self.spec, runs),
            },
            "retried": self.record.retried,
            "points": points_table(self.spec, runs).to_dict("records"),
            "runs": runs_table(self.spec, runs).to_dict("records"),
        }

    def __repr__(self) -> str:
        return f"<Sweep {self.record.name!r}: {self.status}>"

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False)


def sweep(
    lab: str,
    axes: Mapping[str, Iterable[Any]],
    params: Mapping[str, Any] | None = None,
    *,
    seeds: Iterable[int] = (0,),
    preset: str = "quick",
    search: str = "grid",
    count: int = 0,
    metric: str = "",
    direction: str = "",
    device: str = "auto",
    scheduler: str | None = None,
    progress: bool = True,
) -> Sweep:
    """Run a lab with many settings and seeds and wait for all of it; Ctrl-C stops it softly and keeps what is done.

    Parameters
    ----------
    lab
        Name of the lab.
    axes
        Param -> the values it takes.
    params
        Params that have another value than in the preset in every run.
    seeds
        Every point is run once with each.
    preset
        One of the lab's presets.
    search, count
        ``"grid"``: all points. ``"random"``: `count` of them by chance. ``"optuna"``: `count` of them, each chosen
        after what the earlier ones gave.
    metric, direction
        Which metric the search looks at, and whether to ``"maximize"`` or ``"minimize"`` it; by default the lab's
        first one, in the direction that the lab declares.
    device, scheduler, progress
        As in `workbench.run`.

    Raises
    ------
    LabError
        If a name or a value is wrong, or the sweep is too large.

    Examples
    --------
    >>> import workbench
    >>> found = workbench.sweep("rs", {"eps": [0.1, 0.5]}, {"studies": ["set"]}, seeds=range(3))  # doctest: +SKIP
    >>> found.table  # doctest: +SKIP
    """
    spec = make_spec(
        lab,
        axes,
        seeds=seeds,
        preset=preset,
        base=with_whole_path(params or {}),
        search=search,
        count=count,
        metric=metric,
        direction=direction,
        device=device,
    )
    engine = open_engine(scheduler)
    return follow(engine, conductor.start(engine, spec), progress)


def open_sweep(sweep_id: str) -> Sweep:
    """Return a sweep of any day by its id.

    Raises
    ------
    LabError
        If there is none.
    """
    return Sweep(record.read(open_store(), sweep_id))


def follow(engine: Engine, sweep_id: str, show: bool = True) -> Sweep:
    """Wait for a sweep while showing its progress; an interrupt stops it softly."""
    store = open_store()
    with progress_display(show) as draw:
        while True:
            try:
                sweep_record = record.read(store, sweep_id)
                if show:
                    draw(_bars(engine, sweep_record), not sweep_record.active)
                if not sweep_record.active:
                    return Sweep(sweep_record, engine)
                time.sleep(PAUSE)
            except KeyboardInterrupt:
                conductor.stop(engine, sweep_id)


def _bars(engine: Engine, sweep_record: SweepRecord) -> dict[str, Bar]:
    """Return a progress bar for the whole sweep, and one for each of its runs that is under way."""
    runs = record.runs_of(open_store(), sweep_record)
    counts = tally(sweep_record.spec, runs)
    ended = sum(counts[status] for status in ("done", "failed", "stopped", "lost"))
    note = f"{counts['done']} of {sweep_record.spec.runs} runs done"
    note += "".join(f", {counts[status]} {status}" for status in ("failed", "lost", "stopped") if counts[status])
    bars = {sweep_record.id: Bar(sweep_record.status, ended, sweep_record.spec.runs, note)}
    names = {run.id: run.name for run in runs}
    for live in engine.active():
        if live.run_id in names and live.status == "running":
            step = f"{live.stage} {live.done}/{live.total}" if live.total else live.stage
            bars[live.run_id] = Bar(names[live.run_id], live.done, live.total, step)
    return bars
