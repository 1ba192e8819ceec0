"""Entry points of the lab `rs`: run, load, probe and recheck."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.rs.common.correlate import groups, spearman
from workbench.labs.rs.common.sets import REAL, source_name
from workbench.labs.rs.method import probe as probing
from workbench.labs.rs.method import studies, tasks, training
from workbench.labs.rs.method.studies import Book
from workbench.labs.rs.params import OWN, STUDIES, Params, Question
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors

STEPS = {
    "set": studies.the_set,
    "graded": studies.graded,
    "failures": studies.failures,
    "tasks": tasks.tasks,
    "curves": training.curves,
    "loss": training.loss,
}
TITLES = {
    "set": "the chosen set",
    "graded": "graded and classic sets",
    "failures": "sets where measures fail",
    "tasks": "tasks cut from real data",
    "curves": "separability inside a network",
    "loss": "RS as a loss",
}
# The short studies and their tables: one that was cut off begins anew. The others, which are long, go on behind their
# last whole task or training.
ANEW = {
    "set": ("measures", "epsilon", "bias", "set"),
    "graded": ("graded", "classic"),
    "failures": ("failures", "local"),
}
SAVE_EVERY = 5.0  # seconds: a killed run keeps what it had then


def run(params: Params, ctx: Context) -> Result:
    """Run the chosen studies in their fixed order.

    Raises
    ------
    LabError
        If the data cannot be used, or no study is chosen.
    """
    if not params.studies:
        raise LabError("No study is chosen.", f"Choose some of {', '.join(STUDIES)}.")
    source_name(params)  # says at once that an own file is not named
    book, finished = opened(ctx.resume())
    notes = notes_for(params)
    stopped = False
    asked = [s for s in STUDIES if s in params.studies]
    for name in (s for s in asked if s not in finished):
        stage = f"{TITLES[name]} ({asked.index(name) + 1} of {len(asked)})" if len(asked) > 1 else TITLES[name]
        ctx.log(f"Study: {TITLES[name]}")
        for table in ANEW.get(name, ()):
            book.pop(table, None)
        began = saved = time.monotonic()
        ctx.progress(0, 0, stage)  # how many steps it has, it says with its first
        for done, total in STEPS[name](params, ctx, book):
            ctx.progress(done, total, stage)
            if time.monotonic() - saved > SAVE_EVERY:
                keep(book, finished, ctx)
                saved = time.monotonic()
            if ctx.should_stop():
                stopped = True
                notes.append(f"Stopped in the study '{name}' after {done} of {total} steps.")
                break
        ctx.log(f"  {time.monotonic() - began:.1f} s")
        if not stopped:
            finished.append(name)
        keep(book, finished, ctx)
        if stopped:
            break
    tables = {name: pd.DataFrame(rows) for name, rows in book.items() if rows}
    if "tasks" in tables:
        tables |= tasks.conclude(params, ctx, tables["tasks"])
        for name in tables.keys() - book.keys():
            ctx.save(name, tables[name])
    metrics, samples = headline(tables)
    return Result(metrics=metrics, samples=samples, tables=tables, notes=notes, partial=stopped)


def keep(book: Book, finished: list[str], ctx: Context) -> None:
    """Save the rows so far, as tables to look at and as the checkpoint to go on from."""
    text = json.dumps({"book": book, "finished": finished}, default=np.generic.item)
    ctx.checkpoint({"state": np.frombuffer(bytearray(text, "utf-8"), np.uint8)})
    for name, rows in book.items():
        if rows:
            ctx.save(name, pd.DataFrame(rows))


def opened(state: dict[str, Any] | None) -> tuple[Book, list[str]]:
    """Return the rows and the finished studies of a checkpoint; nothing of either at a fresh start."""
    book: Book = defaultdict(list)
    if state is None:
        return book, []
    kept = json.loads(np.asarray(state["state"]).tobytes())
    book.update(kept["book"])
    return book, kept["finished"]


def notes_for(params: Params) -> list[str]:
    """Return what the reader of any result must know."""
    notes = [
        "The paper's formula, data sets and tables could not be read: RS here is a reconstruction from its abstract "
        "and from the coding rate it builds on; the null correction and RS-local are ours.",
        f"eps = {params.eps:g}; RS at eps = 1 ('rs_eps1') was seen to do better on digits after the fact (post hoc), "
        "so it is judged on other sets only.",
    ]
    if "tasks" in params.studies:
        if params.dataset not in (*REAL, OWN):
            notes.append(f"{params.dataset} is a drawn set, so the tasks are cut from digits.")
        notes.append(
            "Tasks share rows and classes, so they are not independent: the intervals are somewhat too narrow."
        )
    return notes


def headline(tables: dict[str, pd.DataFrame]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics` and their values for single seeds (or for single groups of tasks)."""
    metrics: dict[str, float] = {}
    samples: dict[str, list[float]] = {}

    def add(key: str, values: Any) -> None:
        values = [float(v) for v in values if np.isfinite(v)]
        if values:
            samples[key] = values
            metrics[key] = float(np.mean(values))

    if "measures" in tables:
        for row in tables["measures"].itertuples():
            if row.measure in ("rs", "rs_adj", "rs_local", "dsi"):
                add(row.measure, [row.value])
    if "graded" in tables:
        part = tables["graded"].query("family == 'std' and measure == 'rs'")
        full = [g for _, g in part.groupby("seed") if len(g) > 3]
        add("graded_rho", [spearman(g["value"].to_numpy(), g["lr"].to_numpy()) for g in full])
    if "failures" in tables:
        part = tables["failures"].query("set == 'subspaces'")
        found = part[part["measure"].isin(["rs", "dsi"])].groupby(["seed", "measure"])["value"].first().unstack()
        if {"rs", "dsi"} <= set(found):
            add("subspace_gap", found["rs"] - found["dsi"])
    if "correlation" in tables:
        mean = tables["correlation"].query("classifier == 'mean'")
        for key in ("rs", "dsi", "gsi"):
            add(f"task_rho_{key}", per_seed(tables, key))
            metrics.pop(f"task_rho_{key}", None)
            values = mean.loc[mean["measure"] == key, "spearman"].dropna()
            if len(values):
                metrics[f"task_rho_{key}"] = float(values.mean())
        add("task_r2", tables["ranking"].groupby(["dataset", "setting", "kind"])["r2"].first())
        if "judging" in tables:
            one = tables["judging"].query("setting != 'all'")
            add("judging_gain", one["gain"])
    if "layers" in tables:
        deep = tables["layers"][tables["layers"]["layer"].str.startswith("hidden")]
        last = deep[deep["depth"] == deep["depth"].max()].sort_values("epoch").groupby("seed")["adjusted"]
        add("layer_gain", last.last() - last.first())
    if "loss" in tables:
        end = tables["loss"].sort_values("epoch").groupby(["seed", "objective"])["test_accuracy"].last().unstack()
        if {"CE", "CE + RS"} <= set(end):
            add("loss_gain", end["CE + RS"] - end["CE"])
    return metrics, samples


def per_seed(tables: dict[str, pd.DataFrame], measure: str) -> list[float]:
    """Return the rank correlation with mean accuracy for each repetition alone, averaged over the groups of tasks."""
    found = []
    for _, repeats in tables["repeats"].groupby("seed"):
        rhos = [spearman(part[measure].to_numpy(float), part["mean"].to_numpy(float)) for _, part in groups(repeats)]
        found.append(float(np.nanmean(rhos)) if len(rhos) else np.nan)
    return found


def load(run: LoadedRun) -> Any:
    """Make the probe quick: the model of this lab is a formula, so what is kept warm is its code."""
    return probing.warm(run.device)


def probe(run: LoadedRun, question: Question) -> Result:
    """Draw the set that the question describes and measure it; see `method.probe.answer`."""
    run.model  # noqa: B018 - made once, at the first request
    return probing.answer(question, run.params, run.device)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Evaluate the saved network of study 4 again: name -> (recorded, found now)."""
    layers = run.result.tables["layers"]
    last = layers[(layers["seed"] == run.params.seeds - 1) & (layers["epoch"] == layers["epoch"].max())]
    recorded = {"test_accuracy": last["test_accuracy"].iloc[0], **last.set_index("layer")["rs"]}
    state = load_tensors(run.folder / "models" / "network.safetensors")
    found = training.evaluate_saved(run.params, MemoryContext(run.seed, run.device), state)
    return {name: (recorded[name], value) for name, value in found.items()}
