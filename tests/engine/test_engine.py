"""The engine with real processes: progress, stop, kill, lost runs, a cluster elsewhere, a restarted server."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from workbench.contract.errors import LabError
from workbench.engine import GRACE, Engine
from workbench.runs.store import open_store


def ended(engine, run_id, wait_for, seconds=90):
    wait_for(lambda: engine.live(run_id).status not in ("queued", "running"), seconds, "the end of the run")
    return open_store().run(run_id)


def running(engine, run_id, wait_for):
    return wait_for(lambda: (live := engine.live(run_id)).status == "running" and live.total and live, 60, "the start")


def test_a_run_reports_progress_and_is_kept(engine, wait_for):
    run_id = engine.submit("trial", {"steps": 30, "pause": 0.05}, seed=3, preset="quick")
    live = running(engine, run_id, wait_for)
    assert live.stage == "throwing" and live.total == 30 and live.peak_memory > 1e7 and live.device == "cpu"
    assert wait_for(lambda: engine.live(run_id).curves.get("estimate"), 10, "a live curve")
    run = ended(engine, run_id, wait_for)
    assert run.status == "done" and run.seconds > 1 and run.seed == 3 and run.params["steps"] == 30
    assert run.result.metrics["pi"] == run.metrics["pi"] and 2.9 < run.metrics["pi"] < 3.4
    assert len(run.result.curves["estimate"][0]) == 30 and len(run.result.tables["last"]) == 2000
    assert not run.result.partial and "darts" in run.log
    assert run.claims()["near"].verdict == "holds"
    assert run.provenance["packages"]["numpy"] and run.provenance["timings"]["throwing"] > 1


def test_same_seed_same_numbers(engine, wait_for):
    ids = [engine.submit("trial", {}, seed=seed) for seed in (7, 7, 8)]
    first, again, other = (ended(engine, run_id, wait_for).metrics["pi"] for run_id in ids)
    assert first == again != other


def test_runs_wait_for_a_slot_and_tell_their_place(engine, wait_for):
    busy = [engine.submit("trial", {"steps": 1000, "pause": 0.05}) for _ in range(2)]
    for run_id in busy:
        running(engine, run_id, wait_for)
    queue = [engine.submit("trial", {"steps": 2}) for _ in range(2)]
    time.sleep(1)
    assert [engine.live(run_id).queue_position for run_id in queue] == [1, 2]
    engine.stop(queue[0])
    assert ended(engine, queue[0], wait_for).status == "stopped"
    assert engine.live(queue[1]).queue_position == 1
    for run_id in busy:
        engine.stop(run_id)
    assert ended(engine, queue[1], wait_for).status == "done"
    for run_id in busy:
        run = ended(engine, run_id, wait_for)
        assert run.status == "stopped" and run.result.partial  # the partial result is kept, and marked
        assert run.result.metrics["pi"] and run.result.curves["estimate"][0]


def test_a_run_that_does_not_obey_is_killed_and_the_next_gets_a_fresh_worker(engine, wait_for):
    run_id = engine.submit("trial", {"steps": 100_000, "pause": 0.02, "mood": "deaf"})
    live = running(engine, run_id, wait_for)
    pid = engine.client.run(os.getpid, workers=[live.worker])[live.worker]
    wait_for(lambda: engine.live(run_id).curves, 10, "a curve")
    time.sleep(1.5)
    start = time.time()
    engine.stop(run_id)
    assert engine.live(run_id).stopping
    run = ended(engine, run_id, wait_for)
    assert run.status == "stopped" and time.time() - start < GRACE + 10
    assert run.result.partial and len(run.result.curves["estimate"][0]) > 3 and len(run.result.tables["last"])
    wait_for(lambda: not psutil.pid_exists(pid), 20, "the end of the process")
    following = [engine.submit("trial", {"steps": 2}) for _ in range(3)]
    assert [ended(engine, key, wait_for).status for key in following] == ["done"] * 3


def test_a_killed_worker_leaves_a_lost_run_at_once(engine, wait_for):
    run_id = engine.submit("trial", {"steps": 100_000, "pause": 0.02})
    live = running(engine, run_id, wait_for)
    os.kill(engine.client.run(os.getpid, workers=[live.worker])[live.worker], signal.SIGKILL)
    start = time.time()
    run = ended(engine, run_id, wait_for)
    assert run.status == "lost" and time.time() - start < 5
    assert "died" in run.error["cause"] and engine.live(run_id).error == run.error
    assert ended(engine, engine.submit("trial", {}), wait_for).status == "done"


def test_lost_and_stopped_runs_resume_and_end_with_the_same_numbers(engine, wait_for):
    whole = ended(engine, engine.submit("trial", {"steps": 60}, seed=5), wait_for)
    with pytest.raises(LabError, match="is done"):
        engine.resume(whole.id)
    run_id = engine.submit("trial", {"steps": 60, "pause": 0.05}, seed=5)
    live = wait_for(lambda: (live := engine.live(run_id)).done > 10 and live, 60, "ten steps")
    os.kill(engine.client.run(os.getpid, workers=[live.worker])[live.worker], signal.SIGKILL)
    assert ended(engine, run_id, wait_for).status == "lost"
    torn = open_store().run(run_id).folder / "checkpoint.safetensors"
    if torn.exists():  # else it was killed between two checkpoints, and there is the one before
        torn.write_bytes(torn.read_bytes()[:-3])  # as if the power had failed: the one before it is used
    engine.resume(run_id)
    assert engine.live(run_id).status == "queued"
    wait_for(lambda: engine.live(run_id).done > 30, 60, "twenty more steps")
    engine.stop(run_id)
    stopped = ended(engine, run_id, wait_for)
    assert stopped.status == "stopped" and stopped.error is None
    with pytest.raises(LabError, match="no share"):
        engine.probe(run_id, {}).result(60)
    engine.resume(run_id)
    run = ended(engine, run_id, wait_for)
    assert run.status == "done" and run.metrics["pi"] == whole.metrics["pi"] and not run.result.partial
    assert run.result.curves == whole.result.curves and run.seconds > stopped.seconds
    assert engine.probe(run_id, {"share": 1}).result(60).metrics["pi"] == whole.metrics["pi"]
    assert not list(run.folder.glob("checkpoint*"))


def test_a_run_that_only_stood_in_line_at_a_killed_worker_goes_to_another(engine, wait_for):
    busy = [engine.submit("trial", {"steps": 100_000, "pause": 0.02}) for _ in range(2)]
    lives = [running(engine, run_id, wait_for) for run_id in busy]
    queue = [engine.submit("trial", {"steps": 2}) for _ in range(4)]
    time.sleep(1)  # both workers have some of them in line
    os.kill(engine.client.run(os.getpid, workers=[lives[0].worker])[lives[0].worker], signal.SIGKILL)
    assert ended(engine, busy[0], wait_for).status == "lost"
    engine.stop(busy[1])
    assert [ended(engine, run_id, wait_for).status for run_id in [busy[1], *queue]] == ["stopped", *["done"] * 4]


def test_the_slot_of_a_killed_worker_comes_back_however_slow_the_machine(wait_for, monkeypatch):
    # What Dask does by default after 15 s, which a busy machine may need to start a process, it would now do at once.
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "0s")
    engine = Engine(slots=1)
    try:
        engine.wait()
        run_id = engine.submit("trial", {"steps": 100_000, "pause": 0.02})
        worker = running(engine, run_id, wait_for).worker
        os.kill(engine.client.run(os.getpid, workers=[worker])[worker], signal.SIGKILL)
        assert ended(engine, run_id, wait_for).status == "lost"
        assert ended(engine, engine.submit("trial", {"steps": 2}), wait_for).status == "done"
    finally:
        engine.close()


def test_many_runs_of_one_user_do_not_keep_another_waiting(wait_for):
    engine = Engine(slots=1)
    try:
        engine.wait()
        first = engine.submit("trial", {"steps": 1000, "pause": 0.02}, user="ada")
        running(engine, first, wait_for)
        many = [engine.submit("trial", {"steps": 20, "pause": 0.02}, user="ada") for _ in range(5)]
        single = engine.submit("trial", {"steps": 20, "pause": 0.02}, user="bob")
        assert [engine.live(run_id).queue_position for run_id in [single, *many]] == [1, 2, 3, 4, 5, 6]
        second = engine.submit("trial", {"steps": 20, "pause": 0.02}, user="bob")
        assert [engine.live(run_id).queue_position for run_id in [many[0], second, many[1]]] == [2, 3, 4]
        engine.stop(first)
        order, waiting = [], {single, second, *many}
        while waiting:  # in which order they start
            started = [run_id for run_id in waiting if engine.live(run_id).status != "queued"]
            order += started
            waiting -= set(started)
            time.sleep(0.02)
        assert order == [single, many[0], second, *many[1:]]
        assert open_store().run(single).user == "bob"
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("mood", "cause", "hint"),
    [("clumsy", "ZeroDivisionError: the darts fell down", "defect"), ("careful", "There is no board.", "Hang one up.")],
)
def test_a_failure_is_told_in_words(engine, wait_for, mood, cause, hint):
    run = ended(engine, engine.submit("trial", {"mood": mood}), wait_for)
    assert run.status == "failed" and run.error["cause"] == cause and hint in run.error["hint"]
    assert "Traceback" in run.error["traceback"]


def test_bad_params_are_refused_before_they_are_queued(engine):
    with pytest.raises(LabError, match="darts"):
        engine.submit("trial", {"darts": -1})
    with pytest.raises(LabError, match="no parameter 'dart'"):
        engine.submit("trial", {"dart": 5})
    with pytest.raises(LabError, match="planned"):
        engine.submit("reft", {})


def test_probe_answers_while_every_slot_is_busy_and_saves_nothing(engine, wait_for):
    done = ended(engine, engine.submit("trial", {}), wait_for)
    busy = [engine.submit("trial", {"steps": 100_000, "pause": 0.02}) for _ in range(2)]
    for run_id in busy:
        running(engine, run_id, wait_for)
    before = len(open_store().runs())
    engine.probe(done.id, {"share": 1}).result(60)
    start = time.time()
    for _ in range(10):
        answer = engine.probe(done.id, {"share": 0.5}).result(60)
    assert (time.time() - start) / 10 < 0.5
    assert answer.metrics["pi"] == pytest.approx(done.metrics["pi"] / 2)
    with pytest.raises(LabError, match="no share"):
        engine.probe(done.id, {}).result(60)
    with pytest.raises(LabError, match="not ended"):
        engine.probe(busy[0], {"share": 1}).result(60)
    assert len(open_store().runs()) == before
    for run_id in busy:
        engine.stop(run_id)
        assert ended(engine, run_id, wait_for).status == "stopped"


SERVER = """
import sys, time
from workbench.engine import Engine
engine = Engine(sys.argv[1] or None, slots=1)
engine.wait()
print(engine.submit("trial", {"steps": int(sys.argv[2]), "pause": 0.05}), flush=True)
time.sleep(600)
"""


def server(scheduler, steps):
    """Start another process with an engine, as a web server is, and return it with the run it started."""
    child = subprocess.Popen([sys.executable, "-c", SERVER, scheduler, str(steps)], stdout=subprocess.PIPE, text=True)
    return child, child.stdout.readline().strip()


def test_runs_of_a_killed_server_are_lost_and_those_of_a_living_one_are_shown(engine, wait_for):
    child, run_id = server("", 100_000)
    try:
        wait_for(lambda: engine.live(run_id) and engine.live(run_id).done > 3, 90, "the other process's progress")
        workers = psutil.Process(child.pid).children(recursive=True)
    finally:
        child.kill()
        child.wait()
    assert ended(engine, run_id, wait_for).status == "lost"
    assert not psutil.wait_procs(workers, timeout=20)[1]  # no process is left behind


def test_a_run_of_another_process_is_stopped_by_it(engine, wait_for):
    child, run_id = server("", 100_000)
    try:
        wait_for(lambda: engine.live(run_id) and engine.live(run_id).done > 3, 90, "the other process's progress")
        engine.stop(run_id)
        assert engine.live(run_id).stopping
        run = ended(engine, run_id, wait_for)
        assert run.status == "stopped" and run.result.partial and run.result.metrics["pi"]
    finally:
        child.kill()
        child.wait()


def workers(engine):
    return engine.client.scheduler_info(n_workers=-1)["workers"]


def test_a_cluster_elsewhere(dask_cluster, wait_for):
    address, _ = dask_cluster
    engine = Engine(address)
    engine.wait()
    early = engine.submit("trial", {"steps": 2})  # maybe before any worker has a slot: it must not wait for ever
    wait_for(lambda: sum("run" in w["resources"] for w in workers(engine).values()) == 2, 60, "two workers with a slot")
    assert ended(engine, early, wait_for).status == "done"
    ids = [engine.submit("trial", {"steps": 60, "pause": 0.1}) for _ in range(3)]
    lives = [running(engine, run_id, wait_for) for run_id in ids[:2]]
    assert lives[0].worker != lives[1].worker  # one run a worker
    assert engine.live(ids[2]).queue_position == 1
    # A run whose worker is killed is lost, and is not started again although the scheduler would.
    os.kill(engine.client.run(os.getpid, workers=[lives[0].worker])[lives[0].worker], signal.SIGKILL)
    assert ended(engine, ids[0], wait_for).status == "lost"
    assert [ended(engine, run_id, wait_for).status for run_id in ids[1:]] == ["done", "done"]
    assert engine.probe(ids[1], {"share": 1}).result(60).metrics["pi"] == open_store().run(ids[1]).metrics["pi"]
    engine.close()


def test_a_restarted_server_finds_its_runs_on_the_cluster(dask_cluster, wait_for):
    address, _ = dask_cluster
    child, run_id = server(address, 240)  # it must still run when the next engine has started
    wait_for(lambda: open_store().run(run_id).progress.get("done", 0) > 5, 90, "progress in the store")
    child.kill()
    child.wait()
    engine = Engine(address)
    engine.wait()
    live = running(engine, run_id, wait_for)
    assert live.done > 5 and live.curves["estimate"][0][0] == 0  # the curve from its start
    assert ended(engine, run_id, wait_for).status == "done"
    engine.close()


def test_an_engine_that_cannot_start_says_so():
    engine = Engine("tcp://127.0.0.1:9")
    with pytest.raises(LabError, match="could not start"):
        engine.wait(60)
    with pytest.raises(LabError, match="could not start"):
        engine.submit("trial", {})
    engine.close()
