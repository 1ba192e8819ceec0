"""The probe of the lab `rs`: draw a set as asked, measure it, and let three classifiers try. At slider speed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from workbench.contract import LabError, Result
from workbench.labs.rs.common.sets import CLASSIC
from workbench.labs.rs.method.classify import accuracy
from workbench.labs.rs.method.measures import MEASURES
from workbench.labs.rs.method.studies import DISTANCES, by_distance, by_rate
from workbench.labs.rs.params import GAUSSIANS, Params, Question

FIRST_HALF = ("dsi", "density", "clscoef")  # of the distance measures: they take as long as all the rest
FARTHEST, WIDEST = 1e3, 1e3  # of means, and of spreads


def classes(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Return means and spreads (K, 2) of the Gaussian classes.

    Raises
    ------
    LabError
        If they are no pairs of numbers, too far out, or not equally many.
    """
    means, std = question.means, question.std * (len(question.means) if len(question.std) == 1 else 1)
    if len(std) != len(means):
        raise LabError(f"There are {len(means)} means and {len(std)} spreads.", "Give one spread for each class.")
    std = [s if isinstance(s, list) else [s, s] for s in std]
    return pairs("means", means, -FARTHEST, FARTHEST), pairs("std", std, 0.0, WIDEST)


def pairs(name: str, values: list[list[float]], low: float, high: float) -> np.ndarray:
    """Return a list of pairs as an array (K, 2)."""
    hint = f"For example [[-2, 0], [2, 0]], from {low:g} to {high:g}."
    try:
        array = np.array(values, float)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape != (len(values), 2) or (array < low).any() or (array > high).any():
        raise LabError(f"{name} must be pairs of numbers.", hint)
    return array


def draw(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, dimension) and labels (n,).

    The plane is rotated about its origin, features beyond the second are noise of the plane's own spread, and a share
    `label_noise` of the labels is drawn at random. The same seed gives the same underlying draw whatever is moved.
    """
    rng = np.random.default_rng(question.seed)
    n, (means, std) = question.n, classes(question)
    if question.set == GAUSSIANS:
        y = np.arange(n) % len(means)
        x = means[y] + std[y] * rng.normal(size=(n, 2))
    else:
        x, y = CLASSIC[question.set](n, rng)
    angle = np.deg2rad(question.rotation)
    x = x @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # counterclockwise
    extra = np.random.default_rng([question.seed, 1]).normal(size=(n, question.dimension - 2))
    spread = std.mean() if question.set == GAUSSIANS else x.std()
    wrong = np.random.default_rng([question.seed, 2])
    flip, drawn = wrong.uniform(size=n) < question.label_noise, wrong.integers(0, y.max() + 1, n)
    return np.c_[x, spread * extra], np.where(flip, drawn, y)


def answer(question: Question, params: Params, device: str) -> Result:
    """Return the tables `points`, `measures` and `classifiers` of the set that a question describes.

    Raises
    ------
    LabError
        If the classes do not fit, or all labels fell into one.
    """
    x, y = draw(question)
    if len(np.unique(y)) < 2:
        raise LabError("All labels fell into one class.", "Use more points or less label noise.")
    how = {
        "eps": params.eps if question.eps is None else question.eps,
        "prep": params.prep,
        "center": params.center,
        "variant": params.variant,
        "device": device,
    }
    one, two, three, four = (np.random.default_rng([question.seed, i]) for i in (3, 4, 5, 6))
    with ThreadPoolExecutor(1) as pool:  # NumPy lets go of the interpreter, so a second core shortens the wait
        half = pool.submit(by_distance, x, y, one, question.null, FIRST_HALF)
        rates = by_rate(x, y, how, two, params.components, question.null)
        scores = accuracy(x, y, three, held_out=True)
        rest = by_distance(x, y, four, question.null, tuple(key for key in DISTANCES if key not in FIRST_HALF))
        found = pd.concat([rates, half.result(), rest]).set_index("measure").loc[list(MEASURES)].reset_index()
    tables = {
        "points": pd.DataFrame({"x": x[:, 0], "y": x[:, 1], "label": [f"class {c + 1}" for c in y]}),
        "measures": found,
        "classifiers": pd.DataFrame({"classifier": list(scores), "accuracy": list(scores.values())}),
    }
    return Result(tables=tables)


def warm(device: str) -> str:
    """Answer once, so that the first slider move does not pay for imports and first calls."""
    answer(Question(n=200), Params(), device)
    return device
