"""Studies 1 and 2: the chosen set itself, sets graded in difficulty, and sets on which a measure fails.

A study is a generator: it adds rows to the book (table name -> rows) and yields (done, total) after each unit of work,
so that `run` can show progress and obey a stop in between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.contract import Context
from workbench.labs.rs.common.sets import CLASSIC, FAILURES, GRADED, Set, chosen, principal, thin
from workbench.labs.rs.method.classify import THREE, accuracy
from workbench.labs.rs.method.measures import MEASURES, all_measures
from workbench.labs.rs.method.model import VARIANTS, RSResult, adjust, rs, rs_local
from workbench.labs.rs.params import Params

Book = dict[str, list[dict]]
DISTANCES = tuple(key for key in MEASURES if not key.startswith("rs"))
SHOWN = 2000  # points that are drawn
POST_HOC_EPS = 1.0  # looked better on digits after the fact, so it is shown beside eps and judged on other sets
EPS_GRID = np.geomspace(0.01, 1.0, 15)
FAILURE_EPS = (0.01, 0.1, 0.5, 1.0)
CELLS = (1, 2, 4, 8, 16, 32)  # mixture components of the study of RS-local
QUICK_NULL = 5  # labelings where only the mean of the null is needed, and many sets are measured
BIAS_D, BIAS_N = (2, 8, 32, 64), (50, 100, 200, 500, 1000)


def options(params: Params, ctx: Context) -> dict:
    """Return how this run computes RS, as keyword arguments."""
    return {
        "eps": params.eps,
        "prep": params.prep,
        "center": params.center,
        "variant": params.variant,
        "device": ctx.device,
    }


def measure(
    x: np.ndarray, y: np.ndarray, how: dict, rng: np.random.Generator | int, components: int, null: int, null_rs: int
) -> pd.DataFrame:
    """Measure a set in every way.

    Parameters
    ----------
    how
        How RS is computed, see `options`; the other measures know no such choice.
    components
        Of the mixture of RS-local; less where there are few rows.
    null, null_rs
        Labelings that make the null band of the distance measures, and of RS and RS-local.

    Returns
    -------
    DataFrame
        measure, label, value, raw, null_mean, null_lo, null_hi, seconds: one row for each of `MEASURES`.
    """
    rng = np.random.default_rng(rng)
    return pd.concat([by_rate(x, y, how, rng, components, null_rs), by_distance(x, y, rng, null)], ignore_index=True)


def by_rate(
    x: np.ndarray, y: np.ndarray, how: dict, rng: np.random.Generator, components: int, null: int
) -> pd.DataFrame:
    """Return the rows of RS, RS adjusted and RS-local."""
    began = time.perf_counter()
    rate = rs(x, y, null=null, rng=rng, **how)
    between = time.perf_counter()
    cells = min(components, max(1, len(x) // 8))
    local = rs_local(x, y, cells, how["eps"], null, rng=rng, device=how["device"])
    ended = time.perf_counter()
    moved = _moved(rate, bits=how["variant"] == "delta")
    rows = [
        _row("rs", rate.value, rate.value, (rate.null_mean, rate.null_lo, rate.null_hi), between - began),
        _row("rs_adj", rate.adjusted, rate.value, moved, between - began),
        _row("rs_local", local.adjusted, local.value, _moved(local, bits=False), ended - between),
    ]
    return pd.DataFrame(rows)


def by_distance(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, null: int, which: tuple[str, ...] = DISTANCES
) -> pd.DataFrame:
    """Return the rows of all other measures, or of some of them."""
    return all_measures(x, y, null=null, rng=rng, which=which)


def _row(key: str, value: float, raw: float, band: tuple[float, float, float], seconds: float) -> dict:
    band_of = dict(zip(("null_mean", "null_lo", "null_hi"), band, strict=True))
    return {"measure": key, "label": MEASURES[key].label, "value": value, "raw": raw, **band_of, "seconds": seconds}


def _moved(found: RSResult, bits: bool) -> tuple[float, float, float]:
    """Return the null band after the null correction: its mean is 0."""
    low, high = found.null_lo, found.null_hi
    if bits:
        return 0.0, low - found.null_mean, high - found.null_mean
    return 0.0, adjust(low, found.null_mean), adjust(high, found.null_mean)


def the_set(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Study 1: the points, all measures with their null bands, RS over eps, and the bias of RS in n and d."""
    data, how = chosen(params, ctx), options(params, ctx)
    total = 2 + len(EPS_GRID) * len(VARIANTS) + len(BIAS_D) * params.seeds
    found = measure(data.x, data.y, how, ctx.rng("set/null"), params.components, params.null, params.null)
    book["measures"] += found.to_dict("records")
    yield 1, total
    done = 1
    for eps in EPS_GRID:
        for variant in VARIANTS:
            setting = how | {"eps": float(eps), "variant": variant}
            found = rs(data.x, data.y, null=min(params.null, QUICK_NULL), rng=ctx.rng("set/eps"), **setting)
            row = {"eps": float(eps), "variant": variant, "value": found.value, "null_mean": found.null_mean}
            book["epsilon"].append(row | {"adjusted": found.adjusted})
            done += 1
            yield done, total
    for d in BIAS_D:
        for seed in range(params.seeds):
            rng = ctx.rng(f"bias/{d}/{seed}")
            for n in BIAS_N:
                x, y = rng.normal(size=(n, d)), np.arange(n) % 2
                found = rs(x, y, null=max(params.null, 10), rng=rng, **how)
                row = {"d": d, "n": n, "seed": seed, "null_mean": found.null_mean, "null_std": found.null_std}
                book["bias"].append(row)
            done += 1
            yield done, total
    book["set"] += picture(data, ctx)
    yield total, total


def picture(data: Set, ctx: Context) -> list[dict]:
    """Return the points in two projections: principal components, and t-SNE (PCA start, so nearly repeatable)."""
    from sklearn.manifold import TSNE

    keep = thin(data.y, SHOWN, ctx.rng("set/shown"))
    x = data.x[keep]
    flat = principal(x, 2)
    short = principal(x, 30) if x.shape[1] > 30 else x
    seed = int(ctx.rng("set/tsne").integers(2**31))
    perplexity = min(30.0, (len(x) - 1) / 3)
    maps = TSNE(init="pca", max_iter=500, perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(short)
    columns = zip(flat, maps.astype(float), data.labels[keep], keep, strict=True)
    return [{"x": p[0], "y": p[1], "tx": t[0], "ty": t[1], "label": str(c), "row": int(r)} for p, t, c, r in columns]


def graded(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Study 1: S2, one knob at a time, and S1, the six classic sets."""
    units = [
        (family, level, seed)
        for family, (levels, _) in GRADED.items()
        for seed in range(params.seeds)
        for level in levels
    ]
    classic = [(name, seed) for name in CLASSIC for seed in range(params.seeds)]
    total = len(units) + len(classic)
    for done, (family, level, seed) in enumerate(units, 1):
        x, y = GRADED[family][1](params.n, ctx.rng(f"graded/{family}/{seed}"), level)  # the same draw at every level
        row = {"family": family, "level": float(level), "seed": seed}
        book["graded"] += against_classifiers(x, y, row, params, ctx, f"graded/{family}/{level}/{seed}")
        yield done, total
    for done, (name, seed) in enumerate(classic, len(units) + 1):
        x, y = CLASSIC[name](params.n, ctx.rng(f"classic/{name}/{seed}"))
        row = {"set": name, "seed": seed}
        book["classic"] += against_classifiers(x, y, row, params, ctx, f"classic/{name}/{seed}")
        yield done, total


def against_classifiers(
    x: np.ndarray, y: np.ndarray, row: dict, params: Params, ctx: Context, stream: str, names: tuple[str, ...] = THREE
) -> list[dict]:
    """Return one row for every measure, the accuracy of each classifier beside it."""
    scores = accuracy(x, y, ctx.rng(f"{stream}/folds"), names)
    rng = ctx.rng(f"{stream}/measures")
    found = measure(x, y, options(params, ctx), rng, params.components, null=0, null_rs=min(params.null, QUICK_NULL))
    return [
        row | {"measure": m, "value": float(v)} | scores for m, v in zip(found["measure"], found["value"], strict=True)
    ]


def failures(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Study 2: S3, where distance measures fail, and shapes, where RS fails and RS-local repairs it."""
    shapes = ("spirals", "circles", "moons", "random")
    units = [(name, seed) for name in FAILURES for seed in range(params.seeds)]
    repairs = [(name, cells, seed) for name in shapes for seed in range(params.seeds) for cells in CELLS]
    total = len(units) + len(repairs)
    for done, (name, seed) in enumerate(units, 1):
        stream = f"failures/{name}/{seed}"
        x, y = FAILURES[name](params.n, ctx.rng(stream))
        row = {"set": name, "eps": params.eps, "seed": seed}
        rows = against_classifiers(x, y, row, params, ctx, stream, (*THREE, "qda"))
        book["failures"] += rows
        for eps in (e for e in FAILURE_EPS if e != params.eps):  # only RS depends on it
            value = rs(x, y, null=0, **options(params, ctx) | {"eps": eps}).value
            book["failures"].append(rows[0] | {"eps": eps, "measure": "rs", "value": value})
        yield done, total
    for done, (name, cells, seed) in enumerate(repairs, len(units) + 1):
        x, y = CLASSIC[name](params.n, ctx.rng(f"local/{name}/{seed}"))
        rng = ctx.rng(f"local/{name}/{seed}/{cells}")
        found = rs_local(x, y, cells, params.eps, min(params.null, 10), rng=rng, device=ctx.device)
        row = {"set": name, "components": cells, "seed": seed, "value": found.value, "null_mean": found.null_mean}
        book["local"].append(row | {"adjusted": found.adjusted})
        yield done, total
