"""Result of a run of `reliant`: tables, predictions, the headline metrics, and notes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.contract import Result
from workbench.labs.reliant.common.intervals import MEASURES, outcomes, single, slug
from workbench.labs.reliant.params import FAIR, OFFICIAL, Params
from workbench.toolkit.jobs import Headline, RunState

KEYS = ["set", "teacher", "student", "arm", "alpha", "metric"]


def conclude(params: Params, run_state: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: tables, predictions as bytes, and the metrics of the chosen graph."""
    tables = run_state.tables()
    arrays: dict[str, np.ndarray] = {}
    if "runs" in tables:
        runs = tables["runs"]
        runs["at"] = runs.groupby("set").cumcount()
        for name, rows in runs.groupby("set", sort=False):
            key = slug(name)
            arrays[f"probs_{key}"] = np.stack(
                [np.asarray(run_state.pieces[f"probs {name}"][str(r)]) for r in rows["row"]]
            )
            cases = run_state.pieces[f"cases {name}"]
            arrays[f"cases_{key}"] = np.stack([np.asarray(cases[s]) for s in sorted(cases, key=int)])
        tables["runs"] = runs.drop(columns="row")
    for piece, parts in run_state.pieces.items():
        kind, _, name = piece.partition(" ")
        if kind == "graph":
            arrays |= {f"{part}_{slug(name)}": np.asarray(value) for part, value in parts.items()}
        elif kind == "proxies":
            arrays[f"proxies_{slug(name)}"] = np.asarray(parts["last"])
    result = Result(tables=tables, arrays=arrays, notes=notes, partial=stopped)
    if "runs" in tables:
        tables["summary"] = summary(result)
    result.metrics, result.samples = headline(params, tables)
    return result


def summary(result: Result) -> pd.DataFrame:
    """Return each arm's measures, averaged over seeds, with their spread and the intervals of three of them."""
    rows = []
    for name in result.tables["runs"]["set"].unique():
        found = outcomes(result, name)
        for about, runs in found.runs.groupby(KEYS, sort=False):
            row = dict(zip(KEYS, about, strict=True)) | {"seeds": len(runs)}
            for key in ("accuracy", "above_majority", "f1", "auc"):
                row |= {key: runs[key].mean(), f"{key}_sd": runs[key].std()}
            for key in ("sp", "eo"):
                row |= {
                    key: runs[key].abs().mean(),
                    f"{key}_sd": runs[key].abs().std(),
                    f"{key}_signed": runs[key].mean(),
                }
            for key in MEASURES:
                _, row[f"{key}_low"], row[f"{key}_high"] = single(found, runs, key)
            if "proxy_auc" in runs:
                row["proxy_auc"] = runs["proxy_auc"].mean()
            rows.append(row | {"seconds": runs["seconds"].mean() if "seconds" in runs else np.nan})
    return pd.DataFrame(rows)


def headline(params: Params, tables: dict[str, pd.DataFrame]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics`: of the chosen graph, the first teacher and student, at `alpha`; a value a
    seed.
    """
    numbers = Headline()
    if "runs" not in tables:
        return numbers.metrics, numbers.samples
    runs = tables["runs"]
    runs = runs[(runs["set"] == params.dataset) & (runs["teacher"] == params.teachers[0])]

    def add(key: str, rows: pd.DataFrame, column: str) -> None:
        numbers.add(key, rows[column].abs() if column in rows else [])

    student = runs[runs["student"] == params.students[0]]
    chosen = {
        "teacher": runs[runs["arm"] == "teacher"],
        "kd": student[student["arm"] == "kd"],
        "reliant": student.query("arm == 'reliant' and alpha == @params.alpha and metric == @params.metric"),
    }
    for arm, rows in chosen.items():
        for column in ("accuracy", "sp", "eo"):
            add(f"{arm}_{column}", rows, column)
    add("reliant_auc", chosen["reliant"], "auc")
    add("proxy_auc", chosen["reliant"], "proxy_auc")
    return numbers.metrics, numbers.samples


def notes_for(params: Params, notes: list[str]) -> list[str]:
    """Return what the reader of any result must know."""
    split = "the authors' split" if params.split == OFFICIAL else "a split of its own (30/20/50) for each seed"
    told = [
        f"Every arm is trained {params.seeds} times (on graphs of fewer than 2,000 nodes {params.small_seeds} "
        f"times), on {split}; features are standardized over all nodes.",
        f"Teachers have {params.depth} layers and {params.teacher_epochs} epochs (the paper's code: 3 or 4 layers, "
        f"up to "
        "1,000 epochs); the weights of the best validation accuracy are kept, of students in the second half only.",
    ]
    if params.labels != FAIR:
        told.append("The bias loss reads labels of test nodes, as the released code does: its EO gaps are too good.")
    return [*told, *dict.fromkeys(notes)]
