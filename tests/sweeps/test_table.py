"""The numbers of a sweep, against pandas and statistics used independently."""

import math
import statistics
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.runs.record import Run
from workbench.sweeps.spec import make_spec
from workbench.sweeps.table import cells_table, points_table, runs_table, tally

SPEC = make_spec(
    "trial", {"darts": [300, 20, 100], "steps": [2, 1], "mood": ["good", "careful"]}, seeds=range(4), metric="pi"
)


def make_run(darts, steps, mood, seed, status="done"):
    number = float(np.random.default_rng([darts, steps, seed, len(mood)]).normal(3, 1))
    return Run(
        id=f"{darts}-{steps}-{mood}-{seed}",
        lab="trial",
        name="",
        status=status,
        params={"darts": darts, "steps": steps, "mood": mood, "pause": 0.0},
        preset="quick",
        seed=seed,
        device="cpu",
        created=datetime(2026, 1, 2, tzinfo=UTC),
        seconds=1.0,
        metrics={"pi": number},  # a run that was stopped has some number as well, which must not count
        folder=Path(),
    )


@pytest.fixture
def runs():
    found = [
        make_run(d, s, m, seed)
        for d in SPEC.axes["darts"]
        for s in SPEC.axes["steps"]
        for m in SPEC.axes["mood"]
        for seed in SPEC.seeds
    ]
    found[0] = make_run(300, 2, "good", 0, "failed")
    found[1] = make_run(300, 2, "good", 1, "stopped")
    found[5] = make_run(300, 2, "careful", 1, "running")
    return found[:-1]  # the last one was not sent yet


def raw(runs):
    """Return the runs that count, as a table made without ours."""
    return pd.DataFrame(
        [{**run.params, "seed": run.seed, "pi": run.metrics["pi"]} for run in runs if run.status == "done"]
    )


def test_a_point_has_mean_spread_and_count_over_seeds(runs):
    table = points_table(SPEC, runs)
    assert list(table.columns) == [*SPEC.axes, "runs", "failed", "under way", "pi", "pi sd", "pi n"]
    assert list(table["darts"].unique()) == [300, 20, 100]  # as asked for, not sorted
    first = table.iloc[0]
    assert (first["runs"], first["failed"], first["pi n"]) == (2, 2, 2)
    values = [run.metrics["pi"] for run in runs[2:4]]
    assert first["pi"] == pytest.approx(statistics.mean(values))
    assert first["pi sd"] == pytest.approx(statistics.stdev(values))
    assert table.iloc[1]["under way"] == 1
    expected = raw(runs).groupby(["darts", "steps", "mood"])["pi"].agg(["mean", "std", "count"])
    for row in table.to_dict("records"):
        mean, std, count = expected.loc[(row["darts"], row["steps"], row["mood"])]
        assert (row["pi"], row["pi sd"], row["pi n"]) == (pytest.approx(mean), pytest.approx(std), count)


def test_a_cell_averages_over_the_other_axes_or_takes_the_chosen_value(runs):
    for where, table in (({}, raw(runs)), ({"mood": "careful"}, raw(runs).query("mood == 'careful'"))):
        cells = cells_table(SPEC, runs, "pi", ["darts", "steps"], where)
        assert len(cells) == 6
        expected = table.groupby(["darts", "steps"])["pi"].agg(["mean", "std", "count"])
        for row in cells.to_dict("records"):
            mean, std, count = expected.loc[(row["darts"], row["steps"])]
            assert (row["mean"], row["sd"], row["n"]) == (pytest.approx(mean), pytest.approx(std), count)
            assert len(row["run_ids"]) >= count
    line = cells_table(SPEC, runs, "pi", ["darts"])
    assert list(line["mean"]) == pytest.approx([raw(runs).query(f"darts == {d}")["pi"].mean() for d in (300, 20, 100)])
    assert line.iloc[0]["failed"] == 2


def test_a_single_seed_has_no_spread_and_no_run_no_number():
    spec = make_spec("trial", {"darts": [10, 20]})
    table = points_table(spec, [make_run(10, 1, "good", 0), make_run(20, 1, "good", 0, "failed")])
    assert math.isnan(table.iloc[0]["pi sd"]) and table.iloc[0]["pi n"] == 1
    assert math.isnan(table.iloc[1]["pi"]) and table.iloc[1]["failed"] == 1
    assert points_table(spec, []).empty and cells_table(spec, [], "pi", ["darts"]).empty


def test_lists_are_told_as_text():
    spec = make_spec("rs", {"studies": [["set"], ["set", "tasks"]]})
    run = make_run(10, 1, "good", 0)
    runs = [Run(**{**vars(run), "lab": "rs", "params": {"studies": value}}) for value in spec.axes["studies"]]
    assert list(runs_table(spec, runs)["studies"]) == ["set", "set + tasks"]
    assert list(points_table(spec, runs)["studies"]) == ["set", "set + tasks"]


def test_the_tally_counts_what_waits(runs):
    counts = tally(SPEC, runs)
    assert counts == {"done": 44, "queued": 0, "running": 1, "stopped": 1, "failed": 1, "lost": 0, "waiting": 1}
    assert sum(counts.values()) == SPEC.runs
