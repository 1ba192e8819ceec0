"""Handles to runs: ``workbench.run``, ``open_run``, ``compare``, ``import_run``."""

from __future__ import annotations

import concurrent.futures
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import contract
from workbench.api.progress import Bar, progress_display
from workbench.contract.errors import LabError
from workbench.contract.lab import Lab, Verdict
from workbench.contract.result import Result
from workbench.engine import Engine, Live, open_engine
from workbench.notebook import in_notebook
from workbench.runs import manage, store
from workbench.runs.compare import Comparison, compare_runs
from workbench.runs.record import ACTIVE
from workbench.runs.record import Run as Record


@dataclass(frozen=True, repr=False)
class Run:
    """Handle to a run: its numbers, tables, pictures and model.

    In a notebook it shows its views; ``run.record`` is what the store keeps.
    """

    record: Record
    engine: Engine | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def lab(self) -> Lab:
        return contract.get_lab(self.record.lab)

    @property
    def params(self) -> dict[str, Any]:
        return self.record.params

    @property
    def metrics(self) -> dict[str, float]:
        """The headline numbers, by key."""
        return self.record.result.metrics

    @property
    def result(self) -> Result:
        return self.record.result

    def claims(self) -> dict[str, Verdict]:
        """Return the verdict on every claim of the lab."""
        return self.record.claims()

    def probe(self, **request: Any) -> Result:
        """Ask the run's model one question; saves nothing.

        Raises
        ------
        LabError
            If the question does not fit the lab.
        """
        return self.ask(request).result()

    def resume(self, progress: bool = True) -> Run:
        """Go on with a stopped, failed or lost run from its last checkpoint, wait for it, and return it.

        Raises
        ------
        LabError
            If the run is under way or done.
        """
        engine = self.engine or open_engine()
        engine.resume(self.id)
        follow(engine, self.id, progress)
        return Run(store.open_store().run(self.id), engine)

    def star(self, on: bool = True) -> Run:
        """Mark the run as worth finding again, or take the mark away; return it as it is now."""
        return self._now(manage.star(store.open_store(), self.id, on))

    def rename(self, name: str) -> Run:
        """Give the run another name; return it as it is now."""
        return self._now(manage.rename(store.open_store(), self.id, name))

    def note(self, text: str) -> Run:
        """Write a note beside the run, in place of the one it had; return it as it is now."""
        return self._now(manage.write_note(store.open_store(), self.id, text))

    def tag(self, *tags: str) -> Run:
        """Give the run further tags; return it as it is now."""
        return self._now(manage.add_tags(store.open_store(), self.id, list(tags)))

    def trash(self) -> Run:
        """Move the run to the trash; return it as it is now."""
        return self._now(manage.trash(store.open_store(), self.id))

    def restore(self) -> Run:
        """Bring the run back from the trash; return it as it is now."""
        return self._now(manage.restore(store.open_store(), self.id))

    def export(self, path: Path | str, *, figures: bool = True, force: bool = False) -> Path:
        """Write the run to ``*.html`` (the report), ``*.ipynb``, ``*.zip`` or a folder (`workbench.transfer.export`).

        Raises
        ------
        LabError
            If the run has not ended, or the path exists or cannot be written.
        """
        return importlib.import_module("workbench.transfer.export").export(
            self.record, path, figures=figures, force=force
        )

    def views(self) -> dict[str, Callable[[], Any]]:
        """Return title -> function that builds the view."""
        link = importlib.import_module("workbench.ui.link").Link
        return self.lab.views(self.result, link(self.id, self.ask))

    def _now(self, record: Record) -> Run:
        return Run(record, self.engine)

    def ask(self, request: dict[str, Any]) -> concurrent.futures.Future[Result]:
        """Ask as `probe` does, without waiting for the answer."""
        return (self.engine or open_engine()).probe(self.id, request)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``workbench run --json`` prints."""
        record = self.record
        return {
            **{key: getattr(record, key) for key in ("lab", "status", "seed", "device", "seconds", "params")},
            "run_id": record.id,
            "metrics": self.metrics,
            "error": record.error,
            "claims": [
                {"key": key, "verdict": verdict.verdict, "numbers": verdict.numbers}
                for key, verdict in self.claims().items()
            ],
        }

    def __repr__(self) -> str:
        numbers = ", ".join(f"{key}={value:.4g}" for key, value in self.metrics.items())
        return f"<Run {self.record.name!r}: {self.status}{', ' * bool(numbers)}{numbers}>"

    def _ipython_display_(self) -> None:
        if in_notebook():
            importlib.import_module("workbench.notebook.cell").show_run(self)  # panel, only when it is needed
        else:
            print(repr(self))


def labs() -> list[Lab]:
    """Return every registered lab."""
    return list(contract.labs().values())


def run(
    lab: str,
    *,
    preset: str = "quick",
    seed: int = 0,
    device: str = "auto",
    scheduler: str | None = None,
    progress: bool = True,
    **params: Any,
) -> Run:
    """Run a lab and wait for it, with a progress display; Ctrl-C stops it softly and keeps what it has.

    Parameters
    ----------
    lab
        Name of the lab, for example ``"rs"``.
    preset
        One of the lab's presets; `params` change single values of it.
    seed
        The one seed of all random streams.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda:0"``.
    scheduler
        Address of a Dask scheduler; the local cluster without it.

    Raises
    ------
    LabError
        If the lab or a parameter is wrong, or the run failed.

    Examples
    --------
    >>> import workbench
    >>> found = workbench.run("rs", dataset="iris", studies=["set"], seed=1)  # doctest: +SKIP
    """
    done = execute(lab, params, preset=preset, seed=seed, device=device, scheduler=scheduler, show=progress)
    if done.status in ("failed", "lost"):
        raise LabError(done.record.error["cause"], done.record.error["hint"])
    return done


def execute(
    lab: str,
    params: dict[str, Any],
    *,
    preset: str,
    seed: int,
    device: str = "auto",
    scheduler: str | None = None,
    show: bool = True,
) -> Run:
    """Run a lab, wait for its end, and return the run however it ended."""
    values = with_whole_path(contract.get_lab(lab).Params.make(preset, **params).to_dict())
    engine = open_engine(scheduler)
    run_id = engine.submit(lab, values, seed=seed, device=device, preset=preset)
    follow(engine, run_id, show)
    return Run(store.open_store().run(run_id), engine)


def with_whole_path(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return params whose own file has its whole path: a run may be repeated, and a sweep continued, elsewhere."""
    file = params.get("file")
    return {**params, "file": str(Path(file).expanduser().resolve())} if file else dict(params)


def open_run(run_id: str) -> Run:
    """Return a run of any day by its id; ``"recorded-rs"`` is the one that ships with the lab ``rs``."""
    return Run(store.open_store().run(run_id))


def import_run(file: Path | str) -> Run:
    """Keep the run of a zip made by `Run.export` as a new run of this workbench, and return it.

    Raises
    ------
    LabError
        If it is not such a zip, is damaged or hostile, or is of a lab that is not here. Nothing of it is kept then.
    """
    return Run(importlib.import_module("workbench.transfer.import_run").import_run(file))


def compare(*run_ids: str, fold: bool = False) -> Comparison:
    """Return runs of one lab side by side: the params that differ, metrics with deltas, and verdicts.

    With `fold`, runs that differ in their seed only share a column, with mean and standard deviation over them.

    Raises
    ------
    LabError
        If they are fewer than two, or of different labs.
    """
    return compare_runs([store.open_store().run(run_id) for run_id in run_ids], fold)


def follow(engine: Engine, run_id: str, show: bool = True) -> Live:
    """Wait for a run while showing its progress; an interrupt stops it softly."""
    with progress_display(show) as draw:
        while True:
            try:
                live = engine.live(run_id)
                ended = live.status not in ACTIVE
                draw({run_id: _bar(live)}, ended)
                if ended:
                    return live
                time.sleep(0.1)
            except KeyboardInterrupt:
                engine.stop(run_id)


def _bar(live: Live) -> Bar:
    """Return the progress bar of a run: its stage, and how far it has come."""
    note = f"{live.done}/{live.total}" if live.total else ""
    if live.queue_position:
        note = f"place {live.queue_position} in the queue"
    if live.remaining is not None:
        note += f", about {live.remaining:.0f} s of this stage left"
    stage = "stopping" if live.stopping else live.stage or live.status
    return Bar(stage if live.status in ACTIVE else live.status, live.done, live.total, note)
