"""Models and checkpoints as safetensors files: nothing is ever unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def save_tensors(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and arrays as safetensors, whole or not at all."""
    import torch
    from safetensors.torch import save_file

    tensors = {key: torch.as_tensor(value).detach().cpu().contiguous() for key, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file(tensors, partial)
    partial.replace(path)


def load_tensors(path: Path) -> dict[str, Any]:
    """Read a safetensors file to the CPU."""
    from safetensors.torch import load_file

    return load_file(path)
