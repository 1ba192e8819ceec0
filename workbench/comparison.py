"""Runs side by side, as plain data: what was asked differently, what came out, and what the claims say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from workbench.lab import Claim, LabError, Metric, Verdict, get_lab
from workbench.record import Run

MOST = 8  # runs side by side: more columns than anybody reads


@dataclass(frozen=True)
class MetricRow:
    """One metric of every run.

    Attributes
    ----------
    metric
        Its declaration: label, unit, definition, paper value.
    values, spreads
        One number a run, and its standard deviation over seeds; NaN where a run lacks them.
    deltas
        Value less that of the first run; 0 for the first.
    """

    metric: Metric
    values: tuple[float, ...]
    spreads: tuple[float, ...]

    @property
    def deltas(self) -> tuple[float, ...]:
        return tuple(value - self.values[0] for value in self.values)


@dataclass(frozen=True)
class Comparison:
    """Two runs or more of one lab; the first is the one that the others are compared with.

    Attributes
    ----------
    runs
        The runs, in the order asked for.
    params
        Only what differs (with preset, seed and device): name -> one value a run.
    metrics
        One row for each declared metric that any run has.
    claims
        Each claim with one verdict a run.
    """

    runs: tuple[Run, ...]
    params: dict[str, tuple[Any, ...]]
    metrics: tuple[MetricRow, ...]
    claims: tuple[tuple[Claim, tuple[Verdict, ...]], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what ``workbench compare --json`` prints."""
        return {
            "lab": self.runs[0].lab,
            "runs": [{"run_id": run.id, "name": run.name, "status": run.status} for run in self.runs],
            "params": {name: list(values) for name, values in self.params.items()},
            "metrics": {
                row.metric.key: {"values": list(row.values), "deltas": list(row.deltas), "spreads": list(row.spreads)}
                for row in self.metrics
            },
            "claims": {claim.key: [verdict.verdict for verdict in verdicts] for claim, verdicts in self.claims},
        }


def compare_runs(runs: list[Run]) -> Comparison:
    """Put runs of one lab side by side.

    Raises
    ------
    LabError
        If there are fewer than two or too many of them, they are of different labs, or one has not ended.
    """
    if not 2 <= len({run.id for run in runs}) == len(runs) <= MOST:
        raise LabError(f"{len(runs)} runs were named.", f"Name two to {MOST} different ones.")
    if len({run.lab for run in runs}) > 1:
        raise LabError("These runs are of different labs.", "Only runs of one lab have the same metrics.")
    if waiting := [run.name for run in runs if not run.finished]:
        raise LabError(f"{waiting[0]} has not ended yet.", "Compare it when it is done.")
    lab = get_lab(runs[0].lab)
    asked = [{**run.params, "preset": run.preset, "seed": run.seed, "device": run.device} for run in runs]
    names = list(dict.fromkeys(name for values in asked for name in values))
    params = {name: tuple(values.get(name) for values in asked) for name in names}
    rows = []
    for metric in lab.metrics:
        values = tuple(float(run.result.metrics.get(metric.key, math.nan)) for run in runs)
        if any(math.isfinite(value) for value in values):
            rows.append(MetricRow(metric, values, tuple(run.result.spread(metric.key) for run in runs)))
    verdicts = [lab.judge(run.result) for run in runs]
    return Comparison(
        runs=tuple(runs),
        params={name: values for name, values in params.items() if any(value != values[0] for value in values)},
        metrics=tuple(rows),
        claims=tuple((claim, tuple(found[claim.key] for found in verdicts)) for claim in lab.claims),
    )
