"""Evaluation of the players: continuations of the test prompts, their measures, copies and intervals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from workbench.labs.drums.common.drumroll import BAR
from workbench.labs.drums.common.measures import occurrences, per_groove
from workbench.labs.drums.common.players import Player
from workbench.toolkit.statistics import Interval, interval

MEASURES = (
    "mean",
    "between",
    "within",
    "masked_mean",
    "masked_between",
    "masked_within",
    "distinct",
    "fills",
    "timed",
    "train",
    "prompt",
    "hits",
    "silent",
)
TIMES = {"never": (0, 0), "once": (1, 1), "2-4": (2, 4), "5-19": (5, 19), "20 or more": (20, 10**9)}
HUMAN = "human"


def measured(player: str, seed: int, grooves: list[np.ndarray], prompts: list[int], reference: Counter) -> list[dict]:
    """Return a row for each groove (steps, 6), a prompt and its continuation.

    Parameters
    ----------
    player, seed
        Who played, and which training of it.
    grooves, prompts
        What was played, and which prompt each goes on from.
    reference
        The bars of the training grooves, counted.
    """
    found = per_groove(grooves, reference)
    ends = [np.bincount(bucket(occurrences(rows, reference)), minlength=len(TIMES)) for rows in grooves]
    rows = []
    for row, prompt, times in zip(found.to_dict("records"), prompts, ends, strict=True):
        counts = {f"in train {name}": int(n) for name, n in zip(TIMES, times, strict=True)}
        rows.append({"player": player, "seed": seed, "prompt_number": prompt} | row | counts)
    return rows


def bucket(times: np.ndarray) -> np.ndarray:
    """Return which of `TIMES` each number falls into."""
    return np.searchsorted([low for low, _ in TIMES.values()], times, side="right") - 1


def counted(player: Player, prompts: list[np.ndarray], bars: int, seed: int, taste: dict) -> list[np.ndarray]:
    """Continue each prompt (steps, 6) with a player without a network; returns prompts with their continuations."""
    found = []
    for number, prompt in enumerate(prompts):
        new = player.continue_(prompt, bars, seed=seed * 10_000 + number, **taste)
        found.append(np.concatenate([prompt, *new]))
    return found


# Intervals -------------------------------------------------------------------------------------------------------


def by_prompt(rows: pd.DataFrame, player: str, measure: str) -> pd.DataFrame:
    """Return the mean of a measure over samples: a row a prompt, a column a training (seed)."""
    own = rows[rows["player"] == player]
    return own.pivot_table(measure, "prompt_number", "seed").dropna(how="all")


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and interval (value, low, high) of every measure of every player, over so many prompts."""
    found = []
    for player in rows["player"].unique():
        own = rows[rows["player"] == player]
        for measure in MEASURES:
            values = by_prompt(rows, player, measure)
            value, low, high = interval(values.to_numpy())
            row = {"player": player, "measure": measure, "value": value, "low": low, "high": high}
            found.append(row | {"prompts": len(values), "grooves": len(own)})
    return pd.DataFrame(found)


def difference(rows: pd.DataFrame, a: str, b: str, measure: str) -> Interval:
    """Return the mean of a - b, paired by prompt and training, and its 95 % bootstrap interval over both.

    A player with a single training, such as people, stands against every training of the other.
    """
    first, second = by_prompt(rows, a, measure), by_prompt(rows, b, measure)
    first, second = first.align(second, join="inner", axis=0)
    if min(first.shape[1], second.shape[1]) > 1:
        first, second = first.align(second, join="inner", axis=1)
    return interval(first.to_numpy() - second.to_numpy())


def packed_rows(grooves: list[np.ndarray], bars: int) -> np.ndarray:
    """Return grooves (steps, 6) as bytes (grooves, bars * 12), silence behind their ends: what a run keeps of them."""
    cells = np.zeros((len(grooves), bars * BAR, 6), bool)
    for cell, rows in zip(cells, grooves, strict=True):
        cell[: len(rows)] = rows[: bars * BAR]
    return np.packbits(cells.reshape(len(grooves), -1), axis=1)


def unpacked_rows(blob: np.ndarray) -> np.ndarray:
    """Return what `packed_rows` made small: bool (grooves, steps, 6).

    Examples
    --------
    >>> rows = np.eye(16, 6, dtype=bool)
    >>> (unpacked_rows(packed_rows([rows], 1))[0] == rows).all()
    np.True_
    """
    return np.unpackbits(blob, axis=1).reshape(len(blob), -1, 6).astype(bool)
