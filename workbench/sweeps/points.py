"""The points of a sweep: a grid, a random sample, or suggestions of Optuna."""

from __future__ import annotations

import math
import random
from typing import Any

from workbench.sweeps.spec import Point, Spec

SEED = 0  # of what is chosen by chance, so that a sweep that goes on chooses the same


def point_at(spec: Spec, index: int) -> Point:
    """Return the point of a number from 0 to ``spec.size - 1``; the last axis changes fastest."""
    point = {}
    for name, values in reversed(spec.axes.items()):
        index, place = divmod(index, len(values))
        point[name] = values[place]
    return {name: point[name] for name in spec.axes}


def planned(spec: Spec) -> list[Point] | None:
    """Return the points of a grid or a random sweep, or None when they depend on what comes out."""
    if spec.search == "optuna":
        return None
    places = range(spec.size)
    chosen = places if spec.search == "grid" else random.Random(SEED).sample(places, spec.count)
    return [point_at(spec, index) for index in chosen]


def name_of(point: Point, seed: int | None = None) -> str:
    """Return a point, or a run of it, in words: ``eps = 0.1, rows = 200, seed 3``."""
    words = [f"{name} = {text_of(value)}" for name, value in point.items()]
    return ", ".join(words if seed is None else [*words, f"seed {seed}"])


def text_of(value: Any) -> str:
    """Return the value of an axis in words."""
    return " + ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


class Asker:
    """Asks Optuna for the next point of a sweep, and tells it what the runs gave.

    Each axis is an integer to Optuna, the place of its value, so that it knows which values are near each other.

    Parameters
    ----------
    spec
        What the sweep asks for.
    known
        How many points are known from before a restart: a sampler that starts again with the same seed would ask for
        the same points again.
    """

    def __init__(self, spec: Spec, known: int = 0):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._spec = spec
        self._chance = random.Random(SEED + known)
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=SEED + known), direction=spec.direction
        )
        self._trials: dict[str, Any] = {}  # every point asked for, by name
        self._fail = optuna.trial.TrialState.FAIL

    def ask(self) -> Point:
        """Return a point that was not asked for yet."""
        trial, point = self._next()
        if name_of(point) in self._trials:  # it would only say again what is known: take one by chance
            self._study.tell(trial, state=self._fail)
            while name_of(point) in self._trials:
                point = point_at(self._spec, self._chance.randrange(self._spec.size))
            self.add(point)
        else:
            self._trials[name_of(point)] = trial
        return point

    def add(self, point: Point) -> None:
        """Add a point that is being run, without having been suggested."""
        axes = self._spec.axes
        self._study.enqueue_trial({name: axes[name].index(value) for name, value in point.items()})
        self._trials[name_of(point)] = self._next()[0]

    def tell(self, point: Point, value: float) -> None:
        """Report the mean of the runs at a point; NaN when there is none."""
        trial = self._trials[name_of(point)]
        if math.isfinite(value):
            self._study.tell(trial, value)
        else:
            self._study.tell(trial, state=self._fail)

    def _next(self) -> tuple[Any, Point]:
        trial, axes = self._study.ask(), self._spec.axes
        return trial, {name: axes[name][trial.suggest_int(name, 0, len(axes[name]) - 1)] for name in axes}
