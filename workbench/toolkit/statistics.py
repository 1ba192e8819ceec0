"""Bootstrap intervals over cases and trainings, and the verdicts that rest on them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.contract.lab import Verdict
from workbench.contract.result import Result

Interval = tuple[float, float, float]  # mean, and the ends of its 95 % interval
DRAWS = 2000  # of the bootstrap


def not_tested(why: str) -> Verdict:
    """Return the verdict of a claim that a run cannot judge, with the reason."""
    return Verdict("not tested", {}, why)


def table(result: Result, name: str) -> pd.DataFrame:
    """Return a table of the result, empty when the run did not make it."""
    return result.tables[name] if name in result.tables else pd.DataFrame()


def interval_numbers(name: str, found: Interval, threshold: float = 0.0) -> dict[str, float]:
    """Return a mean and its interval as numbers of a verdict, and the threshold that decides if it is not zero."""
    numbers = {name: found[0], f"{name}: low": found[1], f"{name}: high": found[2]}
    return numbers | ({f"{name}: threshold": threshold} if threshold else {})


def stored_intervals(numbers: dict[str, float]) -> tuple[dict[str, tuple[Interval, float]], dict[str, float]]:
    """Return the intervals with thresholds that `interval_numbers` put into a verdict, and its other numbers.

    >>> stored_intervals(interval_numbers("gain", (0.2, 0.1, 0.3), 0.05) | {"cases": 12})
    ({'gain': ((0.2, 0.1, 0.3), 0.05)}, {'cases': 12})
    """
    names = [name for name in numbers if {f"{name}: low", f"{name}: high"} <= set(numbers)]
    ends = lambda name: (numbers[name], numbers[f"{name}: low"], numbers[f"{name}: high"])  # noqa: E731
    found = {name: (ends(name), numbers.get(f"{name}: threshold", 0.0)) for name in names}
    parts = {part for name in names for part in interval_numbers(name, (0.0, 0.0, 0.0), threshold=1.0)}
    return found, {name: value for name, value in numbers.items() if name not in parts}


def verdict_word(*found: Interval, above: float = 0.0) -> str:
    """Return *holds* when every interval is above a number, *does not hold* when one is below, else *within noise*."""
    if not found or not all(math.isfinite(v) for one in found for v in one):
        return "not tested"
    if all(low > above for _, low, _ in found):
        return "holds"
    return "does not hold" if any(high < above for _, _, high in found) else "within noise"


def bootstrap_weights(cases: int, trainings: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each case (DRAWS, cases) and each training (DRAWS, trainings) stands in each bootstrap draw.

    Cases and trainings are drawn each by itself: a difference that only one training shows is not one of the method.
    Another `seed` draws other cases, but the same trainings.
    """
    draw = lambda count, rng: rng.multinomial(count, np.full(count, 1 / count), DRAWS).astype(float)  # noqa: E731
    return draw(cases, np.random.default_rng([seed, 1])), draw(trainings, np.random.default_rng(0))


def bootstrap_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the bootstrap means (DRAWS,) of values (cases, trainings); what is NaN is left out."""
    there = np.isfinite(values)
    by_case, by_training = bootstrap_weights(*values.shape, seed)
    total = ((by_case @ np.where(there, values, 0.0)) * by_training).sum(1)
    with np.errstate(invalid="ignore"):
        return total / ((by_case @ there.astype(float)) * by_training).sum(1)


def interval(values: np.ndarray) -> Interval:
    """Return the mean of values (cases, trainings) or (cases,) and its 95 % bootstrap interval over both.

    With one training the interval is over cases alone; with a single case there is none (NaN).

    >>> interval(np.array([1.0, 1.0]))
    (1.0, 1.0, 1.0)
    >>> [round(end) for end in interval(np.array([[0.0, 9.0], [0.0, 9.0]]))]  # the trainings disagree, and so it tells
    [4, 0, 9]
    """
    mean, draws = _drawn(values, seed=0)
    return _ends(mean, draws)


def difference_interval(a: np.ndarray, b: np.ndarray) -> Interval:
    """Return mean(a) - mean(b) and its interval: other cases (a, trainings), (b, trainings), the same trainings."""
    (mean_a, draws_a), (mean_b, draws_b) = _drawn(a, seed=0), _drawn(b, seed=1)
    return _ends(mean_a - mean_b, draws_a - draws_b)


def resampled_interval(values: np.ndarray, draws: np.ndarray) -> Interval:
    """Return the mean of a measure that is no mean over cases, and its 95 % interval over cases and trainings.

    Parameters
    ----------
    values
        (trainings,): of all cases.
    draws
        (D, trainings), D of at most `DRAWS`: of cases drawn with replacement, the same for every training.

    >>> resampled_interval(np.array([1.0, 1.0]), np.ones((5, 2)))
    (1.0, 1.0, 1.0)
    """
    _, by_training = bootstrap_weights(1, len(values))
    times = by_training[: len(draws)]  # (D, trainings)
    return _ends(float(np.mean(values)), (draws * times).sum(1) / times.sum(1))


def _drawn(values: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """Return the mean and the bootstrap means of values (cases, trainings) or (cases,), NaN where there are none."""
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    values = values[np.isfinite(values).any(1)]
    mean = float(np.nanmean(values)) if len(values) else math.nan
    return mean, bootstrap_means(values, seed) if len(values) > 1 else np.full(DRAWS, math.nan)


def _ends(mean: float, draws: np.ndarray) -> Interval:
    draws = draws[np.isfinite(draws)]  # a draw may miss every value there is
    return mean, *((float(q) for q in np.quantile(draws, (0.025, 0.975))) if len(draws) else (math.nan, math.nan))
