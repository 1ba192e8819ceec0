"""A run that is resumed is another attempt: late words about the one before don't reach it."""

import threading
import time
from types import SimpleNamespace

import pytest

from workbench.engine import dispatch, events, recovery, scheduler, worker
from workbench.engine.live import Live, Task
from workbench.engine.owner import this_process
from workbench.engine.registry import RunRegistry
from workbench.runs.store import open_store


@pytest.fixture
def registry(home):
    return RunRegistry(None, owner=this_process())


def attempt(registry, run, status):
    registry.tasks[run.id] = task = Task(Live(run.id, status=status), scheduler.new_key(run.id), folder=run.folder)
    return task


def running(registry):
    run = open_store().create("trial", {}, seed=0, preset="", device="cpu", scheduler=registry.owner)
    open_store().update(run.id, status="running")
    return run, attempt(registry, run, "running")


def test_a_worker_that_two_saw_die_ends_its_run_once(registry):
    run, first = running(registry)
    dispatch.end_lost(registry, first)
    assert first.live.status == open_store().run(run.id).status == "lost"
    open_store().reopen(run.id, registry.owner)
    second = attempt(registry, run, "queued")
    dispatch.end_lost(registry, first)  # Dask's word about the same death, a moment later
    assert second.live.status == open_store().run(run.id).status == "queued"


def test_the_second_who_sees_a_death_waits_for_nobody(registry, monkeypatch):
    """The store is being told by the first while the second comes."""
    run, task = running(registry)
    told = []

    def close(run_id, status, error=None):
        told.append(status)
        dispatch.end_lost(registry, task)

    monkeypatch.setattr(open_store(), "close", close)
    dispatch.end_lost(registry, task)
    assert told == ["lost"]


def test_what_a_full_disk_kept_back_is_told_later(registry, monkeypatch):
    run, task = running(registry)
    with monkeypatch.context() as patch:

        def full(*args):
            raise OSError("no space left on device")

        patch.setattr(open_store(), "close", full)
        dispatch.end_lost(registry, task)
        registry.write_pending()
        assert task.live.status == "lost" and open_store().run(run.id).status == "running"
    registry.write_pending()
    assert open_store().run(run.id).status == "lost" and not registry.unwritten


def test_a_run_resumed_meanwhile_is_not_taken_for_a_strangers(registry, monkeypatch):
    run, first = running(registry)
    dispatch.end_lost(registry, first)
    open_store().reopen(run.id, registry.owner)
    resumed = []

    def owner_gone(owner):
        resumed.append(attempt(registry, run, "queued"))
        return False

    monkeypatch.setattr(recovery, "owner_gone", owner_gone)
    recovery.find_runs(registry)
    assert resumed and registry.tasks[run.id] is resumed[-1] and not resumed[-1].foreign


def test_a_late_word_of_the_worker_that_died_is_not_about_the_next_attempt(registry):
    """It would make the resumed run stand as running at a worker that is gone, and so as lost once more."""
    run, first = running(registry)
    dispatch.end_lost(registry, first)
    open_store().reopen(run.id, registry.owner)
    second = attempt(registry, run, "queued")
    word = {"run_id": run.id, "worker": "tcp://dead", "status": "running", "device": "cpu", "started": 1.0}
    events.on_event(registry, (0.0, word | {"key": first.key}))
    assert second.live.status == "queued" and not second.live.worker
    events.on_event(registry, (0.0, word | {"key": second.key, "worker": "tcp://alive"}))
    assert second.live.status == "running" and second.live.worker == "tcp://alive"


def test_an_attempt_that_somebody_else_sends_is_followed_and_not_stopped(registry):
    """Another process on the same cluster resumes a run that was stopped here."""
    run, first = running(registry)
    first.kill_at = 1.0
    registry.finish(first, "stopped")
    word = {"run_id": run.id, "worker": "tcp://w", "status": "running", "device": "cpu", "started": 1.0}
    events.on_event(
        registry, (0.0, word | {"key": scheduler.new_key(run.id)})
    )  # asks no client for a stop: there is none
    assert registry.tasks[run.id] is not first and registry.tasks[run.id].live.status == "running"


def test_an_attempt_that_dask_starts_again_ends_and_runs_nothing(registry, monkeypatch):
    """Its worker died; meanwhile the run is in line once more, and what is there belongs to the next attempt."""
    run, first = running(registry)
    store = open_store()
    store.update(run.id, attempt=first.key, begun=first.key)
    asked = SimpleNamespace(get_current_task=lambda: first.key)
    monkeypatch.setattr(worker, "get_worker", lambda: asked)
    assert worker.execute(run.id, store.uri, str(store.root)) == worker.SUPERSEDED
    assert store.run(run.id).status == "running"  # the engine says what has become of it
    dispatch.end_lost(registry, first)
    store.reopen(run.id, registry.owner)
    second = attempt(registry, run, "queued")
    assert worker.execute(run.id, store.uri, str(store.root)) == worker.SUPERSEDED
    assert store.run(run.id).status == "queued" and second.active
    store.update(run.id, attempt=second.key)  # as `dispatch.send` does
    assert worker.execute(run.id, store.uri, str(store.root)) == worker.SUPERSEDED


class FakeWorker:
    """A Dask worker that executes one task."""

    address = "tcp://w"

    def __init__(self, key):
        self.key = key

    def get_current_task(self):
        return self.key

    def log_event(self, topic, message):
        pass


def test_a_run_belongs_to_its_last_attempt_whatever_an_older_one_writes_late(registry, monkeypatch):
    """The worker of a killed server took the run from its line and dies over it, after it was resumed elsewhere."""
    run, first = running(registry)
    store = open_store()
    dispatch.end_lost(registry, first)
    store.reopen(run.id, registry.owner)
    second = attempt(registry, run, "queued")
    store.update(run.id, attempt=second.key)
    store.update(run.id, status="running", begun=first.key)  # it had looked before the run was called lost
    monkeypatch.setattr(worker, "get_worker", lambda: FakeWorker(second.key))
    assert worker.execute(run.id, store.uri, str(store.root)) == "done"
    assert store.run(run.id).status == "done"


def test_an_attempt_that_lost_its_run_stops_and_keeps_nothing(registry, monkeypatch):
    run = open_store().create("trial", {"steps": 400, "pause": 0.05}, seed=0, preset="", device="cpu", scheduler="x")
    first, store = attempt(registry, run, "queued"), open_store()
    store.update(run.id, attempt=first.key)
    monkeypatch.setattr(worker, "get_worker", lambda: FakeWorker(first.key))
    ended = []
    thread = threading.Thread(target=lambda: ended.append(worker.execute(run.id, store.uri, str(store.root))))
    thread.start()
    try:
        while not (run.folder / "checkpoint.safetensors").exists():
            time.sleep(0.05)
        dispatch.end_lost(registry, first)
        store.reopen(run.id, registry.owner)
    finally:
        thread.join(60)
    assert ended == [worker.SUPERSEDED]  # long before its 400 steps
    assert store.run(run.id).status == "queued" and not (run.folder / "provenance.json").exists()


def test_an_attempt_that_ended_never_stands_as_under_way(registry, monkeypatch):
    """Somebody writes to the store between the two looks of who ends it."""
    run, task = running(registry)
    close = open_store().close

    def closed_and_opened(run_id, status, error=None):
        close(run_id, status, error)
        open_store().update(run_id, status="running")

    monkeypatch.setattr(open_store(), "close", closed_and_opened)
    dispatch.end_lost(registry, task)
    assert task.live.status == "lost"


def test_the_engine_hears_that_an_attempt_was_started_again(registry):
    run, first = running(registry)
    first.future = SimpleNamespace(status="finished", result=lambda: worker.SUPERSEDED)
    dispatch.on_task_done(registry, first, first.future)
    assert first.live.status == open_store().run(run.id).status == "lost"


def test_a_run_resumed_while_the_scheduler_was_asked_is_not_lost(registry, monkeypatch):
    run, first = running(registry)
    registry.tasks.clear()
    monkeypatch.setattr(recovery, "ON_THE_WAY", -1)
    monkeypatch.setattr(registry, "scheduler", registry.owner)

    def known_turns(client):
        """While we wait for the answer, the run is found lost and resumed."""
        registry.tasks[run.id] = first
        dispatch.end_lost(registry, first)
        attempt(registry, run, "queued")
        open_store().reopen(run.id, registry.owner)
        return {}

    monkeypatch.setattr(scheduler, "known_turns", known_turns)
    recovery.find_runs(registry)
    assert open_store().run(run.id).status == "queued" and registry.holds(run.id)


def test_an_event_that_comes_before_the_engine_has_looked_at_the_store_hides_no_run(registry):
    """On a slow machine a restarted server hears of a run before it has read what the store knows of it."""
    run, first = running(registry)
    registry.tasks.clear()
    word = {"run_id": run.id, "worker": "tcp://w", "key": first.key, "progress": {"stage": "a", "done": 1, "total": 2}}
    events.on_event(registry, (0.0, word))
    assert not registry.holds(run.id)
    registry.tasks[run.id] = first  # as `recovery.find_runs` does
    events.on_event(registry, (0.0, word))
    assert first.live.status == "running" and first.live.done == 1
    events.on_event(registry, (0.0, word | {"key": scheduler.new_key(run.id)}))
    assert registry.tasks[run.id] is not first and registry.tasks[run.id].live.status == "running"


def test_a_strangers_run_that_is_resumed_here_while_we_look_is_not_lost(registry, monkeypatch):
    run, foreign = running(registry)
    foreign.foreign = True
    resumed = []

    def owner_gone(owner):
        resumed.append(attempt(registry, run, "queued"))
        return True

    monkeypatch.setattr(recovery, "owner_gone", owner_gone)
    recovery.refresh(registry, run.id)
    assert registry.tasks[run.id] is resumed[0] and resumed[0].live.status == "queued"
    assert open_store().run(run.id).status == "running"  # nobody has called it lost


def test_a_run_that_meets_a_closed_client_is_sent_again_and_has_not_failed(registry):
    """The cluster was killed a moment ago, and is not renewed yet."""

    def submit(*args, **named):
        raise RuntimeError("Client is closed.")

    run = open_store().create("trial", {}, seed=0, preset="", device="cpu", scheduler=registry.owner)
    task = attempt(registry, run, "queued")
    registry.client = SimpleNamespace(status="closed", submit=submit)
    assert not dispatch.send(registry, task) and task.live.status == "queued"
    registry.client = SimpleNamespace(status="running", submit=submit)
    assert dispatch.send(registry, task) and task.live.status == open_store().run(run.id).status == "failed"
