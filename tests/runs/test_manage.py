"""What a user does with a run is kept, survives a restart, and never harms a run under way."""

import json

import pytest
from mlflow.tracking import MlflowClient

from workbench.contract.errors import LabError
from workbench.runs import manage
from workbench.runs.record import read_record
from workbench.runs.store import Store, open_store


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
    manage.star(store, run.id)
    manage.rename(store, run.id, "  the\nbest 'one' `yet` \x00")
    manage.write_note(store, run.id, 'Looks odd:\nsee "fig. 2".')
    manage.set_tags(store, run.id, ["paper", "übung", "paper"])
    manage.put_in_group(store, run.id, "first tries")
    found = again(store).run(run.id)
    assert (found.star, found.name, found.note) == (True, "the best 'one' `yet`", 'Looks odd:\nsee "fig. 2".')
    assert found.tags == ("paper", "übung") and found.group == "first tries"
    assert read_record(found.folder).to_json() == found.to_json()  # the folder tells the same
    assert MlflowClient(store.uri).get_run(run.id).data.tags["mlflow.note.content"] == found.note
    manage.star(store, run.id, False)
    manage.add_tags(store, run.id, ["x"])
    assert manage.set_tags(store, run.id, ["x"]).tags == ("x",)
    assert not again(store).run(run.id).star


def test_trash_hides_a_run_until_it_is_restored(store, run):
    assert manage.trash(store, run.id).trashed
    assert run.id not in [other.id for other in again(store).runs("trial")]
    assert again(store).run(run.id).trashed
    with pytest.raises(LabError, match="lies in the trash"):
        manage.star(store, run.id)
    assert not manage.restore(store, run.id).trashed
    assert run.id in [other.id for other in store.runs("trial")]


def test_a_run_under_way_cannot_be_trashed(store):
    made = store.create("trial", {}, seed=1, preset="quick", device="cpu", scheduler="nobody")
    with pytest.raises(LabError, match="is queued"):
        manage.trash(store, made.id)
    store.close(made.id, "stopped")


def test_delete_for_good_removes_record_and_folder_and_nothing_else(store, run):
    other = store.create("trial", {}, seed=1, preset="quick", device="cpu", scheduler="nobody")
    store.update(run.id, metrics=[("pi", 3.0, 0)])
    with pytest.raises(LabError, match="not in the trash"):
        manage.delete(store, run.id)
    assert run.folder.exists()
    manage.trash(store, run.id)
    manage.delete(store, run.id)
    assert not run.folder.exists() and not run.folder.parent.exists()
    assert other.folder.exists() and store.run(other.id).id == other.id
    with pytest.raises(LabError, match="There is no run"):
        again(store).run(run.id)
    store.close(other.id, "stopped")


def test_a_folder_outside_of_the_store_is_left_alone(store, run, tmp_path):
    manage.trash(store, run.id)
    elsewhere = Store(store.uri, tmp_path)  # a store whose folder is another one
    manage.delete(elsewhere, run.id)
    assert (run.folder / "run.json").exists()


def test_a_tracking_server_says_where_to_delete(store, run, monkeypatch):
    manage.trash(store, run.id)
    far = Store("http://localhost:9", store.root)
    monkeypatch.setattr(far, "run", store.run)
    with pytest.raises(LabError, match="mlflow gc --run-ids"):
        manage.delete(far, run.id)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda store, run: manage.rename(store, run, " \n"), "needs a name"),
        (lambda store, run: manage.rename(store, run, "x" * 121), "121 characters"),
        (lambda store, run: manage.write_note(store, run, "x" * 5001), "5001 characters"),
        (lambda store, run: manage.set_tags(store, run, ["two words"]), "is no tag"),
        (lambda store, run: manage.set_tags(store, run, [f"t{i}" for i in range(13)]), "too many"),
        (lambda store, run: manage.put_in_group(store, run, "x" * 121), "121 characters"),
        (lambda store, run: manage.star(store, "nonsense"), "There is no run"),
        (lambda store, run: manage.trash(store, "recorded-rs"), "belongs to its lab"),
    ],
)
def test_mistakes_are_told_in_words_and_change_nothing(store, run, act, said):
    before = json.dumps(store.run(run.id).to_json())
    with pytest.raises(LabError, match=said):
        act(store, run.id)
    assert json.dumps(store.run(run.id).to_json()) == before
