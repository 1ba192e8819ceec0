"""The store of runs: MLflow tracking for what can be searched, one folder a run for large data.

Default: SQLite and a folder below ``WORKBENCH_HOME`` (``~/.workbench``); ``MLFLOW_TRACKING_URI`` names a
tracking server instead. The stock MLflow client reads every run.
"""

from __future__ import annotations

import fcntl
import functools
import gc
import json
import logging
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.data.catalog.cache import home
from workbench.runs.machine_errors import ErrorTranslator, home_error, user_error
from workbench.runs.record import ACTIVE, Run, recorded_run

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

_MLFLOW_STATUS = {
    "queued": "SCHEDULED",
    "running": "RUNNING",
    "done": "FINISHED",
    "stopped": "KILLED",
    "failed": "FAILED",
    "lost": "FAILED",
}
_FOREIGN = re.compile(r"[^\w.\-/ :]")  # what no name of a metric may hold in MLflow
_PREFIX = "workbench."  # of our tags, so that they stand apart from a user's own


class Store:
    """Runs and their artifacts.

    Parameters
    ----------
    uri
        MLflow tracking URI.
    root
        Folder of the artifacts, or of their local copies when the tracking server keeps them.
    """

    def __init__(self, uri: str, root: Path):
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it phones home otherwise
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # into what --json prints, for one
        from mlflow.tracking import MlflowClient

        for talkative in ("alembic", "mlflow"):  # they tell of every migration
            logging.getLogger(talkative).setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it logs, it raises too
        self.uri, self.root = uri, root
        self.client = ErrorTranslator(MlflowClient(uri))
        self._experiments: dict[str, str] = {}
        self._tuned = 0.0

    # -- writing -------------------------------------------------------------------------------

    def create(
        self,
        lab: str,
        params: dict[str, Any],
        *,
        seed: int,
        preset: str,
        device: str,
        scheduler: str,
        name: str = "",
        group: str = "",
        user: str = "",
        created: datetime | None = None,
    ) -> Run:
        """Record a new queued run and make its folder; an imported one brings its date along."""
        from mlflow.entities import Param, RunTag

        began = created.timestamp() if created else time.time()
        created = int(began * 1000)
        tags = {"lab": lab, "status": "queued", "params": json.dumps(params), "preset": preset, "seed": seed}
        tags |= {"device": device, "scheduler": scheduler, "group": group, "user": user}
        run = self.client.create_run(
            self.experiment(lab),
            start_time=created,
            tags={_PREFIX + key: str(value) for key, value in tags.items()},
            run_name=name or f"{lab} {datetime.fromtimestamp(created / 1000):%b %d %H:%M:%S}",
        )
        given = [Param(key, str(value)[:6000]) for key, value in (params | {"seed": seed}).items()]
        self.client.log_batch(run.info.run_id, params=given, tags=[RunTag("mlflow.source.name", "workbench")])
        self.client.update_run(run.info.run_id, status=_MLFLOW_STATUS["queued"])
        made = self.run(run.info.run_id)
        made.folder.mkdir(parents=True, exist_ok=True)
        return made

    def update(self, run_id: str, *, metrics: list[tuple[str, float, int]] = (), **tags: Any) -> None:
        """Write metric points ``(key, value, step)`` and tags in one batch.

        MLflow refuses a batch for one odd character in a key; here such a character becomes ``_``.
        """
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        if "status" in tags:  # MLflow's own first: what we go by is our tag, the last word
            status, ended = tags["status"], None if tags["status"] in ACTIVE else now
            if ended:
                self.client.set_terminated(run_id, _MLFLOW_STATUS[status], ended)
            else:
                self.client.update_run(run_id, status=_MLFLOW_STATUS[status])
        points = [
            Metric(_FOREIGN.sub("_", key), value, now, step) for key, value, step in metrics if math.isfinite(value)
        ]
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in tags.items()}
        marks = [RunTag(_PREFIX + key, text[:7900]) for key, text in texts.items()]
        for start in range(0, max(1, len(points)), 1000):  # MLflow takes 1,000 a batch
            self.client.log_batch(run_id, metrics=points[start : start + 1000], tags=marks)
            marks = []

    def reopen(self, run_id: str, scheduler: str) -> Run:
        """Queue a run again that was stopped, failed or lost; what it had saved stays, and no attempt owns it yet."""
        folder = self.run(run_id).folder
        for name in ("error.json", "run.json"):
            (folder / name).unlink(missing_ok=True)
        self.update(run_id, status="queued", scheduler=scheduler, started="", attempt="")
        return self.run(run_id)

    def close(self, run_id: str, status: str, error: dict[str, str] | None = None) -> None:
        """Mark a run as ended, and as no attempt's, and write its ``run.json``; a run that has ended stays as it is."""
        run = self.run(run_id)
        if run.finished:
            return
        if error:
            run.folder.mkdir(parents=True, exist_ok=True)
            (run.folder / "error.json").write_text(json.dumps(error))
        tags = self._tags(run_id)
        seconds = float(tags.get("seconds", 0))  # before it was resumed
        seconds = round(seconds + time.time() - float(tags["started"]), 3) if tags.get("started") else seconds
        told = replace(run, status=status, seconds=seconds, error=error).to_json()
        (run.folder / "run.json").write_text(json.dumps(told, indent=1))
        if not self.is_local(run_id):
            self.client.log_artifacts(run_id, str(run.folder))
        # Last of all: whoever is killed before leaves a run that is lost, not one half done.
        self.update(run_id, status=status, attempt="", seconds=f"{seconds:013.3f}")  # MLflow sorts tags as text

    # -- reading -------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """Return one run; ``recorded-<lab>`` is the run that ships with a lab.

        Raises
        ------
        LabError
            If there is no such run.
        """
        from mlflow.exceptions import MlflowException

        if run_id.startswith("recorded-"):
            return recorded_run(run_id.removeprefix("recorded-"))
        try:
            found = self.client.get_run(run_id)
        except MlflowException:
            found = None
        if found is None or "status" not in _own_tags(found):
            raise LabError(f"There is no run {run_id!r}.", "The Runs page lists those there are.")
        return self.read(found)

    def runs(
        self, lab: str | None = None, limit: int = 200, status: tuple[str, ...] = (), group: str = ""
    ) -> list[Run]:
        """Return the newest runs first, of one lab or of all, of one group or of any; errors are read by `run` only."""
        experiments = self.experiments(lab)
        if not experiments:
            return []
        # MLflow's filter has no OR, so a few queries; at most two statuses are ever asked for.
        # Only a run has a status: the record of a sweep, which is an MLflow run as well, has none.
        queries = [f"tags.`{_PREFIX}status` = '{s}'" for s in status] or [f"tags.`{_PREFIX}status` != ''"]
        if group:
            queries = [f"{query} AND tags.`{_PREFIX}group` = '{group}'" for query in queries]
        found = [
            self.read(run, opened=False)
            for query in queries
            for run in self.client.search_runs(
                experiments, query, max_results=limit, order_by=["attributes.start_time DESC"]
            )
        ]
        return sorted(found, key=lambda run: run.created, reverse=True)[:limit]

    def read(self, run: MlflowRun, opened: bool = True) -> Run:
        """Return MLflow's run as ours; only an `opened` one touches its folder, for its error and its local copy."""
        tags, folder = _own_tags(run), self._folder(run, opened)
        error = None
        if opened and tags.get("status") in ("failed", "lost") and (folder / "error.json").exists():
            error = json.loads((folder / "error.json").read_text())
        return Run(
            id=run.info.run_id,
            lab=tags.get("lab", ""),
            name=run.info.run_name,
            status=tags.get("status", "failed"),
            params=json.loads(tags.get("params", "{}")),
            preset=tags.get("preset", ""),
            seed=int(tags.get("seed", 0)),
            device=tags.get("device", ""),
            created=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            seconds=float(tags["seconds"]) if "seconds" in tags else None,
            metrics=dict(run.data.metrics),
            folder=folder,
            error=error,
            progress=json.loads(tags.get("progress", "{}")),
            peak_memory=int(tags.get("peak_memory", 0)),
            scheduler=tags.get("scheduler", ""),
            group=tags.get("group", ""),
            user=tags.get("user", ""),
            star=tags.get("star") == "1",
            note=run.data.tags.get("mlflow.note.content", ""),
            tags=tuple(sorted(key.removeprefix("tag.") for key in tags if key.startswith("tag."))),
            trashed=run.info.lifecycle_stage == "deleted",
        )

    def experiment(self, lab: str) -> str:
        """Return the id of the MLflow experiment that holds the runs of a lab."""
        from mlflow.exceptions import MlflowException

        if lab not in self._experiments:
            name = f"workbench/{lab}"
            known = self.client.get_experiment_by_name(name)
            if known is None:
                place = (self.root / "runs" / lab).as_uri() if self.uri.startswith("sqlite:") else None
                try:
                    self._experiments[lab] = self.client.create_experiment(name, artifact_location=place)
                except MlflowException:  # another process was first
                    known = self.client.get_experiment_by_name(name)
            if known is not None:
                self._experiments[lab] = known.experiment_id
        return self._experiments[lab]

    def experiments(self, lab: str | None = None) -> list[str]:
        """Return the ids of MLflow's experiments that hold a lab's runs, or those of all labs."""
        return [self.experiment(n) for n, known in labs().items() if known.state == "works" and lab in (None, "", n)]

    def is_local(self, run_id: str) -> bool:
        """Return True when the run's folder is on this machine and no copy of what a tracking server keeps."""
        return urlparse(self.client.get_run(run_id).info.artifact_uri).scheme in ("", "file")

    def tune(self) -> None:
        """Update SQLite's table statistics, at most once a minute.

        It would else join 10,000 runs with 10,000 values of a metric by comparing each with each: seconds, not 0.1 s.
        """
        engine = getattr(self.client._tracking_client.store, "engine", None)
        if engine is None or engine.dialect.name != "sqlite" or time.time() - self._tuned < 60:
            return
        self._tuned = time.time()
        with engine.begin() as link:
            link.exec_driver_sql("PRAGMA analysis_limit = 400")
            link.exec_driver_sql("ANALYZE")

    def attempts(self, run_id: str) -> tuple[str, str]:
        """Return the attempt that a run belongs to, and the one that a worker began last, by their Dask keys.

        A run that has ended belongs to none: "". A worker may live on for seconds after its engine is gone and the run
        has been resumed elsewhere.
        """
        tags = self._tags(run_id)
        return tags.get("attempt", ""), tags.get("begun", "")

    # -- inside --------------------------------------------------------------------------------

    def _tags(self, run_id: str) -> dict[str, str]:
        return _own_tags(self.client.get_run(run_id))

    def _folder(self, run: MlflowRun, fetch: bool) -> Path:
        place = urlparse(run.info.artifact_uri)
        if place.scheme in ("", "file"):
            return Path(unquote(place.path))
        folder = self.root / "copies" / run.info.run_id
        ended = _own_tags(run).get("status") not in ACTIVE
        if fetch and ended and not (folder / "run.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.client.download_artifacts(run.info.run_id, "", str(folder))
        return folder


def _own_tags(run: MlflowRun) -> dict[str, str]:
    return {key.removeprefix(_PREFIX): value for key, value in run.data.tags.items() if key.startswith(_PREFIX)}


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Pause garbage collection, which looks again and again through what an import makes, and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let other processes wait meanwhile that open the store; the lock ends with its process."""
    place = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network drive may know no locks
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


@functools.cache
def open_store(uri: str = "", root: str = "") -> Store:
    """Return this process's store; the first call on a new database takes a few seconds.

    Raises
    ------
    LabError
        If the store cannot be reached or written.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    try:
        place = Path(root) if root else home().resolve()
        place.mkdir(parents=True, exist_ok=True)
        database = place / "runs.db"
        if not uri and not database.exists():  # MLflow would try for a minute and a half to make it
            tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise home_error(error) from error
    uri = uri or f"sqlite:///{database}"
    try:
        # Migrations happen here; of SQLite's database, two at once would leave one that is no good to anybody.
        alone = _locked(place) if uri.startswith("sqlite:") else nullcontext()
        with _collection_paused(), alone:  # the import of MLflow takes a third less without collection
            store = Store(uri, place)
            store.client.search_experiments(max_results=1)
    except LabError:
        raise
    except Exception as error:  # whatever the database or server says
        told = user_error(error) or LabError(
            f"The run store at {uri} cannot be opened: {error}", "workbench doctor says more."
        )
        raise told from error
    return store
