"""Runs side by side: only what differs, deltas from the first, verdicts of each; wrong sets of runs told in words."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from bokeh.models import Span, TapTool, Title
from typer.testing import CliRunner

import workbench
from workbench.cli import app
from workbench.contract.errors import LabError
from workbench.contract.lab import Metric, PaperValue, get_lab
from workbench.contract.result import Result
from workbench.pages.compare.page import words
from workbench.pages.compare.plots import curve_plots, dot_plots
from workbench.runs.compare import compare_runs
from workbench.runs.record import recorded_run
from workbench.runs.store import open_store
from workbench.ui.palette import of_theme


@pytest.fixture(scope="module")
def runs(engine, wait_for):
    ids = [engine.submit("trial", {"darts": darts}, seed=1) for darts in (100, 5000)]
    for run_id in ids:
        wait_for(lambda run_id=run_id: engine.live(run_id).status == "done", seconds=300, what="the end of the run")
    return [open_store().run(run_id) for run_id in ids]


def test_only_what_differs_and_deltas_from_the_first(runs):
    found = compare_runs(runs)
    assert found.params == {"darts": (100, 5000)}
    row = found.metrics[0]
    assert row.metric.key == "pi" and row.values == tuple(run.result.metrics["pi"] for run in runs)
    assert row.deltas == (0, row.values[1] - row.values[0])
    claim, verdicts = found.claims[0]
    assert claim.key == "near" and [v.verdict for v in verdicts] == [run.claims()["near"].verdict for run in runs]


def test_terminal_and_python_say_the_same(runs):
    ids = [run.id for run in runs]
    command = [sys.executable, "-m", "workbench.cli", "compare", *ids]
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert told == json.loads(json.dumps(workbench.compare(*ids).to_dict()).replace("NaN", "null"))
    assert "darts" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_wrong_sets_of_runs_are_told_in_words(runs):
    with pytest.raises(LabError, match="1 runs were named"):
        compare_runs(runs[:1])
    with pytest.raises(LabError, match="2 runs were named"):
        compare_runs([runs[0], runs[0]])
    with pytest.raises(LabError, match="different labs"):
        compare_runs([runs[0], recorded_run("rs")])


# runs as the store keeps them, without an engine ------------------------------------------------------------------


@pytest.fixture(scope="module")
def seeded(home):
    """Return six runs: three seeds of each of two settings."""
    store, made = open_store(), []
    for darts in (100, 900):
        for seed in range(3):
            params = get_lab("trial").Params.make(darts=darts).to_dict()
            run = store.create("trial", params, seed=seed, preset="quick", device="cpu", scheduler="nobody")
            values = {"pi": 3.0 + darts / 10_000 + seed / 5}
            curves = {"estimate": ([0, 1], [3.0, 3.1])}
            Result(metrics=values, notes=["Darts are simulated."], curves=curves).save(run.folder)
            store.close(run.id, "done")
            made.append(store.run(run.id))
    return made


def test_runs_that_differ_in_their_seed_only_fold_into_one_column(seeded):
    found = compare_runs([seeded[i] for i in (3, 0, 1, 4, 2, 5)], fold=True)
    assert [[run.seed for run in column] for column in found.columns] == [[0, 1, 2], [0, 1, 2]]
    assert found.params == {"darts": (900, 100)}
    row = found.metrics[0]
    values = np.array([[run.result.metrics["pi"] for run in column] for column in found.columns])
    np.testing.assert_allclose(row.values, values.mean(1))
    np.testing.assert_allclose(row.spreads, values.std(1, ddof=1))
    np.testing.assert_allclose(row.delta_errors[1], np.sqrt(values.var(1, ddof=1).sum() / 3))
    assert row.counts == (3, 3) and found.can_fold
    assert not compare_runs([seeded[0], seeded[3]]).can_fold


def test_verdicts_of_a_folded_column_are_counted(seeded):
    found = compare_runs(seeded, fold=True)
    claim, verdicts = found.claims[0]
    assert found.verdicts(verdicts) == ["holds 2, does not hold 1"] * 2
    assert [verdict.verdict for verdict in verdicts[:3]] == ["holds", "holds", "does not hold"]


def test_too_many_columns_are_refused_and_folding_is_proposed(seeded, monkeypatch):
    monkeypatch.setattr("workbench.runs.compare.MOST", 4)
    with pytest.raises(LabError, match="can be folded"):
        compare_runs(seeded)
    assert len(compare_runs(seeded, fold=True).columns) == 2


def test_the_csv_holds_every_table(seeded):
    found = compare_runs(seeded, fold=True)
    lines = list(csv.reader(io.StringIO(found.to_csv())))
    assert lines[0] == ["kind", "name", "unit", *found.heads, "paper", "paper's setting"]
    table = {(line[0], line[1]): line[3:5] for line in lines[1:]}
    assert table["param", "darts"] == ["100", "900"]
    assert list(map(float, table["metric", "pi"])) == list(found.metrics[0].values)
    assert {kind for kind, _ in table} >= {"standard deviation", "delta", "standard error of delta", "claim"}


def test_the_paper_stands_beside_ours_with_its_setting_and_how_we_know_it(seeded):
    metric = Metric("pi", "Pi", "d", paper=PaperValue(3.1416, "a million darts", "recalled"))
    found = compare_runs(seeded, fold=True)
    found = replace(found, metrics=(replace(found.metrics[0], metric=metric),))
    assert found.to_dict()["metrics"]["pi"]["paper"]["setting"] == "a million darts"
    assert "3.1416,a million darts (recalled)" in found.to_csv()
    told = words(found)
    assert "3.142 (recalled): a million darts" in told and "Darts are simulated." in told and "±" in told
    (pane,) = dot_plots(found, of_theme(True))
    assert [title.text for title in pane.object.below if isinstance(title, Title)] == [
        "┆ paper 3.142, recalled: a million darts"
    ]
    assert [span.location for span in pane.object.center if isinstance(span, Span)] == [3.1416]
    drawn = [r.data_source.data for r in pane.object.renderers if "link" in r.data_source.data]
    assert sum(len(data["x"]) for data in drawn) == 6  # a dot a run, each with its link
    assert drawn[0]["link"][0].endswith(f"run={seeded[0].id}")


def test_every_point_of_a_curve_opens_its_run(seeded):
    (pane,) = curve_plots(compare_runs(seeded), of_theme(False))
    (tap,) = pane.object.select({"type": TapTool})
    sources = [renderer.data_source.data for renderer in tap.renderers]
    assert [data["link"][0].split("run=")[1] for data in sources] == [run.id for run in seeded]


def test_the_terminal_folds_and_writes_csv(seeded):
    ids = [run.id for run in seeded]
    done = CliRunner().invoke(app, ["compare", *ids, "--fold"], env={"COLUMNS": "140"})
    assert "±" in done.output and "and 2 more" in done.output
    assert CliRunner().invoke(app, ["compare", *ids, "--fold", "--csv"]).output.startswith("kind,name")
    told = json.loads(CliRunner().invoke(app, ["compare", *ids, "--fold", "--json"]).output)
    assert told["columns"] == [ids[:3], ids[3:]] and told["metrics"]["pi"]["counts"] == [3, 3]
