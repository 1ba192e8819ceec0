"""The loop of a run over its trainings: rows, curves, several seeds at once, a stop, a loss that is no number."""

from dataclasses import dataclass

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.toolkit.jobs import Headline, RunState, follow, load_state, named, run_steps, unfinished
from workbench.toolkit.memory import MemoryContext

STEPS = 25


@dataclass(frozen=True)
class Job:
    arm: str
    seed: int

    @property
    def key(self):
        return f"{self.arm}/{self.seed}"

    @property
    def label(self):
        return self.arm

    @property
    def about(self):
        return {"arm": self.arm, "seed": self.seed}


def both_seeds(state):
    """Train two seeds in one pass: the loss of a seed is its step, and ten times as much for seed 1."""
    for step in range(int(state["step"]) + 1 if state else 1, STEPS + 1):
        yield step, [{"fit": 1.0 * step, "size": 0.5}, {"fit": 10.0 * step, "size": 0.5}], lambda at=step: {"step": at}


def steps_of(jobs, state, ctx):
    return follow(jobs, both_seeds, STEPS, "learns", state, ctx, columns={"steps": STEPS})


def test_two_seeds_that_are_trained_at_once_have_rows_of_their_own_and_one_curve():
    jobs, state, ctx = [Job("a", 0), Job("a", 1)], RunState(), MemoryContext()
    assert list(steps_of(jobs, state, ctx))[-1] == (STEPS, STEPS, "learns")
    rows = state.tables()["training"]
    assert list(rows.columns) == ["arm", "seed", "step", "steps", "fit", "size"]
    assert rows["step"].tolist() == [10, 10, 20, 20, 25, 25] and rows["seed"].tolist() == [0, 1] * 3
    assert rows.query("seed == 0")["fit"].tolist() == [5.5, 15.5, 23.0]  # means since the point before
    assert rows.query("seed == 1")["fit"].tolist() == [55.0, 155.0, 230.0]
    assert ctx.kept.curves["fit"] == ([10, 20, 25], [5.5, 15.5, 23.0])


@pytest.mark.parametrize("stop", [7, 10, 13, 24])
def test_a_stop_anywhere_changes_no_row(stop):
    jobs, whole = [Job("a", 0), Job("a", 1)], RunState()
    list(steps_of(jobs, whole, MemoryContext()))
    first = MemoryContext(stop_after=stop)
    assert run_steps(steps_of(jobs, (state := RunState()), first), state, first)
    second = MemoryContext(state=first.state)
    state = load_state(second.resume())
    assert not run_steps(steps_of(jobs, state, second), state, second)
    assert state.tables()["training"].equals(whole.tables()["training"])


def test_losses_that_an_earlier_version_kept_in_another_form_are_left_out():
    state = RunState(now=("a/0 + a/1", lambda: {"step": 3}), losses=[1.0, 2.0, 3.0])
    list(steps_of([Job("a", 0), Job("a", 1)], state, MemoryContext()))
    assert state.tables()["training"].query("seed == 0")["fit"].tolist()[0] == np.mean(range(4, 11))


def test_a_loss_that_is_no_number_says_whose_it_is():
    def training(state):
        return named("loss", iter([(1, 2.0, dict), (2, float("nan"), dict)]))

    with pytest.raises(LabError, match="a did not learn: its loss is nan"):
        list(follow([Job("a", 0)], training, 2, "learns", RunState(), MemoryContext()))


def test_a_job_is_done_when_the_next_one_is_asked_for():
    jobs, state = [Job("a", 0), Job("b", 0), Job("c", 0)], RunState(finished=["b/0"])
    left = unfinished(jobs, state)
    job, stage = next(left)
    assert (job.key, stage, state.finished) == ("a/0", "a (1 of 3)", ["b/0"])
    assert next(left) == (jobs[2], "c (3 of 3)") and state.finished == ["b/0", "a/0"]
    assert list(left) == [] and state.finished == ["b/0", "a/0", "c/0"]


def test_headline_numbers_are_means_over_what_is_there():
    numbers = Headline()
    numbers.add("x", [1.0, np.nan, 3.0])
    numbers.add("y", [np.nan])
    assert numbers.metrics == {"x": 2.0} and numbers.samples == {"x": [1.0, 3.0]}
