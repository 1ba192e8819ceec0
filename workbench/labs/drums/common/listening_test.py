"""Blind listening: two players on one prompt, a choice, and who is preferred. Choices are kept beside the runs."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data.catalog.cache import home

CHOICES = ("first", "second", "neither")
Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Pair:
    """Two players on one prompt, in the order in which they are heard."""

    prompt_number: int
    first: str
    second: str


def draw(players: list[str], prompts: list[int], heard: pd.DataFrame, rng: np.random.Generator) -> Pair:
    """Return a pair among those of players that were heard least often; prompt and order are drawn."""
    pairs = list(combinations(sorted(players), 2))
    times = [len(between(heard, *pair)) for pair in pairs]
    least = [pair for pair, n in zip(pairs, times, strict=True) if n == min(times)]
    first, second = rng.permutation(least[rng.integers(len(least))]).tolist()
    return Pair(int(rng.choice(prompts)), first, second)


def between(heard: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Return the choices between two players, in either order."""
    if heard.empty:
        return heard
    return heard[[{first, second} == {a, b} for first, second in zip(heard["first"], heard["second"], strict=True)]]


def file_of(run_id: str) -> Path:
    """Return where the choices about a run are kept: beside the runs, for a recorded run's folder may be read-only."""
    return home() / "listening" / f"{re.sub(r'[^A-Za-z0-9_-]', '', run_id)}.jsonl"


def keep(run_id: str, pair: Pair, choice: str) -> None:
    """Add a choice to those about a run; the line is written at once, so several listeners may sit at it.

    Raises
    ------
    ValueError
        If the choice is none of `CHOICES`.
    """
    if choice not in CHOICES:
        raise ValueError(f"{choice!r} is no choice")
    path = file_of(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = asdict(pair) | {"choice": choice, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def choices(run_id: str) -> pd.DataFrame:
    """Return the choices about a run: prompt_number, first, second, choice, at; a line that is torn is left out."""
    path = file_of(run_id)
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return pd.DataFrame(rows, columns=["prompt_number", "first", "second", "choice", "at"])


def preferences(heard: pd.DataFrame) -> pd.DataFrame:
    """Return how often each player was preferred to whom it was heard beside; "neither" counts half.

    Returns
    -------
    DataFrame
        player, heard (pairs), share, low, high: Wilson's 95 % interval of the share. It takes choices as independent,
        which those of one listener are not quite.
    """
    rows = []
    for player in sorted({*heard["first"], *heard["second"]}):
        as_first, as_second = heard[heard["first"] == player], heard[heard["second"] == player]
        own = len(as_first) + len(as_second)
        won = (as_first["choice"] == "first").sum() + (as_second["choice"] == "second").sum()
        half = (as_first["choice"] == "neither").sum() + (as_second["choice"] == "neither").sum()
        share = float(won + half / 2) / own
        rows.append({"player": player, "heard": own, "share": share} | wilson(share, own))
    return pd.DataFrame(rows, columns=["player", "heard", "share", "low", "high"])


def wilson(share: float, n: int) -> dict[str, float]:
    """Return Wilson's 95 % interval of a share of n.

    Examples
    --------
    >>> {key: round(value, 3) for key, value in wilson(0.5, 10).items()}
    {'low': 0.237, 'high': 0.763}
    """
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return {"low": middle - half, "high": middle + half}
