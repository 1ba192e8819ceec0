"""Studies 3 and 5: separability against accuracy over tasks cut from real data, and accuracy adjusted for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.contract import Context
from workbench.labs.rs.claims import HEADLINE
from workbench.labs.rs.common import correlate
from workbench.labs.rs.common.sets import Set, Task, cut, make, read, settings_for, source_name
from workbench.labs.rs.method.classify import THREE, accuracy
from workbench.labs.rs.method.model import rs
from workbench.labs.rs.method.studies import POST_HOC_EPS, QUICK_NULL, Book, measure, options
from workbench.labs.rs.params import Params

REPEATED = "rs_eps1"  # RS at `POST_HOC_EPS`
CONTESTS = [("rs", other) for other in (*HEADLINE, "gsi")] + [(REPEATED, "rs")]


def tasks(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Study 3: every measure and the accuracy of three classifiers on every task, in every setting.

    Noise and folds are drawn anew for each seed; a task's row is the mean over the seeds, and the rows of single
    seeds go to the book as ``repeats``. Tasks that are in the book already are not done again.
    """
    how = options(params, ctx)
    units: list[tuple[Set, Task, str]] = []
    names = dict.fromkeys([source_name(params), *params.also])
    for name in names:
        data = read(name, ctx, params.target if name.startswith("file:") else "")
        found = cut(data, params.tasks, ctx.rng(f"tasks/{data.name}"))
        chosen = list(settings_for(found, params.settings)) if name == next(iter(names)) else ["clean"]
        units += [(data, task, setting) for setting in chosen for task in found]
    total = len(units) * params.seeds
    first = len(book["tasks"])
    for i, (data, task, setting) in enumerate(units[first:], first):
        row = {"dataset": data.name, "setting": setting, "kind": task.kind, "task": task.name, "classes": task.classes}
        repeats = []
        for seed in range(params.seeds):
            stream = f"tasks/{data.name}/{setting}/{task.kind}/{task.name}/{seed}"
            fresh = setting == "noisy" or not repeats
            if fresh:  # without noise the points are the same for every seed, and so are the measures
                x, y = make(task, data, setting, params.noise, ctx.rng(stream))
                rng = ctx.rng(f"{stream}/measures")
                found = measure(x, y, how, rng, params.components, null=0, null_rs=min(params.null, QUICK_NULL))
                values = dict(zip(found["measure"], found["value"].astype(float), strict=True))
                values[REPEATED] = rs(x, y, null=0, **how | {"eps": POST_HOC_EPS}).value
            scores = accuracy(x, y, ctx.rng(f"{stream}/folds"))
            scores["mean"] = float(np.mean([scores[c] for c in THREE]))
            repeats.append(values | scores)
            yield i * params.seeds + seed + 1, total
        book["repeats"] += [row | {"seed": seed} | found for seed, found in enumerate(repeats)]
        book["tasks"].append(row | {key: float(np.mean([r[key] for r in repeats])) for key in repeats[0]})


def conclude(params: Params, ctx: Context, found: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Study 5 and the correlations: everything that follows from the table of tasks; empty tables left out."""
    fixed = ("dataset", "setting", "kind", "task", "classes", *THREE, "mean")
    measures = [c for c in found.columns if c not in fixed]
    tables = {
        "correlation": correlate.correlation(found, measures, ctx.rng("bootstrap/correlation")),
        "adjusted": correlate.adjusted(found),
        "ranking": correlate.ranking(found, ctx.rng("bootstrap/ranking")),
        "judging": correlate.judging(found, ctx.rng("bootstrap/judging")),
        "spread": correlate.spread(found, lambda name: ctx.rng(f"bootstrap/spread/{name}")),
        "contest": correlate.contest(found, CONTESTS, lambda name: ctx.rng(f"bootstrap/contest/{name}")),
    }
    return {name: table for name, table in tables.items() if len(table)}
