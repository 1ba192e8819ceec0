"""The `Context` of a running lab: progress, metrics, checkpoints, random numbers and data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch


class Context(Protocol):
    """Services of the workbench for a running lab: its device, and ten methods."""

    device: str
    """``"cpu"`` or ``"cuda:0"``, as torch spells it."""

    def progress(self, done: int, total: int, stage: str) -> None:
        """Report the progress of the present stage."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Add a point to a live curve; steps rise, and a step told again replaces all from there on."""

    def log(self, text: str) -> None:
        """Add a line to the log."""

    def save(self, name: str, value: Any) -> None:
        """Keep a piece of the result now, so that even a killed run shows it.

        A DataFrame becomes a table, an ndarray an array, bytes a media file (name with its suffix), and a
        dict of tensors a model (safetensors). The piece is part of the final result.
        """

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Keep the state (tensors and arrays by name) from which the run can go on; the one before it is kept too."""

    def resume(self) -> dict[str, Any] | None:
        """Return the last checkpoint of this run, or None at a fresh start."""

    def should_stop(self) -> bool:
        """Return True once the user asked to stop: return the partial result soon."""

    def rng(self, stream: str) -> np.random.Generator:
        """Return NumPy's generator for one named use; the same seed and name give the same numbers."""

    def generator(self, stream: str) -> torch.Generator:
        """Return torch's generator (on the CPU) for one named use."""

    def data(self, name: str) -> Path:
        """Return the local path of a catalog entry, or of a user's own file; its hash joins the run."""


def stream_seed(seed: int, stream: str) -> int:
    """Return a 63-bit seed for one named use of a run's seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:8], "little") >> 1
