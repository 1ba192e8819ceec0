"""The probe of the lab `rs`: draw a set as asked, measure it, and let three classifiers try. At slider speed."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import LabError, Result
from workbench.labs.rs.common.sets import CLASSIC
from workbench.labs.rs.method.classify import accuracy
from workbench.labs.rs.method.measures import MEASURES
from workbench.labs.rs.method.studies import DISTANCES, by_distance, by_rate
from workbench.labs.rs.params import Params

LIMITS = {  # name: default, smallest, largest
    "n": (1000, 30, 5000),
    "dimension": (2, 2, 200),
    "null": (20, 0, 100),
    "rotation": (0.0, -3600.0, 3600.0),
    "label_noise": (0.0, 0.0, 1.0),
    "seed": (0, 0, 2**31 - 1),
}
WHOLE = ("n", "dimension", "null", "seed")
SETS = ("gaussians", *CLASSIC)
FIRST_HALF = ("dsi", "density", "clscoef")  # of the distance measures: they take as long as all the rest
MOST_CLASSES, FARTHEST, WIDEST = 10, 1e3, 1e3


def check(request: dict[str, Any], params: Params) -> dict[str, Any]:
    """Return the request with everything filled in.

    Raises
    ------
    LabError
        If a name is unknown, or a value is no number or out of its bounds.
    """
    known = {*LIMITS, "means", "std", "eps", "set"}
    if unknown := sorted(set(map(str, request)) - known):
        raise LabError(f"A probe knows no {unknown[0]!r}.", f"It knows {', '.join(sorted(known))}.")
    asked: dict[str, Any] = {}
    for name, (default, low, high) in LIMITS.items():
        value = number(name, request.get(name, default), low, high)
        if name in WHOLE and value != int(value):
            raise LabError(f"{name} = {value} is no whole number.", f"Give one from {low} to {high}.")
        asked[name] = int(value) if name in WHOLE else value
    asked["eps"] = number("eps", request.get("eps", params.eps), 1e-3, 10.0)
    asked["set"] = request.get("set", "gaussians")
    if asked["set"] not in SETS:
        raise LabError(f"There is no set {asked['set']!r}.", f"Choose one of {', '.join(SETS)}.")
    means = pairs("means", request.get("means", [[-2.0, 0.0], [2.0, 0.0]]), -FARTHEST, FARTHEST)
    if not 2 <= len(means) <= MOST_CLASSES:
        raise LabError(f"There are {len(means)} class means.", f"Give 2 to {MOST_CLASSES} classes.")
    std = request.get("std", 1.0)
    std = list(std) if isinstance(std, list | tuple | np.ndarray) else [std] * len(means)
    if len(std) != len(means):
        raise LabError(f"There are {len(means)} means and {len(std)} spreads.", "Give one spread for each class.")
    std = [s if isinstance(s, list | tuple | np.ndarray) else [s, s] for s in std]
    return asked | {"means": means, "std": pairs("std", std, 0.0, WIDEST)}


def number(name: str, value: Any, low: float, high: float) -> float:
    """Return a finite number in its bounds."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise LabError(f"{name} = {value!r} is no number.", f"Give one from {low:g} to {high:g}.") from None
    if not math.isfinite(found) or not low <= found <= high:
        raise LabError(f"{name} = {value!r} is out of bounds.", f"Give a number from {low:g} to {high:g}.")
    return found


def pairs(name: str, values: Any, low: float, high: float) -> np.ndarray:
    """Return a list of pairs as an array (K, 2)."""
    if not isinstance(values, list | tuple | np.ndarray) or any(np.shape(v) != (2,) for v in values):
        raise LabError(f"{name} must be pairs of numbers.", "For example [[-2, 0], [2, 0]].")
    return np.array([[number(name, v, low, high) for v in pair] for pair in values])


def draw(asked: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, dimension) and labels (n,) of a checked request.

    The plane is rotated about its origin, features beyond the second are noise of the plane's own spread, and a share
    `label_noise` of the labels is drawn at random. The same seed gives the same underlying draw whatever is moved.
    """
    rng = np.random.default_rng(asked["seed"])
    n, means = asked["n"], asked["means"]
    if asked["set"] == "gaussians":
        y = np.arange(n) % len(means)
        x = means[y] + asked["std"][y] * rng.normal(size=(n, 2))
    else:
        x, y = CLASSIC[asked["set"]](n, rng)
    angle = np.deg2rad(asked["rotation"])
    x = x @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # counterclockwise
    extra = np.random.default_rng([asked["seed"], 1]).normal(size=(n, asked["dimension"] - 2))
    spread = asked["std"].mean() if asked["set"] == "gaussians" else x.std()
    wrong = np.random.default_rng([asked["seed"], 2])
    flip, drawn = wrong.uniform(size=n) < asked["label_noise"], wrong.integers(0, y.max() + 1, n)
    return np.c_[x, spread * extra], np.where(flip, drawn, y)


def answer(request: dict[str, Any], params: Params, device: str) -> Result:
    """Return tables `points`, `measures`, `classifiers` and the metric ``milliseconds``.

    Parameters
    ----------
    request
        Any of: ``set`` (gaussians or a classic set), ``means`` [[x, y], ...], ``std`` [s or [sx, sy], ...],
        ``rotation`` (degrees), ``label_noise`` (0..1), ``dimension``, ``n``, ``eps``, ``null``, ``seed``.

    Raises
    ------
    LabError
        If the request does not make sense.
    """
    began = time.perf_counter()
    asked = check(request, params)
    x, y = draw(asked)
    if len(np.unique(y)) < 2:
        raise LabError("All labels fell into one class.", "Use more points or less label noise.")
    how = {
        "eps": asked["eps"],
        "prep": params.prep,
        "center": params.center,
        "variant": params.variant,
        "device": device,
    }
    one, two, three, four = (np.random.default_rng([asked["seed"], i]) for i in (3, 4, 5, 6))
    with ThreadPoolExecutor(1) as pool:  # NumPy lets go of the interpreter, so a second core shortens the wait
        half = pool.submit(by_distance, x, y, one, asked["null"], FIRST_HALF)
        rates = by_rate(x, y, how, two, params.components, asked["null"])
        scores = accuracy(x, y, three, held_out=True)
        rest = by_distance(x, y, four, asked["null"], tuple(key for key in DISTANCES if key not in FIRST_HALF))
        found = pd.concat([rates, half.result(), rest]).set_index("measure").loc[list(MEASURES)].reset_index()
    tables = {
        "points": pd.DataFrame({"x": x[:, 0], "y": x[:, 1], "label": [f"class {c + 1}" for c in y]}),
        "measures": found,
        "classifiers": pd.DataFrame({"classifier": list(scores), "accuracy": list(scores.values())}),
    }
    return Result(metrics={"milliseconds": 1000 * (time.perf_counter() - began)}, tables=tables)


def warm(device: str) -> str:
    """Answer once, so that the first slider move does not pay for imports and first calls."""
    answer({"n": 200}, Params(), device)
    return device
