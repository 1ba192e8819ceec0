"""Training on one device by Lightning Fabric, and its state as flat tensors for checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

State = dict[str, Tensor]


def fabric_for(device: str) -> Fabric:
    """Return Fabric for one device, named as torch does (``cpu``, ``cuda:0``)."""
    where = torch.device(device)
    return Fabric(accelerator=where.type, devices=[where.index or 0] if where.type == "cuda" else 1)


def training_state(step: int, model: nn.Module, optimizer: Any) -> State:
    """Return step, weights and both moments of AdamW by flat names."""
    weights = {f"model/{k}": v.detach().clone() for k, v in model.state_dict().items()}
    return {"step": torch.tensor(step)} | weights | optimizer_moments(optimizer)


def restore_training(state: State, model: nn.Module, optimizer: Any) -> int:
    """Restore what `training_state` returned; returns the steps done."""
    model.load_state_dict({k.removeprefix("model/"): v for k, v in state.items() if k.startswith("model/")})
    restore_moments(optimizer, state)
    return int(state["step"])


def optimizer_moments(optimizer: Any) -> State:
    """Return what AdamW remembers of every weight, by flat names."""
    kept = optimizer.state_dict()["state"].items()
    return {f"adamw/{i}/{name}": torch.as_tensor(value).clone() for i, known in kept for name, value in known.items()}


def restore_moments(optimizer: Any, state: State) -> None:
    """Restore what `optimizer_moments` returned; other names in `state` are left alone."""
    whole = optimizer.state_dict()
    for name, value in state.items():
        if name.startswith("adamw/"):
            _, index, key = name.split("/")
            whole["state"].setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(whole)
