"""From data to result, and the answers to the probe. Runs in a worker; every random number comes from `ctx`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Context, LoadedRun, Result

from . import data, model
from .params import Params, Question


def run(params: Params, ctx: Context) -> Result:
    """Train and test on random splits; then train once on all flowers, for the probe."""
    x, y = data.flowers()
    accuracy: list[float] = []
    tested, mistaken = np.zeros(len(y)), np.zeros(len(y))
    for split in range(params.splits):
        if ctx.should_stop():
            break
        test = data.held_out(y, params.held_out, ctx.rng(f"split/{split}"))
        wrong = model.nearest(x[test], model.centroids(x[~test], y[~test])) != y[test]
        tested[test] += 1
        mistaken[test] += wrong
        accuracy.append(float(1 - wrong.mean()))
        ctx.metric("accuracy", accuracy[-1], split)
        ctx.progress(split + 1, params.splits, "splitting")
    centers = model.centroids(x, y)
    table = pd.DataFrame(x, columns=list(data.MEASUREMENTS))
    table["species"] = np.array(data.SPECIES)[y]
    table["named"] = np.array(data.SPECIES)[model.nearest(x, centers)]
    table["mistaken"] = np.divide(mistaken, tested, out=np.full(len(y), np.nan), where=tested > 0)
    return Result(
        metrics={"accuracy": float(np.mean(accuracy))} if accuracy else {},
        samples={"accuracy": accuracy},
        tables={"flowers": table},
        arrays={"centroids": centers},
        notes=["The splits are random, and the method is simpler than the paper's linear discriminant."],
        partial=len(accuracy) < params.splits,
    )


def load(run: LoadedRun) -> np.ndarray:
    """Return the model of a finished run; the worker keeps it, so that the probe answers at once."""
    return run.result.arrays["centroids"]


def probe(run: LoadedRun, question: Question) -> Result:
    """Name one flower; the question has been checked against its bounds."""
    far = model.distances(np.array([question.flower]), run.model)[0]
    return Result(tables={"answer": pd.DataFrame({"species": data.SPECIES, "distance": far}).sort_values("distance")})


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Name all flowers again by the saved centroids: name -> (recorded, found now)."""
    x, y = data.flowers()
    table = run.result.tables["flowers"]
    recorded = float((table["named"] == table["species"]).mean())
    return {"share named right": (recorded, float((model.nearest(x, run.model) == y).mean()))}
