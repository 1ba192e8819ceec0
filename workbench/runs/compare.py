"""Comparison of runs as plain data: parameters that differ, metrics with deltas, and verdicts."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.contract.lab import Claim, Metric, Verdict, get_lab
from workbench.runs.record import Run

MOST = 8  # columns side by side: more than that nobody reads
MOST_RUNS = 200  # runs that may be folded into them
LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class MetricRow:
    """One metric of every column.

    Attributes
    ----------
    metric
        Its declaration: label, unit, definition, paper value.
    values, spreads, counts
        Of a column with one run: its number, the standard deviation over its own seeds, and how many those are. Of a
        column with several: mean and standard deviation over the runs, and how many have the metric. NaN where there
        is none.
    """

    metric: Metric
    values: tuple[float, ...]
    spreads: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def deltas(self) -> tuple[float, ...]:
        """Value less that of the first column; 0 for the first."""
        return tuple(value - self.values[0] for value in self.values)

    @property
    def delta_errors(self) -> tuple[float, ...]:
        """Standard error of each delta, by the spreads of both columns; NaN where one has no spread."""
        squares = [s * s / n if n > 1 else math.nan for s, n in zip(self.spreads, self.counts, strict=True)]
        return tuple(0.0 if i == 0 else math.sqrt(squares[0] + square) for i, square in enumerate(squares))


@dataclass(frozen=True)
class Comparison:
    """Two runs or more of one lab; the first column is the one that the others are compared with.

    Attributes
    ----------
    runs
        The runs, in the order asked for.
    columns
        The runs of each column: one, or with `folded` those that differ in their seed only.
    params
        Only what differs (with preset, seed and device): name -> one value a column.
    metrics
        One row for each declared metric that any run has.
    claims
        Each claim with one verdict a run.
    folded
        Whether runs that differ in their seed only share a column.
    """

    runs: tuple[Run, ...]
    columns: tuple[tuple[Run, ...], ...]
    params: dict[str, tuple[Any, ...]]
    metrics: tuple[MetricRow, ...]
    claims: tuple[tuple[Claim, tuple[Verdict, ...]], ...]
    folded: bool = False

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(runs[0].name + f" and {len(runs) - 1} more" * (len(runs) > 1) for runs in self.columns)

    @property
    def can_fold(self) -> bool:
        """Return True if some of the runs differ in their seed only."""
        return len({_asked(run) for run in self.runs}) < len(self.runs)

    def verdicts(self, verdicts: tuple[Verdict, ...]) -> list[str]:
        """Return the verdicts on a claim in words, one text a column: ``holds``, or ``holds 2, within noise 1``."""
        said = dict(zip((run.id for run in self.runs), (verdict.verdict for verdict in verdicts), strict=True))
        found = []
        for column in self.columns:
            counts = Counter(said[run.id] for run in column)
            words = [f"{word} {count}" for word, count in counts.most_common()]
            found.append(next(iter(counts)) if len(counts) == 1 else ", ".join(words))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what ``workbench compare --json`` prints."""
        return {
            "lab": self.runs[0].lab,
            "runs": [{"run_id": run.id, "name": run.name, "status": run.status} for run in self.runs],
            "columns": [[run.id for run in column] for column in self.columns],
            "params": {name: list(values) for name, values in self.params.items()},
            "metrics": {
                row.metric.key: {
                    "values": list(row.values),
                    "deltas": list(row.deltas),
                    "delta_errors": list(row.delta_errors),
                    "spreads": list(row.spreads),
                    "counts": list(row.counts),
                    "paper": _paper(row.metric),
                }
                for row in self.metrics
            },
            "claims": {claim.key: [verdict.verdict for verdict in verdicts] for claim, verdicts in self.claims},
        }

    def to_csv(self) -> str:
        """Return all tables as one CSV text: a line a param, metric, spread, delta and claim; a field a column."""
        file = io.StringIO()
        lines = csv.writer(file)
        lines.writerow(["kind", "name", "unit", *self.heads, "paper", "paper's setting"])
        for name, values in self.params.items():
            lines.writerow(["param", name, "", *map(_plain, values), "", ""])
        for row in self.metrics:
            told = _paper(row.metric) or {"value": "", "setting": "", "origin": "read"}
            setting = told["setting"] + " (recalled)" * (told["origin"] == "recalled")
            for kind, values in (
                ("metric", row.values),
                ("standard deviation", row.spreads),
                ("number of seeds", row.counts),
                ("delta", row.deltas),
                ("standard error of delta", row.delta_errors),
            ):
                paper = (told["value"], setting) if kind == "metric" else ("", "")
                lines.writerow([kind, row.metric.key, row.metric.unit, *map(_plain, values), *paper])
        for claim, verdicts in self.claims:
            lines.writerow(["claim", claim.key, "", *self.verdicts(verdicts), "", ""])
        return file.getvalue()


def compare_runs(runs: list[Run], fold: bool = False) -> Comparison:
    """Put runs of one lab side by side.

    Parameters
    ----------
    runs
        The runs; the first, or the column that holds it, is what the others are compared with.
    fold
        Put runs that differ in their seed only into one column, with mean and standard deviation over them.

    Raises
    ------
    LabError
        If there are fewer than two or too many of them, they are of different labs, or one has not ended.
    """
    if not 2 <= len({run.id for run in runs}) == len(runs) <= MOST_RUNS:
        raise LabError(f"{len(runs)} runs were named.", f"Name two to {MOST} different ones.")
    if len({run.lab for run in runs}) > 1:
        raise LabError("These runs are of different labs.", "Only runs of one lab have the same metrics.")
    if waiting := [run.name for run in runs if not run.finished]:
        raise LabError(f"{waiting[0]} has not ended yet.", "Compare it when it is done.")
    lab, columns = get_lab(runs[0].lab), _columns(runs, fold)
    if len(columns) > MOST:
        more = "" if fold else " Runs that differ in their seed only can be folded into one column."
        raise LabError(f"{len(columns)} columns are too many.", f"Name runs for {MOST} at most.{more}")
    rows = [row for metric in lab.metrics if (row := _row(metric, columns)) is not None]
    verdicts = [lab.judge(run.result) for run in runs]
    return Comparison(
        runs=tuple(runs),
        columns=columns,
        params=_differing(columns),
        metrics=tuple(rows),
        claims=tuple((claim, tuple(found[claim.key] for found in verdicts)) for claim in lab.claims),
        folded=fold,
    )


def _columns(runs: list[Run], fold: bool) -> tuple[tuple[Run, ...], ...]:
    columns: dict[str, list[Run]] = {}
    for run in runs:
        columns.setdefault(_asked(run) if fold else run.id, []).append(run)
    return tuple(map(tuple, columns.values()))


def _asked(run: Run) -> str:
    """Return all that a run was asked, but its seed."""
    return json.dumps([run.params, run.device], sort_keys=True, default=str)


def _differing(columns: tuple[tuple[Run, ...], ...]) -> dict[str, tuple[Any, ...]]:
    """Return what the columns were asked differently; the seeds of a folded one as a text."""
    asked = []
    for column in columns:
        run = column[0]
        seed = run.seed if len(column) == 1 else ", ".join(str(run.seed) for run in column)
        asked.append({**run.params, "preset": run.preset, "seed": seed, "device": run.device})
    names = list(dict.fromkeys(name for values in asked for name in values))
    params = {name: tuple(values.get(name) for values in asked) for name in names}
    return {name: values for name, values in params.items() if any(value != values[0] for value in values)}


def _row(metric: Metric, columns: tuple[tuple[Run, ...], ...]) -> MetricRow | None:
    """Return one metric of every column, or None where no run has it."""
    cells = []
    for column in columns:
        if len(column) == 1:
            result = column[0].result
            count = sum(math.isfinite(value) for value in result.samples.get(metric.key, ()))
            cells.append((float(result.metrics.get(metric.key, math.nan)), result.spread(metric.key), count))
            continue
        numbers = [float(run.result.metrics.get(metric.key, math.nan)) for run in column]
        numbers = [number for number in numbers if math.isfinite(number)]
        spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else math.nan
        cells.append((float(np.mean(numbers)) if numbers else math.nan, spread, len(numbers)))
    values, spreads, counts = zip(*cells, strict=True)
    return MetricRow(metric, values, spreads, counts) if any(map(math.isfinite, values)) else None


def _paper(metric: Metric) -> dict[str, Any] | None:
    paper = metric.paper
    return None if paper is None else {"value": paper.value, "setting": paper.setting, "origin": paper.origin}


def _plain(value: Any) -> Any:
    """Return a value for a CSV cell: nothing for a missing number."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
