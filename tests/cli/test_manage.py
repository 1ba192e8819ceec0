"""The terminal keeps runs in the words of the page, and finds them by conditions."""

import json

import pytest
from typer.testing import CliRunner

import workbench
from workbench.cli import app
from workbench.contract.errors import LabError
from workbench.runs.store import open_store


def call(*words, code=0, **more):
    done = CliRunner().invoke(app, list(words), **more)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def runs(home):
    store, made = open_store(), []
    for darts in (50, 700):
        run = store.create("trial", {"darts": darts}, seed=darts, preset="quick", device="cpu", scheduler="nobody")
        store.update(run.id, metrics=[("pi", 3 + darts / 1000, 0)])
        store.close(run.id, "done")
        made.append(store.run(run.id))
    return made


def test_keep_and_find_again(runs):
    few, many = (run.id for run in runs)
    assert "has a star" in call("star", many)
    assert "700 darts" in call("rename", many, "700 darts")
    assert "has a note" in call("note", many, "the good one")
    assert "good" in call("tag", many, few, "--add", "good", "--add", "odd")
    assert "good" in call("tag", few, "--remove", "odd")
    assert "is in its group" in call("group", few, many, "--name", "darts")
    (one,) = json.loads(call("runs", "trial", "--starred", "--group", "darts", "--json"))
    assert (one["run_id"], one["name"], one["note"], one["tags"]) == (
        many,
        "700 darts",
        "the good one",
        ["good", "odd"],
    )
    listed = json.loads(call("runs", "--group", "darts", "--order", "metrics.pi", "--ascending", "--json"))
    assert [run["run_id"] for run in listed] == [few, many]
    found = json.loads(call("runs", "--where", "params.darts >= 700", "--where", "tag = odd", "--json"))
    assert [run["run_id"] for run in found] == [many]
    words = call("runs", "--where", f"name = {one['name']}", "--order", "metrics.pi", env={"COLUMNS": "160"})
    assert many in words and "★ 700 darts" in words and "3.7" in words
    call("unstar", many)
    assert json.loads(call("runs", "--starred", "--group", "darts", "--json")) == []


def test_trash_restore_and_delete_for_good(runs):
    few, many = (run.id for run in runs)
    call("trash", few, many)
    assert {few, many} <= {run["run_id"] for run in json.loads(call("runs", "--trash", "--json"))}
    call("restore", many)
    assert many in {run["run_id"] for run in json.loads(call("runs", "--json"))}
    assert "gone for good" in call("delete", few, input="n\n", code=1)
    assert few in {run["run_id"] for run in json.loads(call("runs", "--trash", "--json"))}
    call("delete", few, "--yes")
    with pytest.raises(LabError, match="There is no run"):
        open_store().run(few)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runs", "--where", "secret = 1"], "no field"),
        (["runs", "--order", "luck"], "no order"),
        (["star", "nonsense"], "no run 'nonsense'"),
        (["delete", "recorded-rs", "--yes"], "belongs to its lab"),
    ],
)
def test_mistakes_are_told_in_words(words, said):
    with pytest.raises(LabError, match=said):
        raise CliRunner().invoke(app, words).exception


def test_python_says_the_same(runs):
    run = workbench.open_run(runs[0].id).star().rename("mine").note("n").tag("a", "b")
    assert run.record == open_store().run(run.id)
    assert (run.record.star, run.record.name, run.record.note, run.record.tags) == (True, "mine", "n", ("a", "b"))
    assert run.trash().record.trashed and not run.restore().record.trashed


def test_brackets_in_a_name_are_brackets(runs):
    few = runs[0].id
    name = "[/red] [bold]x[/] :x: ["
    assert name in call("rename", few, name)
    assert name in call("runs", "--where", "params.darts = 50", env={"COLUMNS": "160"})
    assert name in call("compare", few, runs[1].id, env={"COLUMNS": "160"})
