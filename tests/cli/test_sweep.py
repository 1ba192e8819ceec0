"""``workbench sweep`` in the terminal."""

import json
import os
import signal
import subprocess
import sys

import pytest

from workbench.cli.sweep import parse_axes
from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.runs.store import open_store
from workbench.sweeps import record
from workbench.sweeps.notation import parse_seeds

COMMAND = [sys.executable, "-m", "workbench.cli"]


def call(*words, code=0):
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_commas_make_an_axis_of_a_number_and_a_value_of_a_list():
    rs = labs()["rs"]
    axes, base = parse_axes(rs, ["eps=0.1,0.5", "prep=frob, std", "center=yes,no", "studies=set,tasks", "rows=200"])
    assert axes == {"eps": [0.1, 0.5], "prep": ["frob", "std"], "center": [True, False]}
    assert base == {"studies": ["set", "tasks"], "rows": 200}
    axes, base = parse_axes(rs, ["studies=set|set,tasks", "file=a.csv", "file=b.csv"])
    assert axes == {"studies": [["set"], ["set", "tasks"]], "file": ["a.csv", "b.csv"]} and base == {}
    with pytest.raises(LabError, match="is no number"):
        parse_axes(rs, ["eps=0.1,much"])
    with pytest.raises(LabError, match="no parameter 'epsilon'"):
        parse_axes(rs, ["epsilon=0.1,0.2"])


def test_seeds_are_ranges_and_lists():
    assert parse_seeds("0-2, 7,9-9") == [0, 1, 2, 7, 9]
    for text in ("", "a", "1-", "-1", "0-99999999", "1.5", "1-2-3"):
        with pytest.raises(LabError, match="names no seeds"):
            parse_seeds(text)


def test_a_sweep_as_json_and_find_it_again():
    words = ("sweep", "trial", "--set", "darts=100,200", "--set", "steps=3", "--seeds", "0-1", "--json")
    done = json.loads(call(*words).stdout)
    assert done["status"] == "done" and done["counts"]["done"] == 4 and done["base"] == {"steps": 3}
    assert [(point["darts"], point["pi n"]) for point in done["points"]] == [(100, 2), (200, 2)]
    assert {run["seed"] for run in done["runs"]} == {0, 1}
    listed = json.loads(call("sweeps", "trial", "--json").stdout)
    assert done["sweep_id"] in [sweep["sweep_id"] for sweep in listed]
    assert "complete" in call("sweep", "--continue", done["sweep_id"], code=2).stderr


def test_a_sweep_in_words_says_what_failed():
    said = call("sweep", "trial", "--set", "mood=good,careful", code=1).stdout
    assert "good" in said and "1 of them failed" in said and "1 done, 1 failed" in said and "--continue" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sweep"], "No lab was named"),
        (["sweep", "nope", "--set", "eps=1,2"], "no lab 'nope'"),
        (["sweep", "trial", "--set", "darts"], "has no '='"),
        (["sweep", "trial", "--set", "darts=100"], "No parameter varies"),
        (["sweep", "trial", "--set", "darts=100,1"], "does not fit"),
        (["sweep", "trial", "--set", "darts=100,200", "--seeds", "x"], "names no seeds"),
        (["sweep", "trial", "--set", "darts=100,200", "--search", "random"], "cannot choose 0 of 2"),
        (["sweep", "trial", "--set", "darts=100,200", "--metric", "tau"], "no metric 'tau'"),
        (["sweep", "--continue", "nothing"], "no sweep 'nothing'"),
        (["sweep", "trial", "--continue", "nothing"], "Leave the lab"),
    ],
)
def test_mistakes_are_told_in_words(words, said):
    assert said in call(*words, code=2).stderr


def test_ctrl_c_stops_softly_and_the_sweep_goes_on(wait_for):
    words = ["sweep", "trial", "--set", "darts=100,200,300", "--set", "steps=60", "--set", "pause=0.05", "--json"]
    child = subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell are deaf to it, and so would be their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    running = lambda: open_store().runs("trial", status=("running",))  # noqa: E731
    wait_for(lambda: any(run.group and run.progress.get("done", 0) > 3 for run in running()), 120, "progress")
    os.kill(child.pid, signal.SIGINT)
    stopped = json.loads(child.communicate(timeout=120)[0])
    assert child.returncode == 1 and stopped["status"] == "stopped" and stopped["counts"]["running"] == 0
    done = json.loads(call("sweep", "--continue", stopped["sweep_id"], "--json").stdout)
    assert done["status"] == "done" and done["counts"]["done"] == 3
    runs = record.runs_of(open_store(), record.read(open_store(), done["sweep_id"]))
    assert {run["run_id"] for run in stopped["runs"]} <= {run.id for run in runs}
