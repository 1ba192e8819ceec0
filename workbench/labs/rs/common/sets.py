"""The sets of the lab `rs`: drawn ones (S1 classic, S2 graded, S3 failures), real ones, and tasks cut from those."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.contract import Context, LabError
from workbench.labs.rs.params import OWN, REAL, Params

SMALLEST_CLASS = 6  # three folds need two rows of each class in every fold
TASK_ROWS = 1000  # a task of a large table is drawn down to this many rows
Rng = np.random.Generator


@dataclass(frozen=True)
class Set:
    """A labeled set: ``x`` (n, d) float64, ``y`` (n,) in 0..K-1, the names of classes and features."""

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """The class name of every row."""
        return np.array(self.classes)[self.y]


@dataclass(frozen=True)
class Task:
    """A classification task cut out of a set: its rows and columns, not yet made harder."""

    kind: str  # pairs | triples | features
    name: str
    classes: str
    rows: np.ndarray
    columns: np.ndarray


# S1: the six classic sets in the plane -------------------------------------------------------------------------------


def moons(n: int, rng: Rng, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Return two interleaved half circles: points (n, 2) and labels (n,)."""
    y = np.arange(n) % 2
    t = rng.uniform(0, np.pi, n)
    x = np.where(y[:, None] == 0, np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)])
    return x + noise * rng.normal(size=x.shape), y


def circles(n: int, rng: Rng, factor: float = 0.5, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Return two concentric circles, the inner one `factor` times as wide."""
    y = np.arange(n) % 2
    t = rng.uniform(0, 2 * np.pi, n)
    x = np.where(y == 0, 1.0, factor)[:, None] * np.c_[np.cos(t), np.sin(t)]
    return x + noise * rng.normal(size=x.shape), y


def spirals(n: int, rng: Rng, turns: float = 1.5, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Return two interleaved spirals."""
    y = np.arange(n) % 2
    r = np.sqrt(rng.uniform(0.02, 1, n))  # even along the area, so that the middle is not crowded
    t = 2 * np.pi * turns * r + np.pi * y
    x = r[:, None] * np.c_[np.cos(t), np.sin(t)]
    return x + noise * rng.normal(size=x.shape), y


def xor(n: int, rng: Rng, std: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Return four blobs on the corners of a square; opposite corners share a class."""
    corner = np.arange(n) % 4
    centers = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)
    return centers[corner] + std * rng.normal(size=(n, 2)), corner % 2


def blobs(n: int, rng: Rng, distance: float = 10.0, std: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two round Gaussians `distance` apart."""
    y = np.arange(n) % 2
    x = std * rng.normal(size=(n, 2))
    x[:, 0] += distance * (y - 0.5)
    return x, y


def noise_only(n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return uniform points whose labels mean nothing."""
    return rng.uniform(-1, 1, (n, 2)), rng.permutation(np.arange(n) % 2)


CLASSIC: dict[str, Callable[[int, Rng], tuple[np.ndarray, np.ndarray]]] = {
    "random": noise_only,
    "spirals": spirals,
    "xor": xor,
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
}

# S2: sets whose difficulty is set by one knob ------------------------------------------------------------------------


def ring(n: int, rng: Rng, k: int, std: float = 1.5, radius: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Return `k` round Gaussians evenly on a circle: more classes, less room for each."""
    y = np.arange(n) % k
    t = 2 * np.pi * y / k
    return radius * np.c_[np.cos(t), np.sin(t)] + std * rng.normal(size=(n, 2)), y


STD = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # spread of two blobs that are 10 apart
DISTANCE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # distance of two blobs of spread 1
COUNT = (2, 3, 4, 5, 6, 8, 10)  # classes on the ring
GRADED: dict[str, tuple[tuple[float, ...], Callable[[int, Rng, float], tuple[np.ndarray, np.ndarray]]]] = {
    "std": (STD, lambda n, rng, level: blobs(n, rng, std=level)),
    "distance": (DISTANCE, lambda n, rng, level: blobs(n, rng, distance=level)),
    "classes": (COUNT, lambda n, rng, level: ring(n, rng, int(level))),
}

# S3: sets on which measures fail -------------------------------------------------------------------------------------


def subspaces(n: int, rng: Rng, dimension: int = 50, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return two classes with one mean, each on its own `k`-dimensional subspace; the two are orthogonal."""
    y = np.arange(n) % 2
    basis, _ = np.linalg.qr(rng.normal(size=(dimension, 2 * k)))  # (D, 2k)
    code = rng.normal(size=(n, k))  # (n, k)
    return np.where(y[:, None] == 0, code @ basis[:, :k].T, code @ basis[:, k:].T), y


def cigar(n: int, rng: Rng, long: float = 100.0, gap: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two classes split along the short axis of a very long cloud; the long axis says nothing."""
    x, y = blobs(n, rng, distance=gap)
    return np.c_[long * rng.normal(size=n), x[:, 0]], y


def drowned(n: int, rng: Rng, dimension: int = 200, distance: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two blobs beside `dimension` features of pure noise."""
    x, y = blobs(n, rng, distance=distance)
    return np.c_[x, rng.normal(size=(n, dimension))], y


FAILURES = {"subspaces": subspaces, "cigar": cigar, "noise": drowned}

# Real sets -----------------------------------------------------------------------------------------------------------


def source_name(params: Params) -> str:
    """Return the catalog name of the set that tasks are cut from.

    Raises
    ------
    LabError
        If an own file is asked for and none is named.
    """
    if params.dataset == OWN:
        if not params.file:
            raise LabError("No file is named.", "Give the path of a CSV, Parquet, NPZ or NPY table as `file`.")
        return f"file:{Path(params.file).expanduser().resolve()}"
    return params.dataset if params.dataset in REAL else "digits"


def read(name: str, ctx: Context, target: str = "") -> Set:
    """Read a real set through the catalog, scaled as the lab does it.

    The pixels of digits share one unit and are divided by 16; the columns of any other table have units of their
    own and are standardized.

    Raises
    ------
    LabError
        If the table cannot be read, has one class only, or a class of fewer than six rows.
    """
    from workbench.data.tables.table import read_table

    table = read_table(ctx.data(name), target or None)
    x = table.X
    found, y, count = np.unique(table.y, return_inverse=True, return_counts=True)
    classes = tuple(str(table.class_names[i]) for i in found)
    if count.min() < SMALLEST_CLASS:
        rare = classes[int(count.argmin())]
        raise LabError(
            f"Class {rare!r} has {count.min()} rows; three folds need {SMALLEST_CLASS}.",
            "Drop or merge rare classes, or name another `target`.",
        )
    if name == "digits":
        x = x / 16
    else:
        std = x.std(0)
        x = (x - x.mean(0)) / np.where(std > 0, std, 1)
    own = name.startswith("file:")
    return Set("own table" if own else name, x, y, classes, tuple(map(str, table.feature_names)), tuple(table.notes))


def chosen(params: Params, ctx: Context, seed: int = 0) -> Set:
    """Return the chosen set: drawn anew for each `seed` when synthetic, read and thinned to `rows` when real."""
    if params.dataset in CLASSIC:
        x, y = CLASSIC[params.dataset](params.n, ctx.rng(f"chosen/{seed}"))
        return Set(params.dataset, x, y, ("class 1", "class 2"), ("x", "y"))
    data = read(source_name(params), ctx, params.target)
    keep = thin(data.y, params.rows, ctx.rng("chosen"))
    if len(keep) == len(data.y):
        return data
    note = f"{len(keep)} of the {len(data.y)} rows of {data.name} are used, drawn from each class in proportion."
    return replace(data, x=data.x[keep], y=data.y[keep], notes=(*data.notes, note))


def thin(y: np.ndarray, limit: int, rng: Rng) -> np.ndarray:
    """Return at most about `limit` row numbers, each class in proportion but never under six rows."""
    if len(y) <= limit:
        return np.arange(len(y))
    order = rng.permutation(len(y))
    share = limit / len(y)
    parts = []
    for c in np.unique(y):
        members = order[y[order] == c]
        parts.append(members[: max(min(SMALLEST_CLASS, len(members)), int(share * len(members)))])
    return np.sort(np.concatenate(parts))


# Tasks ---------------------------------------------------------------------------------------------------------------


def cut(data: Set, count: int, rng: Rng) -> list[Task]:
    """Cut at most `count` tasks of each kind out of a set.

    Four or more classes: class pairs, and at most 30 class triples. Fewer: subsets of two features (of every
    size where there are fewer than five features), all classes.
    """
    k, d = len(data.classes), data.x.shape[1]
    every, columns = np.arange(len(data.y)), np.arange(d)
    tasks: list[Task] = []
    if k >= 4:
        for kind, size, limit in (("pairs", 2, count), ("triples", 3, min(count, 30))):
            for group in draw(list(itertools.combinations(range(k), size)), limit, rng):
                names = " | ".join(data.classes[c] for c in group)
                rows = np.flatnonzero(np.isin(data.y, group))
                rows = rows[thin(data.y[rows], TASK_ROWS, rng)]
                tasks.append(Task(kind, names, names, rows, columns))
    else:
        sizes = [2] if d >= 5 else range(1, d + 1)
        subsets = [s for size in sizes for s in itertools.islice(itertools.combinations(range(d), size), 100_000)]
        rows = every[thin(data.y, TASK_ROWS, rng)]
        for subset in draw(subsets, count, rng):
            name = " + ".join(data.features[f] for f in subset)
            tasks.append(Task("features", name, " | ".join(data.classes), rows, np.array(subset)))
    return tasks


def draw(items: list, count: int, rng: Rng) -> list:
    """Return `count` of the items in their order, all of them when there are no more."""
    if len(items) <= count:
        return items
    return [items[i] for i in np.sort(rng.choice(len(items), count, replace=False))]


def settings_for(tasks: list[Task], settings: list[str]) -> Iterator[str]:
    """Yield the difficulties that make sense for these tasks: three components need more than three features."""
    wide = all(len(t.columns) > 3 for t in tasks)
    return (s for s in settings if s != "pca3" or wide)


def make(task: Task, data: Set, setting: str, noise: float, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, d) and labels (n,) of a task in one difficulty; `noise` in units of the scaled features."""
    x = data.x[np.ix_(task.rows, task.columns)]
    y = np.unique(data.y[task.rows], return_inverse=True)[1]
    if setting == "noisy":
        x = x + noise * rng.normal(size=x.shape)
    elif setting == "pca3":
        x = principal(x, 3)
    return x, y


def principal(x: np.ndarray, k: int) -> np.ndarray:
    """Return the first `k` principal components (n, k), each with its largest loading positive; zeros beyond d."""
    centered = x - x.mean(0)
    _, _, v = np.linalg.svd(centered, full_matrices=False)
    v = v[:k] * np.sign(v[np.arange(min(k, len(v))), np.abs(v[:k]).argmax(1)])[:, None]
    flat = centered @ v.T
    return np.pad(flat, ((0, 0), (0, k - flat.shape[1])))
