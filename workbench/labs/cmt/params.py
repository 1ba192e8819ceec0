"""The typed parameters of the lab `cmt`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion
from workbench.data.scenes.formats.nuscenes import CLASSES
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.shapes import ARMS

SIM, FOLDER = "simulated drives", "nuScenes release in a folder"
SMALL_NET, PAPER_NET = "small", "paper"


class Params(Base):
    """Scenes, ways to fuse LiDAR and cameras, and what is taken away when they are tested."""

    HEIGHTS: ClassVar[tuple[float, float]] = (-5.0, 3.0)  # m of the space looked at, as released

    dataset = param.Selector(
        default=SIM,
        objects=[SIM, FOLDER],
        doc="Simulated drives in the layout of nuScenes, or a release of nuScenes that you hold.",
    )
    folder = param.String(default="", doc="Folder with samples, sweeps and tables; not for the simulated drives.")
    file = param.String(
        default="", doc="A scene of yours (zip, NPZ, PCD, PLY, BIN, folder), in which the first arm looks as well."
    )
    classes = param.ListSelector(
        default=["car", "pedestrian", "traffic_cone"],
        objects=list(CLASSES),
        doc="Classes that are learned and scored; the simulator has no trailer, bicycle and motorcycle.",
    )
    arms = param.ListSelector(
        default=["plain", "masked"],
        objects=list(ARMS),
        doc="Ways to train and to join the sensors; 'late' also trains the two specialists.",
    )
    conditions = param.ListSelector(
        default=["both", "no lidar", "no cameras"],
        objects=list(CONDITIONS),
        doc="What is taken away or disturbed in the test.",
    )
    train = param.Integer(default=16, bounds=(0, 100_000), doc="Scenes to learn from; 0: all of a release.")
    validation = param.Integer(default=8, bounds=(0, 10_000), doc="Scenes that are scored; 0: all of a release.")
    reach = param.Number(default=16.0, bounds=(8, 60), doc="Half the side of the square that is looked at.")
    cameras = param.Integer(default=6, bounds=(1, 6), doc="Cameras of the simulator, the front one first.")
    height = param.Integer(default=48, bounds=(16, 1024), step=16, doc="Height of an image for the network.")
    width = param.Integer(default=112, bounds=(16, 2048), step=16, doc="Width of an image for the network.")
    points = param.Integer(default=8000, bounds=(0, 1_000_000), doc="LiDAR points of a scene, at most; 0: all.")
    sweeps = param.Integer(default=9, bounds=(0, 9), doc="Older sweeps that are joined; a simulated scene has none.")
    network = param.Selector(
        default=SMALL_NET,
        objects=[SMALL_NET, PAPER_NET],
        doc="Small: minutes on a CPU. Paper: the published sizes, ResNet-50 and dense pillars.",
    )
    cell = param.Number(default=0.5, bounds=(0.05, 4), doc="Side of a pillar; a BEV token has two, or 8 (paper).")
    channels = param.Integer(
        default=64, bounds=(16, 512), step=16, doc="Width of the small network; the paper's has 256."
    )
    queries = param.Integer(default=49, bounds=(4, 2000), doc="Anchors, each of which may become a box.")
    steps = param.Integer(default=40, bounds=(1, 1_000_000), doc="Training steps of every arm.")
    batch = param.Integer(default=2, bounds=(1, 64), doc="Scenes of a training step.")
    rate = param.Number(default=1e-3, bounds=(1e-6, 0.1), doc="Highest learning rate (AdamW).")
    rise = param.Number(default=0.1, bounds=(0.001, 0.9), doc="Share of the steps in which the rate rises.")
    turn = param.Number(default=20.0, bounds=(0, 180), doc="Scenes are turned by up to so much in training.")
    seeds = param.Integer(default=1, bounds=(1, 20), doc="Trainings of each arm.")

    units: ClassVar[dict[str, str]] = {
        "reach": "m", "cell": "m", "height": "pixels", "width": "pixels", "turn": "°",
        "train": "scenes", "validation": "scenes", "batch": "scenes",
    }  # fmt: skip
    advanced: ClassVar[tuple[str, ...]] = (
        "folder", "file", "reach", "cameras", "height", "width", "points", "sweeps", "network", "cell", "channels",
        "queries", "batch", "rate", "rise", "turn",
    )  # fmt: skip
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "arms": ["masked"],
            "conditions": ["both", "no lidar"],
            "train": 4,
            "validation": 2,
            "cameras": 2,
            "height": 32,
            "width": 64,
            "points": 2000,
            "sweeps": 1,
            "channels": 32,
            "queries": 16,
            "steps": 6,
        },
        "claims": {
            "arms": [arm for arm in ARMS if arm != "bev"],
            "conditions": list(CONDITIONS),
            "train": 400,
            "validation": 100,
            "queries": 144,
            "steps": 1200,
            "batch": 4,
            "seeds": 3,
        },
        "full": {
            "classes": [c for c in CLASSES if c not in ("trailer", "bicycle", "motorcycle")],
            "arms": list(ARMS),
            "conditions": list(CONDITIONS),
            "train": 4000,
            "validation": 400,
            "reach": 32.0,
            "height": 96,
            "width": 224,
            "points": 0,
            "channels": 96,
            "queries": 196,
            "steps": 20_000,
            "batch": 16,
            "seeds": 3,
        },
        "paper": {
            "dataset": FOLDER,
            "classes": list(CLASSES),
            "arms": ["plain", "masked", "lidar", "camera"],
            "conditions": list(CONDITIONS),
            "train": 0,
            "validation": 0,
            "reach": 54.0,
            "height": 320,
            "width": 800,
            "points": 0,
            "network": PAPER_NET,
            "cell": 0.1,
            "queries": 900,
            "steps": 140_000,
            "batch": 16,
            "rate": 4e-4,
            "rise": 0.4,
            "turn": 45.0,
            "seeds": 1,
        },
    }


class Question(BaseQuestion):
    """A question about a kept scene: what is found with sensors switched off or disturbed, and where a query looks."""

    scene = param.String(default="", doc="A kept scene by name; the first one without.")
    arm = param.String(default="", doc="A kept network by its arm; the first one without.")
    lidar = param.Boolean(default=True, label="LiDAR on", doc="Whether the LiDAR is on.")
    off = param.List(default=[], item_type=str, doc="Names of cameras that are off.")
    beams = param.Integer(default=1, bounds=(1, 16), doc="Of so many beams of the LiDAR one is kept.")
    shake = param.Number(
        default=0.0,
        bounds=(0, 20),
        softbounds=(0, 10),
        step=0.25,
        label="Calibration off by",
        doc="Angle by which each camera's calibration is turned.",
    )
    draw = param.Integer(default=0, bounds=(0, 9999), doc="Number of the random draw of the axes of these turns.")
    query = param.Integer(
        default=None,
        allow_None=True,
        bounds=(0, None),
        doc="The query whose attention is shown; that of the surest box without.",
    )
    box = param.Integer(
        default=None,
        allow_None=True,
        bounds=(0, None),
        doc="A true box that is moved; the errors of a detector that finds all but this one exactly are then reported.",
    )
    ahead = param.Number(
        default=0.0,
        bounds=(-100, 100),
        softbounds=(-4, 4),
        step=0.1,
        label="Moved ahead",
        doc="Shift of that box along x.",
    )
    left = param.Number(
        default=0.0,
        bounds=(-100, 100),
        softbounds=(-4, 4),
        step=0.1,
        label="Moved left",
        doc="Shift of that box along y.",
    )
    turned = param.Number(default=0.0, bounds=(-360, 360), softbounds=(-180, 180), step=5.0, doc="Turn of that box.")
    grown = param.Number(
        default=1.0,
        bounds=(0.1, 10),
        softbounds=(0.5, 2),
        step=0.05,
        label="Sides",
        doc="Factor of each side of that box.",
    )

    units: ClassVar[dict[str, str]] = {"shake": "°", "ahead": "m", "left": "m", "turned": "°", "grown": "times"}
