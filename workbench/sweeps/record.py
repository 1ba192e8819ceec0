"""Sweeps in the store: each is an MLflow run that is the parent of its runs, so that ``mlflow ui`` nests them.

Its id is the group of its runs. It has no status of a run, therefore `Store.runs` does not list it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab, labs
from workbench.engine.owner import owner_gone
from workbench.runs.record import Run
from workbench.runs.store import Store
from workbench.sweeps.spec import MOST_RUNS, Spec

PARENT = "mlflow.parentRunId"
_PREFIX = "workbench.sweep."
_LONGEST = 7900  # characters that MLflow keeps of a tag
_MLFLOW_STATUS = {"running": "RUNNING", "done": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "lost": "FAILED"}


@dataclass(frozen=True)
class SweepRecord:
    """A sweep as the store knows it.

    Attributes
    ----------
    id, name, created
        Its identifier, its readable name, and when it was asked for (UTC).
    spec
        What it asks for.
    status
        ``"running"`` or ``"stopping"`` while a process leads it, ``"done"`` when every run has ended, ``"stopped"``
        by a user, ``"failed"`` when it could not go on (then `error` says why), ``"lost"`` when the process that led
        it is gone.
    owner
        The process that leads it, or led it last.
    retried
        Ids of the runs that lost their worker and were resumed once.
    error
        Why it could not go on.
    """

    id: str
    name: str
    created: datetime
    spec: Spec
    status: Literal["running", "stopping", "done", "stopped", "failed", "lost"]
    owner: str
    retried: tuple[str, ...] = ()
    error: str = ""

    @property
    def active(self) -> bool:
        return self.status in ("running", "stopping")


def create(store: Store, spec: Spec, owner: str, name: str = "") -> SweepRecord:
    """Record a new sweep.

    Raises
    ------
    LabError
        If what it asks for is too long to be kept.
    """
    if len(spec.to_text()) > _LONGEST:
        raise LabError("What this sweep asks for is too long to be kept.", "Take fewer values, or shorter ones.")
    created = int(time.time() * 1000)
    words = " × ".join(f"{axis} ({len(values)})" for axis, values in spec.axes.items())
    tags = {"spec": spec.to_text(), "status": "running", "owner": owner}
    made = store.client.create_run(
        store.experiment(spec.lab),
        start_time=created,
        tags={_PREFIX + key: value for key, value in tags.items()} | {"mlflow.source.name": "workbench"},
        run_name=name or f"{spec.lab} sweep of {words}",
    )
    return read(store, made.info.run_id)


def read(store: Store, sweep_id: str) -> SweepRecord:
    """Return a sweep by its id.

    Raises
    ------
    LabError
        If there is none.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = store.client.get_run(sweep_id)
    except MlflowException:
        found = None
    if found is None or f"{_PREFIX}spec" not in found.data.tags:
        raise LabError(f"There is no sweep {sweep_id!r}.", "The Runs page lists those there are.")
    return _read(found)


def update(store: Store, sweep_id: str, **tags: str) -> None:
    """Change the status, owner, retried or error of a sweep, or what its leader is asked (``"stop"``)."""
    from mlflow.entities import RunTag

    store.client.log_batch(sweep_id, tags=[RunTag(_PREFIX + key, text[:_LONGEST]) for key, text in tags.items()])
    status = _MLFLOW_STATUS.get(tags.get("status", ""))
    if status == "RUNNING":
        store.client.update_run(sweep_id, status=status)
    elif status:
        store.client.set_terminated(sweep_id, status)


def listed(store: Store, lab: str | None = None, limit: int = 20) -> list[SweepRecord]:
    """Return the newest sweeps first, of one lab or of all."""
    names = [get_lab(lab).name] if lab else [name for name, known in labs().items() if known.state == "works"]
    found = store.client.search_runs(
        [store.experiment(name) for name in names],
        f"tags.`{_PREFIX}status` != ''",
        max_results=limit,
        order_by=["attributes.start_time DESC"],
    )
    return [_read(run) for run in found]


def runs_of(store: Store, record: SweepRecord) -> list[Run]:
    """Return the runs of a sweep, the first one first."""
    return store.runs(record.spec.lab, MOST_RUNS, group=record.id)[::-1]


def add_run(store: Store, sweep_id: str, run_id: str) -> None:
    """Set the parent of a run in MLflow."""
    store.client.set_tag(run_id, PARENT, sweep_id)


def _read(run: Any) -> SweepRecord:
    tags = {key.removeprefix(_PREFIX): text for key, text in run.data.tags.items() if key.startswith(_PREFIX)}
    status, owner = tags["status"], tags["owner"]
    if status == "running":
        status = "lost" if owner_gone(owner) else "stopping" if tags.get("asked") == "stop" else status
    return SweepRecord(
        id=run.info.run_id,
        name=run.info.run_name,
        created=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        spec=Spec.from_text(tags["spec"]),
        status=status,
        owner=owner,
        retried=tuple(json.loads(tags.get("retried", "[]"))),
        error=tags.get("error", ""),
    )
