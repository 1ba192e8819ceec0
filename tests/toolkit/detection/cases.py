"""Inputs for the detection metric, random and adversarial, from seeds; plain NumPy, so that the devkit's environment
runs it too.

A case is two dicts of arrays, truth and predictions: ``scene`` (M,), ``xyz`` (M, 3), ``lwh`` (M, 3), ``yaw`` (M,),
``velocity`` (M, 2), ``label`` (M,), ``attribute`` (M,) index into `ATTRIBUTES`, and ``points`` (truth) or ``score``
(predictions). The vehicle is at (0, 0).
"""

from __future__ import annotations

import hashlib

import numpy as np

CLASSES = (
    "car", "truck", "trailer", "bus", "construction_vehicle", "bicycle", "motorcycle", "pedestrian", "traffic_cone",
    "barrier",
)  # fmt: skip
ATTRIBUTES = ("", "vehicle.moving", "vehicle.parked", "pedestrian.moving", "cycle.with_rider")
Table = dict


def objects(rng: np.random.Generator, scenes: int, most: int, reach: float = 35.0) -> Table:
    many = rng.integers(0, most + 1, scenes)
    m = int(many.sum())
    return {
        "scene": np.repeat(np.arange(scenes), many),
        "xyz": rng.uniform(-reach, reach, (m, 3)) * (1, 1, 0.05),
        "lwh": rng.uniform(0.4, 6, (m, 3)),
        "yaw": rng.uniform(-7, 7, m),
        "velocity": rng.normal(0, 3, (m, 2)),
        "label": rng.integers(0, len(CLASSES), m),
        "attribute": rng.integers(0, len(ATTRIBUTES), m),
        "points": rng.integers(1, 50, m),
    }


def guesses(rng: np.random.Generator, truth: Table, noise: float, copies: int, wrong: int, scenes: int) -> Table:
    """Noisy copies of the truth, and `wrong` inventions a scene."""
    rows = np.repeat(np.arange(len(truth["scene"])), rng.integers(0, copies + 1, len(truth["scene"])))
    k, more = len(rows), wrong * scenes
    made = {
        "scene": np.concatenate([truth["scene"][rows], np.repeat(np.arange(scenes), wrong)]),
        "xyz": np.concatenate(
            [truth["xyz"][rows] + rng.normal(0, noise, (k, 3)), rng.uniform(-35, 35, (more, 3)) * (1, 1, 0.05)]
        ),
        "lwh": np.concatenate([truth["lwh"][rows] * rng.uniform(0.7, 1.4, (k, 3)), rng.uniform(0.4, 6, (more, 3))]),
        "yaw": np.concatenate([truth["yaw"][rows] + rng.normal(0, 0.5, k), rng.uniform(-7, 7, more)]),
        "velocity": np.concatenate([truth["velocity"][rows] + rng.normal(0, 1, (k, 2)), rng.normal(0, 3, (more, 2))]),
        "label": np.concatenate([truth["label"][rows], rng.integers(0, len(CLASSES), more)]),
        "attribute": np.concatenate(
            [
                np.where(rng.random(k) < 0.8, truth["attribute"][rows], rng.integers(0, len(ATTRIBUTES), k)),
                rng.integers(0, len(ATTRIBUTES), more),
            ]
        ),
        "score": np.concatenate([rng.uniform(0.2, 1, k), rng.uniform(0, 0.7, more)]),
    }
    return shuffled(rng, made)


def shuffled(rng: np.random.Generator, table: Table) -> Table:
    """In another order within each scene: as the devkit holds them."""
    order = np.lexsort((rng.random(len(table["scene"])), table["scene"]))
    return {k: v[order] for k, v in table.items()}


def plain(seed: int, scenes: int = 20, most: int = 30, noise: float = 0.6, copies: int = 2, wrong: int = 10):
    rng = np.random.default_rng(seed)
    truth = objects(rng, scenes, most)
    return truth, guesses(rng, truth, noise, copies, wrong, scenes)


def one_class(seed: int, label: int, scenes: int = 8):
    truth, found = plain(seed, scenes)
    truth["label"][:], found["label"][:] = label, label
    return truth, found


def ties(levels: int):
    truth, found = plain(2)
    found["score"] = np.ceil(found["score"] * levels) / levels
    return truth, found


def zero_scores():
    truth, found = plain(3)
    found["score"][np.random.default_rng(3).random(len(found["score"])) < 0.5] = 0.0
    return truth, found


def all_zero_scores():
    truth, found = plain(31, 6)
    found["score"][:] = 0.0
    return truth, found


def unknown_velocity():
    truth, found = plain(4)
    rng = np.random.default_rng(4)
    truth["velocity"][rng.random(len(truth["scene"])) < 0.4] = np.nan
    truth["velocity"][truth["label"] == 0] = np.nan
    found["velocity"][rng.random(len(found["scene"])) < 0.1] = np.nan
    truth["attribute"][truth["label"] == 1] = 0
    return truth, found


def crowd():
    """Many predictions on few objects close to each other: each taken object sends the others on to the next."""
    rng = np.random.default_rng(5)
    truth = objects(rng, 4, 12, 3.0)
    truth["label"] %= 2
    found = guesses(rng, truth, 1.5, 30, 5, 4)
    found["label"] %= 2
    return truth, found


def on_a_grid():
    """Distances that equal a threshold, and each other, to the last bit."""
    rng = np.random.default_rng(6)
    truth, found = plain(6, 6, 40)
    for table in (truth, found):
        table["xyz"] = np.rint(table["xyz"] * (0.2, 0.2, 1) / 0.5) * 0.5
        table["label"] %= 3
    found["score"] = rng.integers(1, 6, len(found["scene"])) / 8
    return truth, found


def nothing_found():
    truth, found = plain(7)
    return truth, {k: v[:0] for k, v in found.items()}


def nothing_there():
    truth, found = plain(8)
    keep = truth["label"] >= 5
    return {k: v[keep] for k, v in truth.items()}, {k: v[found["label"] != 7] for k, v in found.items()}


def little_recall():
    truth, found = plain(9, 10, 40)
    return truth, {k: v[::15] for k, v in found.items()}


def far_and_unseen():
    """Out of range, on the edge of it, without points, and bicycles in racks (see `racks`)."""
    rng = np.random.default_rng(10)
    truth, found = plain(10, 12, 40)
    for table in (truth, found):
        table["xyz"][:, :2] *= 2
        edge = rng.random(len(table["scene"])) < 0.1
        table["xyz"][edge, :2] = rng.choice([-30.0, 30, 40, 50], edge.sum())[:, None] * (1, 0)
        rack = rng.random(len(table["scene"])) < 0.2
        table["xyz"][rack] = racks()["xyz"][table["scene"][rack] % 3] + rng.uniform(-3, 3, (rack.sum(), 3))
        table["label"][rack] = rng.choice([5, 6, 0], rack.sum())
    truth["points"][rng.random(len(truth["scene"])) < 0.3] = 0
    return truth, found


def racks() -> Table:
    """Bicycle racks of every scene."""
    return {
        "xyz": np.array([[10, 5, 0], [-12, 8, 0.5], [3, -20, 0.0]]),
        "lwh": np.array([[6, 2, 2], [4, 3, 2], [5, 5, 1.0]]),
        "yaw": np.array([0.3, 2.0, -1.0]),
    }


def one_box():
    truth, found = plain(11, 1, 1)
    truth = {k: v[:1] for k, v in objects(np.random.default_rng(1), 1, 30, 9.0).items()}
    found = {k: v.copy() for k, v in truth.items() if k != "points"} | {"score": np.array([0.7])}
    return truth, found


def turned():
    """Yaws that differ by a half and a whole turn, and by a hair from it."""
    truth, found = plain(12)
    rng = np.random.default_rng(12)
    found = {k: v.copy() for k, v in truth.items() if k != "points"} | {"score": rng.random(len(truth["scene"]))}
    found["yaw"] = truth["yaw"] + rng.choice([0, 0.5, 1, 1.5, 2, 1 + 1e-9, 1 - 1e-9], len(truth["yaw"])) * np.pi
    return truth, found


CASES = {
    "random": lambda: plain(0),
    "random, sparse": lambda: plain(1, 40, 4, 1.0, 1, 1),
    "random, dense": lambda: plain(13, 5, 150, 0.9, 2, 60),
    "perfect centers": lambda: plain(14, 10, 20, 0.0, 1, 0),
    "cars only": lambda: one_class(15, 0),
    "cones only": lambda: one_class(16, 8),
    "barriers only": lambda: one_class(17, 9),
    "ties": lambda: ties(10),
    "one score for all": lambda: ties(1),
    "zero scores": zero_scores,
    "only zero scores": all_zero_scores,
    "unknown velocity and attribute": unknown_velocity,
    "crowd": crowd,
    "on a grid": on_a_grid,
    "nothing found": nothing_found,
    "classes without objects or predictions": nothing_there,
    "little recall": little_recall,
    "far and unseen": far_and_unseen,
    "one box": one_box,
    "turned": turned,
}


def digest(case: tuple[Table, Table]) -> str:
    """A name for the numbers of a case: another NumPy must have drawn the same ones."""
    parts = [np.ascontiguousarray(np.round(t[k].astype(float), 9) + 0.0).tobytes() for t in case for k in sorted(t)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
