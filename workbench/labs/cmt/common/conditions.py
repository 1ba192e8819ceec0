"""Test conditions by name: sensors that are off or disturbed. Needs neither torch nor data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """A state of the sensors.

    Attributes
    ----------
    title
        For people.
    lidar
        Whether the LiDAR is on.
    missing
        Cameras that are off, drawn anew in each scene; -1: all.
    beams
        Of so many beams one is kept.
    shake
        Degrees by which each camera's calibration is turned about an axis of its own, drawn anew in each scene.
    """

    title: str
    lidar: bool = True
    missing: int = 0
    beams: int = 1
    shake: float = 0.0


CONDITIONS: dict[str, Condition] = {
    "both": Condition("Both sensors"),
    "no lidar": Condition("No LiDAR", lidar=False),
    "no cameras": Condition("No cameras", missing=-1),
    "1 camera off": Condition("1 camera off", missing=1),
    "3 cameras off": Condition("3 cameras off", missing=3),
    "half the beams": Condition("1/2 of the beams", beams=2),
    "a quarter of the beams": Condition("1/4 of the beams", beams=4),
    "shaken by 1°": Condition("Calibration off by 1°", shake=1.0),
    "shaken by 3°": Condition("Calibration off by 3°", shake=3.0),
}
BOTH, NO_LIDAR, NO_CAMERAS = "both", "no lidar", "no cameras"
