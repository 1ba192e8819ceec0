"""Runs side by side: only what differs, deltas from the first, verdicts of each; wrong sets of runs told in words."""

import json
import subprocess
import sys

import pytest

import workbench
from workbench.comparison import compare_runs
from workbench.lab import LabError
from workbench.record import recorded_run
from workbench.store import open_store


@pytest.fixture(scope="module")
def runs(engine, wait_for):
    ids = [engine.submit("trial", {"darts": darts}, seed=1) for darts in (100, 5000)]
    for run_id in ids:
        wait_for(lambda run_id=run_id: engine.live(run_id).status == "done", what="the end of the run")
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
