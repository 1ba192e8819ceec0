"""Which points are run."""

import itertools
import math

import pytest

from workbench.sweeps.points import Asker, name_of, planned
from workbench.sweeps.spec import make_spec

AXES = {"darts": [10, 20, 30], "steps": [1, 2, 3, 4], "mood": ["good", "deaf"]}


def test_a_grid_is_every_combination_in_order():
    points = planned(make_spec("trial", AXES))
    assert points == [dict(zip(AXES, values, strict=True)) for values in itertools.product(*AXES.values())]


def test_random_points_differ_and_are_the_same_next_time():
    spec = make_spec("trial", AXES, search="random", count=10)
    points = planned(spec)
    assert len(points) == len({name_of(point) for point in points}) == 10
    assert planned(spec) == points and points != planned(make_spec("trial", AXES))[:10]
    vast = make_spec("trial", {name: range(10, 2000) for name in ("darts", "steps")}, search="random", count=5)
    assert len(planned(vast)) == 5


def test_a_point_is_told_in_words():
    assert name_of({"eps": 0.1, "studies": ["set", "tasks"]}, 3) == "eps = 0.1, studies = set + tasks, seed 3"


def worth(point):
    return -((point["darts"] - 100) ** 2) - 50 * (point["steps"] - 7) ** 2


def test_optuna_is_better_than_chance():
    axes = {"darts": range(10, 210, 10), "steps": range(1, 21)}
    spec = make_spec("trial", axes, search="optuna", count=60)
    best = max(map(worth, [{"darts": d, "steps": s} for d in axes["darts"] for s in axes["steps"]]))
    asker, found = Asker(spec), []
    for _ in range(60):
        point = asker.ask()
        asker.tell(point, worth(point))
        found.append(worth(point))
    chance = [worth(point) for point in planned(make_spec("trial", axes, search="random", count=60))]
    assert sum(found[30:]) / 30 > sum(chance) / 60
    assert max(found) > 0.02 * min(chance) + best


@pytest.mark.parametrize("seen", [0, 5])
def test_optuna_never_asks_for_a_point_twice_also_after_a_restart(seen):
    axes = {"darts": [10, 20, 30], "steps": [1, 2, 3]}
    spec = make_spec("trial", axes, search="optuna", count=9)
    everything = planned(make_spec("trial", axes))
    asker, points = Asker(spec, seen), everything[:seen]
    for point in points:
        asker.add(point)
        asker.tell(point, worth(point))
    for number in range(9 - seen):
        point = asker.ask()
        points.append(point)
        asker.tell(point, math.nan if number == 2 else worth(point))  # a failed run is no answer
    assert sorted(map(name_of, points)) == sorted(map(name_of, everything))
