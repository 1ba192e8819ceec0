"""Tables of a sweep: one row a run, one row a point, one row a cell of the plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.contract.lab import get_lab
from workbench.runs.record import ACTIVE, RESUMABLE, Run
from workbench.sweeps.points import text_of
from workbench.sweeps.spec import Spec


def axis_value(value: Any) -> Any:
    """Return the value of an axis as a table holds it: a list as text, all else as it is."""
    return text_of(value) if isinstance(value, list) else value


def runs_table(spec: Spec, runs: Iterable[Run]) -> pd.DataFrame:
    """Return one row a run: the axes, seed, status, run id, seconds, and each declared metric of a run that is done."""
    keys = [metric.key for metric in get_lab(spec.lab).metrics]
    rows = [
        {name: axis_value(run.params[name]) for name in spec.axes}
        | {"seed": run.seed, "status": run.status, "run_id": run.id, "seconds": run.seconds}
        | {key: run.metrics.get(key) if run.status == "done" else None for key in keys}
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=[*spec.axes, "seed", "status", "run_id", "seconds", *keys])
    return table.astype(dict.fromkeys(keys, float))


def points_table(spec: Spec, runs: Iterable[Run]) -> pd.DataFrame:
    """Return one row a point, in the order of the axes.

    Columns: the axes, ``runs`` (done), ``failed`` (failed, lost or stopped), ``under way``, and for each metric its
    mean over the seeds, its sample standard deviation (``"pi sd"``) and the number of values (``"pi n"``).
    """
    table = runs_table(spec, runs)
    if table.empty:
        return table[[*spec.axes]]
    return _summed(spec, table, list(spec.axes), [metric.key for metric in get_lab(spec.lab).metrics])


def cells_table(
    spec: Spec, runs: Iterable[Run], metric: str, by: Sequence[str], where: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Return one row a cell of a picture over one or two axes.

    Parameters
    ----------
    metric
        Key of the metric that is drawn.
    by
        The axes of the picture.
    where
        The other axes that have one chosen value; over those that have none, the runs are averaged.

    Returns
    -------
    pandas.DataFrame
        Columns: the axes of the picture, ``mean``, ``sd``, ``n``, ``failed``, ``under way``, and ``run_ids``.
    """
    table = runs_table(spec, runs)
    for name, value in (where or {}).items():
        table = table[table[name] == axis_value(value)]
    if table.empty:
        return pd.DataFrame(columns=[*by, "mean", "sd", "n", "failed", "under way", "run_ids"])
    cells = _summed(spec, table, list(by), [metric])
    ids = table.groupby(list(by), sort=False, dropna=False)["run_id"].agg(list).rename("run_ids").reset_index()
    named = cells.rename(columns={metric: "mean", f"{metric} sd": "sd", f"{metric} n": "n"})
    return named.drop(columns="runs").merge(ids, on=list(by))


def _summed(spec: Spec, table: pd.DataFrame, by: list[str], keys: list[str]) -> pd.DataFrame:
    """Group the rows by some axes: how the runs ended, then mean, standard deviation and count of each metric."""
    groups = table.groupby(by, sort=False, dropna=False)
    parts = {
        "runs": groups["status"].agg(lambda statuses: int((statuses == "done").sum())),
        "failed": groups["status"].agg(lambda statuses: int(statuses.isin(RESUMABLE).sum())),
        "under way": groups["status"].agg(lambda statuses: int(statuses.isin(ACTIVE).sum())),
    }
    for key in keys:
        parts |= {key: groups[key].mean(), f"{key} sd": groups[key].std(), f"{key} n": groups[key].count()}
    # In the order in which the values were asked for, which need not be that of the numbers.
    places = {name: {axis_value(value): place for place, value in enumerate(spec.axes[name])} for name in by}
    return pd.DataFrame(parts).reset_index().sort_values(by, key=lambda c: c.map(places[c.name]), ignore_index=True)


def tally(spec: Spec, runs: Iterable[Run]) -> dict[str, int]:
    """Return how many runs are in each status; those that were not sent yet are ``"waiting"``.

    A sweep that searches may still be asking for points: what waits is what it will run at the most.
    """
    counts = pd.Series([run.status for run in runs], dtype=object).value_counts()
    known = {status: int(counts.get(status, 0)) for status in ("done", *ACTIVE, *RESUMABLE)}
    return known | {"waiting": max(0, spec.runs - sum(known.values()))}
