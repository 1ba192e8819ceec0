"""Players that continue a groove: one verb for the networks and for those that only count and copy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from workbench.labs.drums.common.drumroll import BAR, WIDTH

BITS = 1 << np.arange(WIDTH)[::-1]  # a row as a number 0..63
ROWS = ((np.arange(2**WIDTH)[:, None] & BITS) > 0).astype(bool)  # (64, 6)
REACH = 8  # rows that the n-gram looks back


class Player(Protocol):
    """Whoever can go on with a groove."""

    name: str

    def continue_(
        self,
        prompt: np.ndarray,
        bars: int,
        seed: int = 0,
        temperature: float = 0.9,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> Iterator[np.ndarray]:
        """Yield up to `bars` bars (16, 6) that follow the rows of a prompt (steps, 6), each as soon as it is made."""


class Coin:
    """Each cell is a hit or not by the toss of a fair coin: the authors' random player."""

    name = "random"

    def continue_(self, prompt, bars, seed=0, temperature=0.9, top_k=0, top_p=1.0):
        rng = np.random.default_rng(seed)
        for _ in range(bars):
            yield rng.random((BAR, WIDTH)) < 0.5


class Copy:
    """Plays the last two bars again and again."""

    name = "copy two bars"

    def continue_(self, prompt, bars, seed=0, temperature=0.9, top_k=0, top_p=1.0):
        last = prompt[-2 * BAR :].reshape(-1, BAR, WIDTH)
        for index in range(bars):
            yield last[index % len(last)]


class BarChain:
    """Draws a bar among those that followed the last one in the training grooves (a first-order Markov chain).

    A bar that was never followed by another is repeated: there is nothing else the chain could know.
    """

    name = "bar chain"

    def __init__(self, grooves: list[np.ndarray]):
        self.after: dict[bytes, Counter] = defaultdict(Counter)
        for rows in grooves:
            bars = [bar.tobytes() for bar in whole_bars(rows)]
            for bar, following in zip(bars, bars[1:], strict=False):
                self.after[bar][following] += 1

    def continue_(self, prompt, bars, seed=0, temperature=0.9, top_k=0, top_p=1.0):
        rng, last = np.random.default_rng(seed), whole_bars(prompt)[-1].tobytes()
        for _ in range(bars):
            counts = self.after.get(last) or Counter([last])
            weights = tempered(np.array([*counts.values()], float), temperature, top_k, top_p)
            last = list(counts)[rng.choice(len(weights), p=weights)]
            yield np.frombuffer(last, bool).reshape(BAR, WIDTH)


class Ngram:
    """Draws a row from what followed the last rows at that place of the bar, over as many of them as were ever seen.

    It backs off from 8 rows to none (the place alone), at each length to what was counted there.
    """

    name = "n-gram"

    def __init__(self, grooves: list[np.ndarray], reach: int = REACH):
        self.reach = reach
        self.counts: dict[tuple, Counter] = defaultdict(Counter)
        for rows in grooves:
            numbers = row_numbers(rows).tolist()
            for i, row in enumerate(numbers):
                for k in range(min(reach, i) + 1):
                    self.counts[i % BAR, *numbers[i - k : i]][row] += 1

    def weights(self, before: list[int]) -> Counter:
        """Return what was counted after these rows, from the longest stretch of them that was seen."""
        for k in range(min(self.reach, len(before)), -1, -1):
            if found := self.counts.get((len(before) % BAR, *before[len(before) - k :])):
                return found
        return Counter({0: 1})  # nothing was counted at all: silence

    def continue_(self, prompt, bars, seed=0, temperature=0.9, top_k=0, top_p=1.0):
        rng, rows = np.random.default_rng(seed), row_numbers(prompt).tolist()
        for _ in range(bars):
            for _ in range(BAR):
                found = self.weights(rows)
                weights = tempered(np.array([*found.values()], float), temperature, top_k, top_p)
                rows.append(list(found)[rng.choice(len(weights), p=weights)])
            yield ROWS[rows[-BAR:]]


def whole_bars(rows: np.ndarray) -> np.ndarray:
    """Return the whole bars (bars, 16, 6) of some rows."""
    return np.ascontiguousarray(rows[: len(rows) // BAR * BAR], bool).reshape(-1, BAR, WIDTH)


def row_numbers(rows: np.ndarray) -> np.ndarray:
    """Return each row (steps, 6) as a number 0..63, crash first."""
    return np.asarray(rows, bool) @ BITS


def tempered(weights: np.ndarray, temperature: float, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """Return probabilities from counts, sharpened and cut as the sampler does with a network's.

    Examples
    --------
    >>> tempered(np.array([1.0, 3.0]), 0.5)
    array([0.1, 0.9])
    >>> tempered(np.array([1.0, 3.0, 4.0]), 1.0, top_k=2).round(3)
    array([0.   , 0.429, 0.571])
    """
    if temperature <= 0:
        return np.eye(len(weights))[weights.argmax()]
    share = (weights / weights.max()) ** (1 / temperature)
    if top_k:
        share = np.where(share >= np.sort(share)[::-1][min(top_k, len(share)) - 1], share, 0)
    share = share / share.sum()
    order = np.argsort(-share, kind="stable")
    late = np.cumsum(share[order]) - share[order] >= top_p
    share[order[late]] = 0
    return share / share.sum()
