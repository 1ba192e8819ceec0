"""The typed parameters of the lab `rs`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

REAL = ("digits", "wine", "breast_cancer", "iris")
SYNTHETIC = ("moons", "circles", "spirals", "xor", "blobs", "random")
OWN = "own file"
STUDIES = ("set", "graded", "failures", "tasks", "curves", "loss")
SETTINGS = ("clean", "noisy", "pca3")
GAUSSIANS = "gaussians"


class Params(Base):
    """Set, settings of RS, and the studies to run.

    There is no preset ``paper``: the tables and data sets of the paper could not be read, so its setting is
    unknown, and a preset of that name would pretend. ``claims`` is the nearest thing: the abstract's claims, each
    with enough tasks and repetitions to be judged.
    """

    dataset = param.Selector(
        default="digits",
        objects=[*REAL, *SYNTHETIC, OWN],
        doc="The set to look at; real ones (and your own) are also cut into tasks, for synthetic ones digits is.",
    )
    file = param.String(default="", doc="Path of your own CSV, Parquet, NPZ or NPY table; used with 'own file'.")
    target = param.String(default="", doc="Column with the class labels in your own table; empty: the last one.")
    studies = param.ListSelector(
        default=["set", "graded", "failures", "tasks", "curves"],
        objects=list(STUDIES),
        doc="Which experiments to run, in this order: "
        "the set itself, graded blobs, failure cases, tasks, layer curves, RS as a loss.",
    )
    eps = param.Number(
        default=0.5,
        bounds=(0.01, 1.0),
        doc="Distortion: differences smaller than this count as none (fixed at 0.5 before looking at any result).",
    )
    variant = param.Selector(
        default="ratio",
        objects=["ratio", "delta", "length"],
        doc="Form of RS: the share of the rate that the classes explain, the bits they explain, or coding lengths.",
    )
    prep = param.Selector(
        default="frob",
        objects=["frob", "std", "unit", "none"],
        doc="Scaling before RS: one scalar, per feature, unit-length rows, or none.",
    )
    center = param.Boolean(default=True, doc="Subtract each class's mean; without it a shift of means is invisible.")
    null = param.Integer(default=20, bounds=(0, 200), doc="Random labelings that make the null band.")
    components = param.Integer(default=8, bounds=(1, 64), doc="Mixture components of RS-local.")
    seeds = param.Integer(default=2, bounds=(1, 20), doc="Repetitions of everything that is drawn at random.")
    n = param.Integer(default=500, bounds=(60, 5000), doc="Points of each synthetic set.")
    rows = param.Integer(default=2000, bounds=(100, 20000), doc="Largest number of rows used of a real set.")
    tasks = param.Integer(default=12, bounds=(6, 200), doc="Tasks cut of each kind (digits has 45 pairs).")
    settings = param.ListSelector(
        default=["clean", "noisy"],
        objects=list(SETTINGS),
        doc="Difficulties of the tasks: as they are, with noise, or reduced to three principal components.",
    )
    also = param.ListSelector(
        default=[],
        objects=list(REAL),
        doc="More real sets cut into tasks, to confirm there what was seen on the first.",
    )
    noise = param.Number(default=1.0, bounds=(0.0, 5.0), doc="Standard deviation of the noise in the noisy setting.")
    epochs = param.Integer(default=15, bounds=(1, 200), doc="Training epochs of the small network.")
    width = param.Integer(default=64, bounds=(4, 1024), doc="Units of each hidden layer.")
    depth = param.Integer(default=2, bounds=(1, 6), doc="Hidden layers.")
    batch = param.Integer(default=64, bounds=(8, 1024), doc="Training batch.")
    rate = param.Number(default=1e-3, bounds=(1e-5, 0.1), doc="Learning rate (AdamW).")
    loss_weight = param.Number(default=0.5, bounds=(0.0, 10.0), doc="Weight of 1 - RS beside the cross entropy.")

    units: ClassVar[dict[str, str]] = {
        "eps": "scaled distance",
        "n": "points",
        "rows": "rows",
        "noise": "feature range",
        "null": "labelings",
        "epochs": "epochs",
        "width": "units",
        "batch": "samples",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        "variant",
        "prep",
        "center",
        "null",
        "components",
        "rows",
        "settings",
        "also",
        "noise",
        "width",
        "depth",
        "batch",
        "rate",
        "loss_weight",
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "seeds": 1,
            "n": 60,
            "tasks": 6,
            "epochs": 2,
            "width": 8,
            "depth": 1,
            "null": 2,
            "components": 2,
            "rows": 120,
        },
        "claims": {
            "studies": list(STUDIES),
            "seeds": 5,
            "n": 1000,
            "tasks": 78,  # all pairs of wine's 13 features; digits has 45 pairs, and 30 triples are drawn
            "settings": list(SETTINGS),
            "also": ["wine", "breast_cancer"],
            "epochs": 30,
        },
        "full": {
            "studies": list(STUDIES),
            "seeds": 10,
            "n": 2000,
            "null": 100,
            "tasks": 120,
            "settings": list(SETTINGS),
            "also": ["wine", "breast_cancer", "iris"],
            "epochs": 60,
            "width": 256,
            "depth": 3,
        },
    }


class Question(BaseQuestion):
    """A question about a set that is drawn as described: how separable it is."""

    set = param.Selector(default=GAUSSIANS, objects=[GAUSSIANS, *SYNTHETIC], doc="Gaussian classes, or a classic set.")
    means = param.List(
        default=[[-2.0, 0.0], [2.0, 0.0]], bounds=(2, 10), item_type=list, doc="Mean (x, y) of each Gaussian class."
    )
    std = param.List(
        default=[1.0],
        bounds=(1, 10),
        item_type=(int, float, list),
        doc="Spread of each class, a number or (x, y); one for all.",
    )
    rotation = param.Number(default=0.0, bounds=(-3600, 3600), softbounds=(0, 360), step=1.0, doc="Turn of the plane.")
    label_noise = param.Number(
        default=0.0, bounds=(0, 1), step=0.01, doc="Share of the labels that is drawn at random."
    )
    dimension = param.Integer(
        default=2,
        bounds=(2, 200),
        softbounds=(2, 64),
        label="Dimensions",
        doc="Features; those beyond the second are noise.",
    )
    n = param.Integer(default=1000, bounds=(30, 5000), softbounds=(100, 2000), step=50, label="Points", doc="Points.")
    eps = param.Number(
        default=None,
        allow_None=True,
        bounds=(1e-3, 10),
        softbounds=(0.01, 1),
        step=0.01,
        label="Distortion ε of RS",
        doc="Distortion; that of the run without.",
    )
    null = param.Integer(default=20, bounds=(0, 100), doc="Permutations of the null band.")
    seed = param.Integer(default=0, bounds=(0, 2**31 - 1), doc="Seed of the draw.")

    units: ClassVar[dict[str, str]] = {"rotation": "degrees"}
