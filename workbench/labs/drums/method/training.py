"""Training of the small GPT: first on a text or on nothing, then on grooves; and how well it predicts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.labs.drums.common.drumroll import END, SEP, separated
from workbench.labs.drums.method.model import Gpt, encode
from workbench.toolkit.training import fabric_for, restore_training, training_state

Rng = np.random.Generator
Batch = tuple[Tensor, Tensor]  # characters read and characters to foretell, both (B, T); -100 where nothing is asked
IGNORED = -100
WARM = 0.05  # share of the steps in which the rate rises
GUIDE = 2  # bars of the prompt


def train(
    model: Gpt,
    batch_at: Callable[[int], Batch],
    steps: int,
    rate: float,
    device: str,
    state: dict[str, Tensor] | None = None,
) -> Iterator[tuple[int, float, Callable[[], dict[str, Tensor]]]]:
    """Train a model for some steps, or for those that a state lacks.

    Parameters
    ----------
    model
        Is trained in place.
    batch_at
        Returns the batch of a step: a function of the step alone, so that a resumed training sees the same.
    steps, rate
        How many steps, and the highest learning rate: it rises, then falls along a cosine to a tenth.
    device
        As torch names it.
    state
        From an earlier call: goes on there.

    Yields
    ------
    step, loss, freeze
        Steps done, the loss in bits a character, and a function that returns the state.
    """
    fabric = fabric_for(device)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    net, optimizer = fabric.setup(model, torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98)))
    done = restore_training(state, model, optimizer) if state else 0
    model.train()
    for step in range(done, steps):
        set_rate(optimizer, rate, step, steps)
        tokens, targets = (fabric.to_device(t) for t in batch_at(step))
        loss = nn.functional.cross_entropy(net(tokens).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(net, optimizer, max_norm=1.0)
        optimizer.step()
        yield step + 1, float(loss.detach()) / math.log(2), lambda at=step + 1: training_state(at, model, optimizer)


def set_rate(optimizer: Any, rate: float, step: int, steps: int) -> None:
    """Set the learning rate of a step: a short linear rise, then half a cosine down to a tenth."""
    warm = max(1, round(WARM * steps))
    slope = 0.1 + 0.45 * (1 + math.cos(math.pi * max(0, step - warm) / max(1, steps - warm)))
    for group in optimizer.param_groups:
        group["lr"] = rate * min((step + 1) / warm, slope)


# What is read ----------------------------------------------------------------------------------------------------


def slices(codes: np.ndarray, batch: int, length: int, rng: Rng) -> Batch:
    """Return random stretches of a text: every character is to be foretold."""
    starts = rng.integers(0, len(codes) - length - 1, batch)
    rows = torch.from_numpy(codes[starts[:, None] + np.arange(length + 1)].astype(np.int64))  # (B, T + 1)
    return rows[:, :-1], rows[:, 1:]


def windows(grooves: Sequence[np.ndarray], batch: int, bars: int, rng: Rng) -> Batch:
    """Return random stretches of grooves in the paper's form: two bars of prompt, and the rest to be foretold.

    Parameters
    ----------
    grooves
        Bars (bars, 16, 6) of each.
    batch, bars
        How many stretches, and their length with the prompt; a groove shorter than that is taken whole.
    rng
        Draws.
    """
    return stacked([pair(*stretch(grooves, bars, rng)) for _ in range(batch)])


def stretch(grooves: Sequence[np.ndarray], bars: int, rng: Rng) -> tuple[np.ndarray, bool]:
    """Return a random stretch of a random groove, and whether the groove ends with it."""
    groove = grooves[rng.integers(len(grooves))]
    start = int(rng.integers(0, max(1, len(groove) - bars + 1)))
    return groove[start : start + bars], start + bars >= len(groove)


def pair(bars: np.ndarray, ends: bool) -> tuple[list[int], int]:
    """Return the codes of bars (bars, 16, 6), closed by END if the groove ends there, and the length of the prompt."""
    text = separated(bars.reshape(-1, bars.shape[-1]))
    if ends:
        text = text.removesuffix(f"{SEP}\n") + END
    return encode(text), len(separated(bars[:GUIDE].reshape(-1, bars.shape[-1])))


def stacked(texts: list[tuple[list[int], int]]) -> Batch:
    """Return texts of several lengths as one batch; neither prompts nor filling are asked for."""
    longest = max(len(codes) for codes, _ in texts)
    tokens = torch.full((len(texts), longest), ord("\n"))
    targets = torch.full((len(texts), longest), IGNORED)
    for i, (codes, prompt) in enumerate(texts):
        tokens[i, : len(codes)] = torch.tensor(codes)
        targets[i, prompt : len(codes)] = tokens[i, prompt : len(codes)]
    return tokens[:, :-1], targets[:, 1:]


# How well it predicts --------------------------------------------------------------------------------------------


@torch.no_grad()
def bits_per_character(model: Gpt, grooves: list[np.ndarray], bars: int, batch: int = 8) -> np.ndarray:
    """Return the mean bits a character of the completion, one value a groove, over its first `bars` bars.

    NaN for a groove of two bars, of which nothing is to be foretold.
    """
    model.eval()
    found = []
    for start in range(0, len(grooves), batch):
        texts = [pair(groove[:bars], len(groove) <= bars) for groove in grooves[start : start + batch]]
        tokens, targets = (t.to(model.embed.weight.device) for t in stacked(texts))
        loss = nn.functional.cross_entropy(model(tokens).transpose(1, 2), targets, reduction="none")  # (B, T)
        asked = (targets != IGNORED).sum(1)
        found.append((loss.sum(1) / asked / math.log(2)).double().cpu().numpy())
    return np.concatenate(found)
