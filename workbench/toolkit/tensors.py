"""Models and checkpoints as safetensors files: nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from workbench.contract.result import atomic_write

CHECKPOINTS = ("checkpoint.safetensors", "checkpoint-before.safetensors")


def save_tensors(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and arrays as safetensors, atomically."""
    import torch
    from safetensors.torch import save_file

    tensors = {key: torch.as_tensor(value).detach().cpu().contiguous() for key, value in state.items()}
    with atomic_write(path) as partial:
        save_file(tensors, partial)


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of a run, and keep the one before it: at every moment one of the two is whole."""
    newest, before = (folder / name for name in CHECKPOINTS)
    fresh = folder / f"checkpoint-new-{os.getpid()}.safetensors"  # another process may be dying over this run
    save_tensors(fresh, state)  # first of all: the newest may be torn, and must not take the place of a whole one
    with contextlib.suppress(FileNotFoundError):  # there is none yet
        newest.replace(before)
    fresh.replace(newest)


def load_last_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the newest checkpoint of a run that can be read, or None."""
    for name in CHECKPOINTS:
        try:
            return load_tensors(folder / name)
        except Exception:  # missing or torn: the one before it is as good, only a little older
            continue
    return None


def load_tensors(path: Path) -> dict[str, Any]:
    """Read a safetensors file to the CPU."""
    from safetensors.torch import load_file

    return load_file(path)
