"""Sweeps with real processes: to the end, stopped and continued, with a worker or the leader killed on the way."""

import os
import signal
import subprocess
import sys
import time

import pytest
from mlflow.tracking import MlflowClient

from workbench.contract.errors import LabError
from workbench.engine import Engine
from workbench.runs.store import open_store
from workbench.sweeps import conductor, record
from workbench.sweeps.spec import make_spec
from workbench.sweeps.table import points_table


def ended(sweep_id, wait_for, seconds=180):
    found = lambda: (found := record.read(open_store(), sweep_id)).active or found  # noqa: E731
    return wait_for(lambda: (now := found()) is not True and now, seconds, "the end of the sweep")


def runs_of(sweep_id):
    return record.runs_of(open_store(), record.read(open_store(), sweep_id))


def done(sweep_id):
    return {run.id: run for run in runs_of(sweep_id) if run.status == "done"}


def pi(params, seed):
    """Return what a run of the trial lab gives, computed here and now."""
    from trial_lab.params import Params
    from trial_lab.run import run

    from workbench.toolkit.memory import MemoryContext

    return run(Params.make(**params), MemoryContext(seed)).metrics["pi"]


def test_every_point_is_run_with_every_seed_and_nests_below_the_sweep(engine, wait_for):
    spec = make_spec("trial", {"darts": [100, 200], "mood": ["good", "careful"]}, seeds=[0, 5], base={"steps": 2})
    sweep_id = conductor.start(engine, spec)
    found = ended(sweep_id, wait_for)
    assert found.status == "done" and found.retried == () and found.error == ""
    runs = runs_of(sweep_id)
    assert len(runs) == 8 and {run.group for run in runs} == {sweep_id}
    for run in runs:
        if run.params["mood"] == "careful":
            assert run.status == "failed"
        else:
            assert run.metrics["pi"] == pi({"darts": run.params["darts"], "steps": 2}, run.seed)
    table = points_table(spec, runs)
    assert list(table["runs"]) == [2, 0, 2, 0] and list(table["failed"]) == [0, 2, 0, 2]
    # The record is no run to us; to MLflow it is the parent.
    assert sweep_id not in [run.id for run in open_store().runs()]
    with pytest.raises(LabError, match="no run"):
        open_store().run(sweep_id)
    client = MlflowClient(open_store().uri)
    assert client.get_run(sweep_id).info.status == "FINISHED"
    assert {client.get_run(run.id).data.tags["mlflow.parentRunId"] for run in runs} == {sweep_id}
    assert sweep_id in [known.id for known in record.listed(open_store(), "trial")]
    with pytest.raises(LabError, match="no sweep"):
        record.read(open_store(), runs[0].id)


def test_a_stopped_sweep_goes_on_with_what_is_missing(engine, wait_for):
    spec = make_spec("trial", {"darts": [100, 200, 300, 400]}, seeds=[0, 1], base={"steps": 40, "pause": 0.05})
    sweep_id = conductor.start(engine, spec)
    wait_for(lambda: done(sweep_id), 90, "a run that is done")
    with pytest.raises(LabError, match="under way"):
        conductor.go_on(engine, sweep_id)
    conductor.stop(engine, sweep_id)
    assert ended(sweep_id, wait_for).status == "stopped"
    before, runs = done(sweep_id), runs_of(sweep_id)
    assert len(runs) < spec.runs and {run.status for run in runs} <= {"done", "stopped"}
    conductor.go_on(engine, sweep_id)
    assert ended(sweep_id, wait_for).status == "done"
    after = done(sweep_id)
    assert len(after) == spec.runs
    assert all(after[key].seconds == run.seconds for key, run in before.items())  # not run again
    assert {run.id for run in runs} <= set(after)  # those that were stopped went on
    for run in after.values():
        assert run.metrics["pi"] == pi({"darts": run.params["darts"], "steps": 40}, run.seed)
    with pytest.raises(LabError, match="complete"):
        conductor.go_on(engine, sweep_id)


def test_optuna_is_told_what_came_out(engine, wait_for):
    spec = make_spec(
        "trial", {"darts": [10, 20, 30], "mood": ["good", "careful"]}, search="optuna", count=6, seeds=[0, 1]
    )
    sweep_id = conductor.start(engine, spec)
    found = ended(sweep_id, wait_for)
    assert found.status == "done", found.error
    table = points_table(spec, runs_of(sweep_id))
    assert len(table) == 6 and list(table["runs"] + table["failed"]) == [2] * 6


def test_what_cannot_go_on_says_why(engine, wait_for, monkeypatch):
    def refuse(*args, **kwargs):
        raise LabError("The disk is full.", "Make room.")

    monkeypatch.setattr(engine, "submit", refuse)
    found = ended(conductor.start(engine, make_spec("trial", {"darts": [100]})), wait_for)
    assert found.status == "failed" and found.error == "The disk is full. Make room."


def test_a_killed_worker_costs_nothing_on_a_real_cluster(dask_cluster, wait_for):
    """Two workers of a real scheduler, one of which is killed with its nanny on the way."""
    address, processes = dask_cluster
    engine = Engine(address)
    engine.wait()
    wait_for(lambda: len(engine.client.scheduler_info(n_workers=-1)["workers"]) == 2, 60, "two workers")
    spec = make_spec("trial", {"darts": [100, 200, 300]}, seeds=[0, 1], base={"steps": 60, "pause": 0.05})
    sweep_id = conductor.start(engine, spec)
    busy = lambda: [live for live in engine.active() if live.status == "running" and live.done > 10]  # noqa: E731
    victim = wait_for(lambda: (lives := busy()) and lives[0], 300, "a run under way")
    os.kill(engine.client.run(os.getpid, workers=[victim.worker])[victim.worker], signal.SIGKILL)
    found = ended(sweep_id, wait_for)
    assert found.status == "done" and found.retried == (victim.run_id,)
    after = done(sweep_id)
    assert len(after) == len(runs_of(sweep_id)) == spec.runs
    for run in after.values():
        assert run.metrics["pi"] == pi({"darts": run.params["darts"], "steps": 60}, run.seed)
        assert run.result.curves["estimate"][0] == list(range(60))
    engine.close()


# Its cluster, when it has one of its own, outlives the leader by some seconds, as a busy one does.
LEADER = """
import os, subprocess, sys, time
from workbench.engine import Engine
from workbench.sweeps import conductor
from workbench.sweeps.spec import make_spec
engine = Engine(sys.argv[1] or None, slots=2)
engine.wait()
if not sys.argv[1]:
    line = os.dup(engine._child.stdin.fileno())
    os.set_inheritable(line, True)
    subprocess.Popen(["sleep", "15"], close_fds=False, stdout=subprocess.DEVNULL)
spec = make_spec("trial", {"darts": [100, 200, 300, 400]}, seeds=[0, 1], base={"steps": 60, "pause": 0.05})
print(conductor.start(engine, spec), flush=True)
time.sleep(600)
"""


def leader(scheduler):
    """Start another process that leads a sweep, as a web server does; return it and the sweep's id."""
    child = subprocess.Popen([sys.executable, "-c", LEADER, scheduler], stdout=subprocess.PIPE, text=True)
    return child, child.stdout.readline().strip()


@pytest.mark.parametrize("where", ["local", "cluster"])
def test_a_sweep_whose_leader_was_killed_goes_on_elsewhere(where, engine, wait_for, request):
    scheduler = request.getfixturevalue("dask_cluster")[0] if where == "cluster" else ""
    child, sweep_id = leader(scheduler)
    try:
        wait_for(lambda: done(sweep_id), 300, "a run that is done")
        assert record.read(open_store(), sweep_id).status == "running"
    finally:
        child.kill()
        child.wait()
    assert record.read(open_store(), sweep_id).status == "lost"
    before = done(sweep_id)
    other = Engine(scheduler) if scheduler else engine
    conductor.go_on(other, sweep_id)
    assert ended(sweep_id, wait_for).status == "done"
    after = done(sweep_id)
    assert len(after) == len(runs_of(sweep_id)) == 8
    assert all(after[key].seconds == run.seconds for key, run in before.items())
    for run in after.values():
        assert run.metrics["pi"] == pi({"darts": run.params["darts"], "steps": 60}, run.seed)
    if scheduler:
        other.close()


def test_a_sweep_is_stopped_by_whoever_leads_it(engine, wait_for):
    child, sweep_id = leader("")
    try:
        wait_for(lambda: any(run.status == "running" for run in runs_of(sweep_id)), 300, "a run")
        time.sleep(0.5)
        conductor.stop(engine, sweep_id)
        assert ended(sweep_id, wait_for).status == "stopped"
        # the process that led it writes the end of the last run a moment later
        wait_for(lambda: {run.status for run in runs_of(sweep_id)} <= {"done", "stopped"}, 60, "the end of its runs")
    finally:
        child.kill()
        child.wait()
