"""A simulated street: objects of seven classes, and things that are none of them.

What each sensor can tell, on purpose: a car, truck, bus, pedestrian and barrier differ in shape, and their colors are
random. A construction vehicle has the shape of a truck and a traffic cone that of a bollard (which is no class): only
the color tells them apart. What a laser gets back (`shine`) says nothing of color or class.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from workbench.data.scenes.scene import Boxes, boxes
from workbench.data.scenes.simulated.parts import (
    BANDS,
    BLOCK,
    CHECKER,
    ELLIPSOID,
    PLAIN,
    SPOTS,
    STRIPES,
    WINDOWS,
    Parts,
)

CLASSES = ("car", "truck", "bus", "construction_vehicle", "pedestrian", "traffic_cone", "barrier")
MANY = {"car": 8, "truck": 3, "bus": 1, "construction_vehicle": 3, "pedestrian": 6, "traffic_cone": 5, "barrier": 4}
"""The most of a class in one scene; the number is drawn evenly from 0."""
OTHERS = {"bollard": 5, "pole": 6, "bush": 8, "bin": 4, "building": 9}
MOVING = {"car": "vehicle.moving", "truck": "vehicle.moving", "bus": "vehicle.moving",
          "construction_vehicle": "vehicle.moving", "pedestrian": "pedestrian.moving"}  # fmt: skip
STILL = {"car": "vehicle.parked", "truck": "vehicle.parked", "bus": "vehicle.parked",
         "construction_vehicle": "vehicle.parked", "pedestrian": "pedestrian.standing"}  # fmt: skip
SIZES = {  # m: the least and the most of length, width and height
    "car": ((3.6, 5.0), (1.65, 2.0), (1.35, 1.85)),
    "truck": ((5.5, 9.5), (2.1, 2.7), (2.5, 3.7)),
    "bus": ((9.0, 12.0), (2.5, 2.9), (2.8, 3.6)),
    "pedestrian": ((0.4, 0.8), (0.5, 0.8), (1.45, 1.95)),
    "traffic_cone": ((0.35, 0.5), (0.35, 0.5), (0.6, 1.1)),
    "barrier": ((0.4, 0.6), (1.8, 2.8), (0.8, 1.15)),
    "pole": ((0.15, 0.3), (0.15, 0.3), (3.0, 7.0)),
    "bush": ((0.8, 3.0), (0.8, 3.0), (0.6, 2.2)),
    "bin": ((0.6, 1.6), (0.6, 1.6), (0.8, 1.6)),
    "building": ((8.0, 24.0), (4.0, 10.0), (3.0, 14.0)),
}
SIZES |= {"construction_vehicle": SIZES["truck"], "bollard": SIZES["traffic_cone"]}


@dataclass(frozen=True)
class World:
    """Parts, the true boxes, and the ground's slope (2,); in the vehicle's frame, origin on the ground, x ahead."""

    parts: Parts
    boxes: Boxes
    slope: np.ndarray


def draw_world(rng: np.random.Generator, reach: float) -> World:
    """Draw a street within `reach` m of the vehicle."""
    slope = rng.normal(0, 0.015, 2)
    names = [n for n, most in MANY.items() for _ in range(rng.integers(0, most + 1))]
    names += [n for n, most in OTHERS.items() for _ in range(rng.integers(most // 2, most + 1))]
    names.sort(key=lambda n: -SIZES[n][0][1])  # large ones find a place first
    taken = [(0.0, 0.0, 3.0)]  # x, y, radius; the vehicle
    rows, truth = [], []
    for name in names:
        size = np.array([rng.uniform(*limits) for limits in SIZES[name]])
        place = _place(rng, name, size, reach, taken)
        if place is None:
            continue
        x, y, yaw = place
        taken.append((x, y, float(np.hypot(*size[:2])) / 2))
        center = np.array([x, y, slope @ (x, y) + size[2] / 2])
        rows += _built(rng, name, center, size, yaw)
        if name in CLASSES:
            truth.append((name, center, size, yaw, _speed(rng, name)))
    label = [CLASSES.index(t[0]) for t in truth]
    yaw = np.array([t[3] for t in truth])
    speed = np.array([t[4] for t in truth])
    made = boxes(
        np.array([t[1] for t in truth]).reshape(-1, 3),
        np.array([t[2] for t in truth]).reshape(-1, 3),
        yaw,
        label,
        CLASSES,
        velocity=np.stack([speed * np.cos(yaw), speed * np.sin(yaw)], -1).reshape(-1, 2),
        track=[f"object {k}" for k in range(len(truth))],
        attribute=[(MOVING if t[4] else STILL).get(t[0], "") for t in truth],
    )
    return World(Parts.of(rows), made, slope)


def _place(rng: np.random.Generator, name: str, size: np.ndarray, reach: float, taken: list) -> tuple | None:
    """Draw where something stands and how it is turned: in a lane, or anywhere; buildings beside the road."""
    radius = float(np.hypot(*size[:2])) / 2
    spots = np.array(taken)
    for _ in range(12):
        x, y = rng.uniform(-reach, reach, 2)
        yaw = rng.uniform(-np.pi, np.pi)
        if name == "building":
            y = rng.choice([-1, 1]) * rng.uniform(0.45 * reach, 1.3 * reach)
            yaw = rng.normal(0, 0.15)
        elif name in ("car", "truck", "bus", "construction_vehicle") and rng.random() < 0.55:
            lane = rng.integers(-3, 4)
            y, yaw = 3.5 * lane + rng.normal(0, 0.3), (0 if lane <= 0 else np.pi) + rng.normal(0, 0.08)
        free = np.hypot(spots[:, 0] - x, spots[:, 1] - y) > spots[:, 2] + radius + 0.2
        if free.all():
            return x, y, yaw
    return None


def _speed(rng: np.random.Generator, name: str) -> float:
    if name not in MOVING or rng.random() < 0.5:
        return 0.0
    return float(rng.uniform(0.5, 2.0) if name == "pedestrian" else rng.uniform(2, 12))


def _color(rng: np.random.Generator, hue: tuple[float, float] = (0, 1), strong: float | None = None) -> np.ndarray:
    """Any color; trucks must not be taken for construction vehicles, so strong orange and yellow are left to them."""
    for _ in range(20):
        h, s, v = rng.uniform(*hue), rng.beta(1, 1.5) if strong is None else strong, rng.uniform(0.1, 0.95)
        if strong is not None or not (0.04 < h < 0.19 and s > 0.35):
            break
    return np.array(colorsys.hsv_to_rgb(h, s, max(v, 0.55) if strong is not None else v))


def _built(rng: np.random.Generator, name: str, center: np.ndarray, size: np.ndarray, yaw: float) -> list[dict]:
    """Return the parts of one object, which together fill its box."""
    paint = {
        "color": _color(rng),
        "second": _color(rng),
        "pattern": int(rng.choice([PLAIN, PLAIN, BANDS, STRIPES, CHECKER, SPOTS])),
        "scale": float(rng.uniform(0.15, 1.2)),
        "shine": float(rng.uniform(0.05, 0.9)),
    }
    if name == "construction_vehicle":
        paint |= {"color": _color(rng, (0.08, 0.15), 0.9), "second": np.full(3, 0.06)}
        paint |= {"pattern": int(rng.choice([PLAIN, STRIPES])), "scale": float(rng.uniform(0.6, 1.5))}
    if name == "traffic_cone":
        paint |= {"color": _color(rng, (0.02, 0.07), 0.95), "second": np.full(3, 0.9), "pattern": BANDS, "scale": 0.35}
    if name == "bush":
        paint |= {"color": _color(rng, (0.2, 0.4), 0.5) * 0.6, "pattern": SPOTS, "scale": 0.2}
    if name in ("bus", "building"):
        paint |= {
            "pattern": WINDOWS,
            "scale": float(rng.uniform(1.0, 2.5)),
            "second": np.full(3, rng.uniform(0.05, 0.4)),
        }

    def part(where: tuple, share: tuple, kind: int = BLOCK, **other: object) -> dict:
        """`where` is the middle and `share` the size, both in parts of the box, from -1/2 to 1/2."""
        offset = np.array(where) * size
        c, s = np.cos(yaw), np.sin(yaw)
        turned = np.array([c * offset[0] - s * offset[1], s * offset[0] + c * offset[1], offset[2]])
        given = {"center": center + turned, "half": np.array(share) * size / 2, "yaw": yaw, "kind": kind}
        return paint | given | other

    dark = {"color": np.full(3, 0.05), "pattern": PLAIN, "shine": 0.1}
    glass = {"color": np.full(3, 0.15), "second": paint["color"], "pattern": PLAIN, "shine": 0.15}
    wheels = [part((x, y, -0.34), (0.16, 0.14, 0.32), ELLIPSOID, **dark) for x in (-0.3, 0.3) for y in (-0.42, 0.42)]
    if name == "car":
        front = part((0.49, 0, -0.1), (0.02, 0.8, 0.12), color=np.full(3, 0.95), pattern=PLAIN)
        back = part((-0.49, 0, -0.1), (0.02, 0.8, 0.12), color=np.array([0.7, 0.02, 0.02]), pattern=PLAIN)
        cabin = part((-0.08, 0, 0.29), (0.52, 0.88, 0.42), **glass)
        return [part((0, 0, -0.12), (0.98, 1, 0.4)), cabin, front, back, *wheels]
    if name in ("truck", "construction_vehicle"):
        cab = part((0.38, 0, -0.1), (0.24, 0.95, 0.6), color=paint["color"], pattern=PLAIN)
        screen = part((0.495, 0, 0.05), (0.01, 0.8, 0.2), **glass)
        return [part((-0.13, 0, 0.06), (0.74, 1, 0.88)), cab, screen, *wheels]
    if name == "bus":
        return [part((0, 0, 0.03), (1, 1, 0.94)), part((0.495, 0, 0.15), (0.01, 0.9, 0.4), **glass), *wheels]
    if name == "pedestrian":
        trousers = {"color": _color(rng), "pattern": PLAIN}
        skin = {"color": np.array([0.8, 0.6, 0.45]) * rng.uniform(0.4, 1.1), "pattern": PLAIN}
        legs = [part((x, y, -0.28), (0.35, 0.3, 0.44), **trousers) for x, y in ((0.25, -0.2), (-0.25, 0.2))]
        return [
            part((0, 0, 0.12), (0.6, 1, 0.4), ELLIPSOID),
            part((0, 0, 0.41), (0.45, 0.4, 0.18), ELLIPSOID, **skin),
            *legs,
        ]
    if name in ("traffic_cone", "bollard"):
        return [part((0, 0, -0.5), (0.7, 0.7, 2), ELLIPSOID), part((0, 0, -0.46), (1, 1, 0.08))]
    return [part((0, 0, 0), (1, 1, 1), ELLIPSOID if name == "bush" else BLOCK)]
