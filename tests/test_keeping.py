"""What a user does with a run is kept, survives a restart, and never harms a run under way."""

import json

import pytest
from mlflow.tracking import MlflowClient

from workbench import keeping
from workbench.lab import LabError
from workbench.record import read_record
from workbench.store import Store, open_store


@pytest.fixture(scope="module")
def store(home):
    return open_store()


@pytest.fixture
def run(store):
    made = store.create("trial", {"darts": 50}, seed=1, preset="quick", device="cpu", scheduler="nobody")
    store.close(made.id, "done")
    return store.run(made.id)


def again(store):
    """Return the store as another process sees it."""
    return Store(store.uri, store.root)


def test_star_name_note_tags_and_group_survive_a_restart(store, run):
    keeping.star(store, run.id)
    keeping.rename(store, run.id, "  the\nbest 'one' `yet` \x00")
    keeping.write_note(store, run.id, 'Looks odd:\nsee "fig. 2".')
    keeping.set_tags(store, run.id, ["paper", "übung", "paper"])
    keeping.put_in_group(store, run.id, "first tries")
    found = again(store).run(run.id)
    assert (found.star, found.name, found.note) == (True, "the best 'one' `yet`", 'Looks odd:\nsee "fig. 2".')
    assert found.tags == ("paper", "übung") and found.group == "first tries"
    assert read_record(found.folder).to_json() == found.to_json()  # the folder tells the same
    assert MlflowClient(store.uri).get_run(run.id).data.tags["mlflow.note.content"] == found.note
    keeping.star(store, run.id, False)
    keeping.add_tags(store, run.id, ["x"])
    assert keeping.set_tags(store, run.id, ["x"]).tags == ("x",)
    assert not again(store).run(run.id).star


def test_trash_hides_a_run_until_it_is_restored(store, run):
    assert keeping.trash(store, run.id).trashed
    assert run.id not in [other.id for other in again(store).runs("trial")]
    assert again(store).run(run.id).trashed
    with pytest.raises(LabError, match="lies in the trash"):
        keeping.star(store, run.id)
    assert not keeping.restore(store, run.id).trashed
    assert run.id in [other.id for other in store.runs("trial")]


def test_a_run_under_way_cannot_be_trashed(store):
    made = store.create("trial", {}, seed=1, preset="quick", device="cpu", scheduler="nobody")
    with pytest.raises(LabError, match="is queued"):
        keeping.trash(store, made.id)
    store.close(made.id, "stopped")


def test_delete_for_good_removes_record_and_folder_and_nothing_else(store, run):
    other = store.create("trial", {}, seed=1, preset="quick", device="cpu", scheduler="nobody")
    store.update(run.id, metrics=[("pi", 3.0, 0)])
    with pytest.raises(LabError, match="not in the trash"):
        keeping.delete(store, run.id)
    assert run.folder.exists()
    keeping.trash(store, run.id)
    keeping.delete(store, run.id)
    assert not run.folder.exists() and not run.folder.parent.exists()
    assert other.folder.exists() and store.run(other.id).id == other.id
    with pytest.raises(LabError, match="There is no run"):
        again(store).run(run.id)
    store.close(other.id, "stopped")


def test_a_folder_outside_of_the_store_is_left_alone(store, run, tmp_path):
    keeping.trash(store, run.id)
    elsewhere = Store(store.uri, tmp_path)  # a store whose folder is another one
    keeping.delete(elsewhere, run.id)
    assert (run.folder / "run.json").exists()


def test_a_tracking_server_says_where_to_delete(store, run, monkeypatch):
    keeping.trash(store, run.id)
    far = Store("http://localhost:9", store.root)
    monkeypatch.setattr(far, "run", store.run)
    with pytest.raises(LabError, match="mlflow gc --run-ids"):
        keeping.delete(far, run.id)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda store, run: keeping.rename(store, run, " \n"), "needs a name"),
        (lambda store, run: keeping.rename(store, run, "x" * 121), "121 characters"),
        (lambda store, run: keeping.write_note(store, run, "x" * 5001), "5001 characters"),
        (lambda store, run: keeping.set_tags(store, run, ["two words"]), "is no tag"),
        (lambda store, run: keeping.set_tags(store, run, [f"t{i}" for i in range(13)]), "too many"),
        (lambda store, run: keeping.put_in_group(store, run, "x" * 121), "121 characters"),
        (lambda store, run: keeping.star(store, "nonsense"), "There is no run"),
        (lambda store, run: keeping.trash(store, "recorded-rs"), "belongs to its lab"),
    ],
)
def test_mistakes_are_told_in_words_and_change_nothing(store, run, act, said):
    before = json.dumps(store.run(run.id).to_json())
    with pytest.raises(LabError, match=said):
        act(store, run.id)
    assert json.dumps(store.run(run.id).to_json()) == before
