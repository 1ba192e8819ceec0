"""The link of a view: the newest question wins, nothing blocks, the state tells its watchers."""

from concurrent.futures import Future

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.ui.link import Link, State


class Asker:
    def __init__(self):
        self.futures, self.requests = [], []

    def __call__(self, request):
        self.requests.append(request)
        self.futures.append(Future())
        return self.futures[-1]


def test_while_one_is_asked_only_the_newest_waits():
    asker, answers = Asker(), []
    link = Link("run", asker)
    for angle in range(5):
        link.probe({"angle": angle}, lambda result: answers.append(result.metrics["angle"]))
    assert asker.requests == [{"angle": 0}]
    asker.futures[0].set_result(Result(metrics={"angle": 0.0}))
    assert asker.requests == [{"angle": 0}, {"angle": 4}]
    asker.futures[1].set_result(Result(metrics={"angle": 4.0}))
    assert answers == [0.0, 4.0]
    link.probe({"angle": 9}, answers.append)
    assert asker.requests[-1] == {"angle": 9}


def test_channels_do_not_replace_each_other():
    asker = Asker()
    link = Link("run", asker)
    link.probe({"a": 1}, print, channel="a")
    link.probe({"b": 1}, print, channel="b")
    assert len(asker.requests) == 2


def test_failures_are_told_in_words_and_the_channel_goes_on():
    asker, told = Asker(), []
    link = Link("run", asker)
    for fault in (LabError("No model.", "Run again."), ZeroDivisionError("oh")):
        link.probe({}, print, told.append)
        asker.futures[-1].set_exception(fault)
    assert [error.cause for error in told] == ["No model.", "ZeroDivisionError: oh"]

    def refuse(request):
        raise LabError("Not now.")

    Link("run", refuse).probe({}, print, told.append)
    assert told[-1].cause == "Not now."


def test_a_view_that_fails_while_drawing_does_not_block_the_channel():
    asker = Asker()
    link = Link("run", asker, schedule=lambda call: _swallow(call))
    link.probe({}, lambda result: 1 / 0)
    asker.futures[0].set_result(Result())
    link.probe({"again": True}, print)
    assert asker.requests[-1] == {"again": True}


def _swallow(call):
    try:
        call()
    except ZeroDivisionError:
        return


def test_state_tells_changes_only():
    told = []
    state = State({"x": 1})
    state.watch(lambda key, value: told.append((key, value)))
    state["x"] = 1
    state["x"] = 2
    del state["x"]
    assert told == [("x", 2), ("x", None)]
