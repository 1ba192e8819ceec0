import time

import numpy as np
import pandas as pd

from workbench.contract import LabError, Result


def run(params, ctx):
    if params.mood == "clumsy":
        raise ZeroDivisionError("the darts fell down")
    if params.mood == "careful":
        raise LabError("There is no board.", "Hang one up.")
    hits, thrown = map(int, (ctx.resume() or {"board": (0, 0)})["board"])
    for step in range(thrown // params.darts, params.steps):
        if params.mood != "deaf" and ctx.should_stop():
            break
        xy = ctx.rng(f"darts/{step}").random((params.darts, 2))
        hits, thrown = hits + int(((xy**2).sum(1) < 1).sum()), thrown + params.darts
        ctx.metric("estimate", 4 * hits / thrown, step)
        ctx.progress(step + 1, params.steps, "throwing")
        heap = {"heap": np.zeros(2**20)} if params.mood == "greedy" else {}  # 8 MB
        ctx.checkpoint({"board": np.array([hits, thrown])} | heap)
        ctx.save("last", pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1]}))
        time.sleep(params.pause)
    ctx.log(f"threw {thrown} darts")
    ctx.save("board", {"hits": np.array([hits, thrown])})
    return Result(metrics={"pi": 4 * hits / thrown} if thrown else {}, notes=["Darts are simulated."])


def load(run):
    from workbench.toolkit.tensors import load_tensors

    return load_tensors(run.folder / "models" / "board.safetensors")["hits"]


def probe(run, request):
    if "share" not in request:
        raise LabError("The question has no share.", "Ask for one.")
    return Result(metrics={"pi": 4 * float(run.model[0]) / float(run.model[1]) * request["share"]})
