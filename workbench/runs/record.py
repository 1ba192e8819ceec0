"""The record of a run as plain data, and the folder that holds its result. Loads without torch."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.lab import Verdict, get_lab
from workbench.contract.result import Result

# in run.json as they are
KEPT = ("id", "lab", "name", "status", "params", "preset", "seed", "group", "user", "star", "note")
STATUSES = ("queued", "running", "done", "stopped", "failed", "lost", "recorded")
ACTIVE = ("queued", "running")
RESUMABLE = ("stopped", "failed", "lost")


@dataclass(frozen=True)
class Run:
    """One run as the store knows it.

    Attributes
    ----------
    id, lab, name
        Its identifier, the name of its lab, and its readable name.
    status
        One of `STATUSES`.
    params, preset, seed, device
        What it was asked to do, and where it ran.
    created, seconds
        When it was submitted (UTC) and how long it ran.
    metrics
        Headline numbers and the last value of each curve.
    folder
        Where its result, log, checkpoint and models are.
    error
        None, or its cause, hint and traceback in words.
    progress
        ``stage``, ``done`` and ``total`` as last heard.
    scheduler
        Which engine owns it while it is queued or running.
    group
        The sweep or named group it belongs to; empty for none.
    user
        Who asked for it: the name at the login, else that of the account on this machine.
    star, note, tags
        What its user keeps it by: a mark, free text, and short words.
    trashed
        True while it lies in the trash.
    """

    id: str
    lab: str
    name: str
    status: str
    params: dict[str, Any]
    preset: str
    seed: int
    device: str
    created: datetime
    seconds: float | None
    metrics: dict[str, float]
    folder: Path
    error: dict[str, str] | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    peak_memory: int = 0
    scheduler: str = ""
    group: str = ""
    user: str = ""
    star: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    trashed: bool = False

    @property
    def finished(self) -> bool:
        return self.status not in ACTIVE

    @functools.cached_property
    def result(self) -> Result:
        return Result.load(self.folder)

    @functools.cached_property
    def provenance(self) -> dict[str, Any]:
        """Commit, packages, data hashes, platform and timings of the run."""
        path = self.folder / "provenance.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def log(self) -> str:
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def claims(self) -> dict[str, Verdict]:
        """Return the verdict on every claim of its lab."""
        return get_lab(self.lab).judge(self.result)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values: what ``run.json`` holds."""
        plain = {key: getattr(self, key) for key in KEPT}
        metrics = {key: value if math.isfinite(value) else None for key, value in self.metrics.items()}
        plain |= {"device": self.device, "created": self.created.isoformat(), "seconds": self.seconds}
        plain |= {"tags": list(self.tags)}
        return plain | {"metrics": metrics, "error": self.error, "peak_memory": self.peak_memory}


def read_record(folder: Path) -> Run:
    """Return the run kept in a folder with a ``run.json``: a recorded or an exported one."""
    plain = json.loads((folder / "run.json").read_text())
    metrics = {key: math.nan if value is None else value for key, value in plain.pop("metrics").items()}
    plain |= {"created": datetime.fromisoformat(plain["created"]), "tags": tuple(plain.get("tags", ()))}
    return Run(**plain | {"metrics": metrics, "folder": folder})


def recorded_run(lab: str) -> Run:
    """Return the recorded run that ships with a lab.

    Raises
    ------
    LabError
        If the lab has none.
    """
    folder = get_lab(lab).recorded
    if folder is None:
        raise LabError(f"The lab {lab!r} has no recorded run.", f"Make one: workbench record {lab}")
    return replace(read_record(folder), id=f"recorded-{lab}", status="recorded")
