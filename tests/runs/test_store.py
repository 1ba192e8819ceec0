"""The store: what is written is found again, also by the stock MLflow client."""

import json
import time

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from workbench.contract.errors import LabError
from workbench.runs.record import read_record
from workbench.runs.store import Store, open_store


@pytest.fixture(scope="module")
def store(home):
    return open_store()


def make(store, **values):
    given = {"seed": 1, "preset": "quick", "device": "cpu", "scheduler": "nobody"} | values
    return store.create("trial", {"darts": 50, "mood": "good"}, **given)


def test_a_run_is_found_again_as_it_was_left(store):
    run = make(store, seed=5)
    assert run.status == "queued" and not run.finished and run.params == {"darts": 50, "mood": "good"}
    store.update(run.id, status="running", started=str(time.time() - 2), progress={"stage": "s", "done": 1, "total": 2})
    assert store.run(run.id).progress == {"stage": "s", "done": 1, "total": 2}
    store.close(run.id, "failed", {"cause": "c", "hint": "h", "traceback": "t"})
    found = store.run(run.id)
    assert found.status == "failed" and found.finished and found.seed == 5 and 1.9 < found.seconds < 4
    assert found.error == {"cause": "c", "hint": "h", "traceback": "t"}
    store.close(run.id, "done")
    assert store.run(run.id).status == "failed"  # a run ends once


def test_the_stock_client_reads_every_run(store):
    run = make(store)
    points = [("loss", 1 / (1 + step), step) for step in range(2500)]  # more than one MLflow batch
    store.update(run.id, metrics=[*points, ("loss", float("nan"), 2500)])
    store.close(run.id, "done")
    stock = MlflowClient(store.uri)
    seen = stock.get_run(run.id)
    assert seen.info.status == "FINISHED" and seen.data.params == {"darts": "50", "mood": "good", "seed": "1"}
    history = stock.get_metric_history(run.id, "loss")
    assert len(history) == 2500 and history[-1].step == 2499
    names = [experiment.name for experiment in stock.search_experiments()]
    assert "workbench/trial" in names
    assert "run.json" in [file.path for file in stock.list_artifacts(run.id)]


def test_an_odd_character_in_the_name_of_a_curve_loses_nothing(store):
    run = make(store)
    store.update(run.id, metrics=[("loss: UNet, joint (β=0.5)", 0.25, 1), ("pi", 3.0, 1)], progress={"done": 1})
    found = store.client.get_run(run.id).data
    assert found.metrics == {"loss: UNet_ joint _β_0.5_": 0.25, "pi": 3.0}
    assert found.tags["workbench.progress"] == '{"done": 1}'


def test_runs_are_listed_newest_first_by_lab_and_by_status(store):
    made = [make(store) for _ in range(3)]
    store.close(made[0].id, "done")
    listed = [run.id for run in store.runs("trial")]
    assert [key for key in listed if key in {run.id for run in made}] == [run.id for run in reversed(made)]
    waiting = {run.id for run in store.runs("trial", status=("queued",))}
    assert made[1].id in waiting and made[0].id not in waiting
    assert len(store.runs("trial", limit=2)) == 2
    for run in made[1:]:
        store.close(run.id, "stopped")


def test_a_record_reads_back(store):
    run = make(store)
    store.update(run.id, metrics=[("pi", 3.0, 0)])
    store.close(run.id, "done")
    record = read_record(store.run(run.id).folder)
    assert record.to_json() == store.run(run.id).to_json() and json.dumps(record.to_json())


def test_an_unknown_run_is_told_in_words(store):
    with pytest.raises(LabError, match="no run 'nonsense'"):
        store.run("nonsense")
    with pytest.raises(LabError, match="no recorded run"):
        store.run("recorded-trial")


def test_a_second_process_sees_the_same_runs(store):
    run = make(store)
    assert Store(store.uri, store.root).run(run.id).created == run.created
    store.close(run.id, "stopped")


def test_a_store_that_cannot_be_opened_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LabError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/file/runs.db", str(tmp_path))


def test_curves_of_a_killed_run_are_kept(store):
    from workbench.contract.result import Result

    run = make(store)
    Result(curves={"loss": ([0, 1], [1.0, float("nan")])}, partial=True).save(run.folder)
    store.close(run.id, "lost")
    result = store.run(run.id).result
    assert result.partial and result.curves["loss"][0] == [0, 1] and np.isnan(result.curves["loss"][1][1])
