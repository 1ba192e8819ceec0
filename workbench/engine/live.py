"""Snapshots of a run in progress, updated by the events of its worker."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.contract.result import Result, add_point
from workbench.runs.record import ACTIVE, Run

KEPT_LOG = 200  # lines of log in a snapshot


@dataclass(frozen=True)
class Live:
    """A snapshot of a run that is queued or running, or has just ended."""

    run_id: str
    status: str = "queued"
    queue_position: int = 0  # 1 = next; 0 = not queued here
    stage: str = ""
    done: int = 0
    total: int = 0
    elapsed: float = 0.0  # seconds since it started
    remaining: float | None = None  # seconds, guessed from the present stage
    curves: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    peak_memory: int = 0  # bytes
    device: str = ""
    worker: str = ""
    stopping: bool = False
    error: dict[str, str] | None = None


@dataclass
class Task:
    """State of an attempt at a run in an engine; a run that is resumed gets another."""

    live: Live
    key: str = ""  # names the attempt: that of its Dask task; a later attempt at the run has a greater one
    future: Any = None
    started: float | None = None
    stage_started: float = 0.0
    kill_at: float | None = None  # set once the user asked to stop
    closing: bool = False  # somebody is writing down its end
    foreign: bool = False  # it belongs to another process; we look, and leave word when it is to stop
    folder: Path | None = None  # of the run, where that word is left
    user: str = ""
    turn: int = 0  # when it gets a slot: the lowest first (see workbench.engine.fairness)

    @property
    def active(self) -> bool:
        return self.live.status in ACTIVE

    def now(self, queue: list[str]) -> Live:
        """Return the snapshot with its times, or its place among the queued runs."""
        live = replace(self.live, stopping=self.kill_at is not None and self.active)
        if live.status == "queued":
            return replace(live, queue_position=0 if self.foreign else 1 + queue.index(live.run_id))
        if live.status != "running" or self.started is None:
            return live
        now, share = time.time(), live.done / live.total if live.total else 0
        remaining = (now - self.stage_started) * (1 - share) / share if share > 0 else None
        return replace(live, elapsed=now - self.started, remaining=remaining)

    def update(self, message: dict[str, Any]) -> None:
        """Process an event of the worker that runs it."""
        live = self.live
        if message.get("status") == "running":
            self.started = self.stage_started = message["started"]
            live = replace(live, device=message["device"], stage="")
        progress = message.get("progress") or {}
        if progress and progress["stage"] != live.stage:
            self.stage_started = time.time()
        for key, value, step in message.get("points", ()):
            add_point(live.curves, key, value, step)
        self.live = replace(
            live,
            status=message.get("status", live.status),
            error=message.get("error"),
            worker=message["worker"],
            log=[*live.log, *message.get("lines", ())][-KEPT_LOG:],  # events bring tuples
            peak_memory=max(live.peak_memory, message.get("peak_memory", 0)),
            **progress,
        )


def snapshot(run: Run) -> Live:
    """Return what the store knows of a run as a snapshot."""
    curves = Result.load(run.folder).curves
    log = run.log.splitlines()[-KEPT_LOG:]
    known = {"status": run.status, "device": run.device, "peak_memory": run.peak_memory, "error": run.error}
    return Live(run.id, curves=curves, log=log, **known, **run.progress)
