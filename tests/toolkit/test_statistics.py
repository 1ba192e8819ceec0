"""Intervals of verdicts: over cases and trainings, paired and not."""

import numpy as np
import pytest

from workbench.toolkit.statistics import difference_interval, interval, verdict_word


def world(rng, cases, trainings, spread):
    """Return differences (cases, trainings) whose true mean is 3: every training has an offset of its own."""
    return 3 + rng.normal(0, 1, (cases, trainings)) + rng.normal(0, spread, trainings)


def covered(make, count=200):
    rng = np.random.default_rng(1)
    found = [interval(make(rng)) for _ in range(count)]
    return np.mean([low <= 3 <= high for _, low, high in found])


def test_over_cases_it_covers_the_truth_nineteen_times_of_twenty():
    assert covered(lambda rng: world(rng, 37, 1, 0.0)) == pytest.approx(0.95, abs=0.04)


def test_over_few_trainings_it_covers_less_often_but_far_more_than_without_them():
    both = covered(lambda rng: world(rng, 37, 5, 1.0))
    cases_alone = covered(lambda rng: world(rng, 37, 5, 1.0).mean(1))
    assert both > 0.75 and cases_alone < 0.5


def test_a_difference_that_one_training_alone_shows_is_noise():
    values = np.random.default_rng(0).normal(0, 0.1, (37, 3)) + [-0.1, 0.0, 2.0]
    assert verdict_word(interval(values.mean(1))) == "holds"
    assert verdict_word(interval(values)) == "within noise"
    assert verdict_word(interval(values + 1)) == "holds"


def test_the_same_values_give_the_same_interval_in_any_shape():
    values = np.random.default_rng(0).normal(size=20)
    assert interval(values) == interval(values[:, None])
    assert interval(np.repeat(values[:, None], 3, 1)) == pytest.approx(interval(values), abs=0.02)


def test_what_is_missing_is_left_out():
    values = np.array([[1.0, 2.0], [np.nan, 2.0], [np.nan, np.nan], [1.0, 2.0]])
    mean, low, high = interval(values)
    assert mean == pytest.approx(8 / 5) and 1 <= low < mean < high <= 2


@pytest.mark.parametrize("values", [[0.5], [[0.5, 0.6]], [], [[np.nan]]])
def test_a_single_case_or_none_has_no_interval(values):
    found = interval(np.array(values, float).reshape(-1, 2) if np.ndim(values) == 2 and len(values[0]) == 2 else values)
    assert np.isnan(found[1:]).all() and verdict_word(found) == "not tested"


def test_other_cases_under_the_same_trainings():
    """A training that is better everywhere says nothing about the difference of two kinds of cases."""
    rng = np.random.default_rng(0)
    offset = np.array([-5.0, 0.0, 5.0])
    a, b = 1 + rng.normal(0, 0.1, (12, 3)) + offset, rng.normal(0, 0.1, (20, 3)) + offset
    mean, low, high = difference_interval(a, b)
    assert mean == pytest.approx(1, abs=0.1) and 0.8 < low < high < 1.2
