"""The specification of a sweep: parameters, seeds and search; checked before anything runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab, Metric, get_lab

Search = Literal["grid", "random", "optuna"]
SEARCHES = get_args(Search)
MOST_RUNS = 1000
Point = dict[str, Any]  # the value of each axis


@dataclass(frozen=True)
class Spec:
    """Specification of a sweep; made by `make_spec`, which checks it.

    Attributes
    ----------
    lab, preset, base, device
        The lab, its preset, the params that differ from the preset in every run, and where to run.
    axes
        Param -> the values it takes.
    seeds
        Every point is run once with each.
    search
        ``"grid"``: all points. ``"random"``: `count` of them. ``"optuna"``: `count` of them, each chosen by Optuna
        (tree-structured Parzen estimator) after what the earlier ones gave.
    metric, direction
        The number of interest, and whether to ``"maximize"`` or ``"minimize"`` it.
    user
        Who asks.
    """

    lab: str
    axes: dict[str, tuple[Any, ...]]
    seeds: tuple[int, ...] = (0,)
    preset: str = "quick"
    base: dict[str, Any] = field(default_factory=dict)
    search: Search = "grid"
    count: int = 0
    metric: str = ""
    direction: Literal["maximize", "minimize"] = "maximize"
    device: str = "auto"
    user: str = ""

    @property
    def points(self) -> int:
        """Number of settings that are run."""
        return self.size if self.search == "grid" else self.count

    @property
    def size(self) -> int:
        """Number of settings that the axes span."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def runs(self) -> int:
        return self.points * len(self.seeds)

    @property
    def declared(self) -> Metric:
        """The metric of interest as the lab declares it."""
        return next(metric for metric in get_lab(self.lab).metrics if metric.key == self.metric)

    def params(self, point: Point) -> dict[str, Any]:
        """Return all params of a run at a point."""
        return get_lab(self.lab).Params.make(self.preset, **{**self.base, **point}).to_dict()

    def to_text(self) -> str:
        """Return the spec as JSON, as the store keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Spec:
        plain = json.loads(text)
        axes = {name: tuple(values) for name, values in plain.pop("axes").items()}
        return cls(**plain | {"axes": axes, "seeds": tuple(plain["seeds"])})


def make_spec(
    lab: str,
    axes: Mapping[str, Iterable[Any]],
    *,
    seeds: Iterable[int] = (0,),
    preset: str = "quick",
    base: Mapping[str, Any] | None = None,
    search: str = "grid",
    count: int = 0,
    metric: str = "",
    direction: str = "",
    device: str = "auto",
    user: str = "",
) -> Spec:
    """Return a checked spec; the metric is the lab's first unless named, its direction the one the lab declares.

    Raises
    ------
    LabError
        If a name is unknown, a value out of bounds, an axis empty or too long, or the sweep too large.
    """
    known = get_lab(lab)
    if search not in SEARCHES:
        raise LabError(f"There is no search {search!r}.", f"Choose one of {', '.join(SEARCHES)}.")
    chosen = _metric(known, metric)
    way = direction or {True: "maximize", False: "minimize", None: ""}[chosen.higher_is_better]
    if not way and search == "optuna":
        raise LabError(f"{chosen.label} is neither better high nor low.", "Say direction: maximize or minimize.")
    if way not in ("maximize", "minimize", ""):
        raise LabError(f"There is no direction {way!r}.", "Say maximize or minimize.")
    spec = Spec(
        lab=known.name,
        axes={name: _values(name, values) for name, values in axes.items()},
        seeds=_seeds(seeds),
        preset=preset,
        base={name: value for name, value in (base or {}).items() if name not in axes},
        search=search,
        count=0 if search == "grid" else count,
        metric=chosen.key,
        direction=way or "maximize",
        device=device,
        user=user,
    )
    _check(spec)
    return spec


def _metric(lab: Lab, key: str) -> Metric:
    keys = {metric.key: metric for metric in lab.metrics}
    if not keys:
        raise LabError(f"The lab {lab.name!r} declares no metrics.", "A sweep needs one to compare its runs by.")
    if key and key not in keys:
        raise LabError(f"The lab {lab.name!r} has no metric {key!r}.", f"Its metrics: {', '.join(keys)}.")
    return keys[key] if key else lab.metrics[0]


def _values(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """Return the different values of an axis, in their order."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise LabError(f"The values of {name} are no list.", "Write them as a list: [0.1, 0.5].")
    found = [list(value) if isinstance(value, tuple) else value for value in values]
    found = [value for index, value in enumerate(found) if value not in found[:index]]
    if not found:
        raise LabError(f"The axis {name} has no values.", "Give it at least one.")
    return tuple(found)


def _seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(seeds))
    if not found:
        raise LabError("There is no seed.", "Give at least one: 0")
    if not all(isinstance(seed, int) and seed >= 0 for seed in found):
        raise LabError("A seed is no whole number from 0.", "Seeds are 0, 1, 2 and so on.")
    return found


def _check(spec: Spec) -> None:
    if not spec.axes:
        raise LabError("No parameter varies.", "Give at least one parameter several values.")
    if spec.search != "grid" and not 1 <= spec.count <= spec.size:
        raise LabError(
            f"{spec.search} cannot choose {spec.count} of {spec.size} points.",
            f"Say how many with count: 1 to {spec.size}.",
        )
    if spec.runs > MOST_RUNS:
        raise LabError(f"This sweep has {spec.runs:,} runs.", f"The most is {MOST_RUNS:,}: take fewer values or seeds.")
    params = get_lab(spec.lab).Params
    for name, values in spec.axes.items():
        for value in values:
            params.make(spec.preset, **{**spec.base, name: value})
