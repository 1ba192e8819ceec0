"""A run that is resumed is another attempt: late words about the one before don't reach it."""

import pytest

from workbench.engine import adopting, sending
from workbench.engine.desk import Desk
from workbench.engine.owner import this_process
from workbench.live import Live, Task
from workbench.store import open_store


@pytest.fixture
def desk(home):
    return Desk(None, owner=this_process())


def attempt(desk, run, status):
    desk.tasks[run.id] = task = Task(Live(run.id, status=status), folder=run.folder)
    return task


def running(desk):
    run = open_store().create("trial", {}, seed=0, preset="", device="cpu", scheduler=desk.owner)
    open_store().update(run.id, status="running")
    return run, attempt(desk, run, "running")


def test_a_worker_that_two_saw_die_ends_its_run_once(desk):
    run, first = running(desk)
    sending.gone(desk, first)
    assert first.live.status == open_store().run(run.id).status == "lost"
    open_store().reopen(run.id, desk.owner)
    second = attempt(desk, run, "queued")
    sending.gone(desk, first)  # Dask's word about the same death, a moment later
    assert second.live.status == open_store().run(run.id).status == "queued"


def test_the_second_who_sees_a_death_waits_for_nobody(desk, monkeypatch):
    """The store is being told by the first while the second comes."""
    run, task = running(desk)
    told = []

    def close(run_id, status, error=None):
        told.append(status)
        sending.gone(desk, task)

    monkeypatch.setattr(open_store(), "close", close)
    sending.gone(desk, task)
    assert told == ["lost"]


def test_what_a_full_disk_kept_back_is_told_later(desk, monkeypatch):
    run, task = running(desk)
    with monkeypatch.context() as patch:

        def full(*args):
            raise OSError("no space left on device")

        patch.setattr(open_store(), "close", full)
        sending.gone(desk, task)
        desk.pay()
        assert task.live.status == "lost" and open_store().run(run.id).status == "running"
    desk.pay()
    assert open_store().run(run.id).status == "lost" and not desk.owed


def test_a_run_resumed_meanwhile_is_not_taken_for_a_strangers(desk, monkeypatch):
    run, first = running(desk)
    sending.gone(desk, first)
    open_store().reopen(run.id, desk.owner)
    resumed = []

    def owner_gone(owner):
        resumed.append(attempt(desk, run, "queued"))
        return False

    monkeypatch.setattr(adopting, "owner_gone", owner_gone)
    adopting.adopt(desk)
    assert resumed and desk.tasks[run.id] is resumed[-1] and not resumed[-1].foreign
