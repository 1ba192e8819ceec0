"""A context that keeps everything in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contract.context import stream_seed
from workbench.contract.result import Result, add_point

if TYPE_CHECKING:
    import torch


class MemoryContext:
    """A `Context` that keeps everything in memory: for tests, notebooks and a look inside a lab."""

    def __init__(
        self,
        seed: int = 0,
        device: str = "cpu",
        stop_after: int | None = None,
        state: dict[str, Any] | None = None,
    ):
        self.seed = seed
        self.device = device
        self.stop_after = stop_after  # obey a stop after that many progress calls
        self.steps: list[tuple[int, int, str]] = []
        self.lines: list[str] = []
        self.kept = Result()
        self.models: dict[str, dict[str, Any]] = {}
        self.state = state  # the last checkpoint
        self.data_used: dict[str, str] = {}

    def progress(self, done: int, total: int, stage: str) -> None:
        self.steps.append((done, total, stage))

    def metric(self, key: str, value: float, step: int) -> None:
        add_point(self.kept.curves, key, float(value), step)

    def log(self, text: str) -> None:
        self.lines.append(text)

    def save(self, name: str, value: Any) -> None:
        if isinstance(value, dict):
            self.models[name] = value
            return
        kind = {np.ndarray: self.kept.arrays, bytes: self.kept.media}.get(type(value), self.kept.tables)
        kind[name] = value  # type: ignore[index]

    def checkpoint(self, state: dict[str, Any]) -> None:
        self.state = state

    def resume(self) -> dict[str, Any] | None:
        return self.state

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.steps) >= self.stop_after

    def rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng(stream_seed(self.seed, stream))

    def generator(self, stream: str) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(stream_seed(self.seed, stream))

    def data(self, name: str) -> Path:
        from workbench.data.catalog.catalog import resolve

        path, digest = resolve(name)
        self.data_used[name] = digest
        return path
