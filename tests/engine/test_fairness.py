"""Who is next, by itself."""

import getpass

from workbench.engine.fairness import account, in_order, next_turn
from workbench.engine.live import Live, Task


def ask(tasks, user, now=0):
    """Queue a run of a user."""
    run_id = f"{user}{sum(task.user == user for task in tasks.values())}"
    tasks[run_id] = Task(Live(run_id), user=user, turn=next_turn(tasks, user, now))


def test_users_take_turns_however_much_they_ask_for():
    tasks = {}
    for user in "aaabbc":
        ask(tasks, user)
    assert in_order(tasks) == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_who_comes_late_is_not_owed_the_past_and_does_not_wait_for_all():
    tasks = {}
    for _ in range(100):
        ask(tasks, "a")
    ask(tasks, "b", now=tasks["a50"].turn)  # a50 has just started
    order = in_order(tasks)
    assert order.index("a50") < order.index("b0") < order.index("a51")
    ask(tasks, "b", now=tasks["a50"].turn)
    assert in_order(tasks).index("b1") == 1 + in_order(tasks).index("a51")


def test_runs_that_ended_and_those_of_other_clusters_count_nothing():
    tasks = {
        "old": Task(Live("old", status="stopped"), user="a", turn=9),
        "far": Task(Live("far"), user="b", foreign=True),
    }
    assert next_turn(tasks, "a", now=2) == 2
    assert in_order(tasks) == []


def test_an_account_without_a_name_is_somebody(monkeypatch):
    assert account() == getpass.getuser()

    def nameless():
        raise KeyError("uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert account() == "somebody"
