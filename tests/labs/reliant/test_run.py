"""A run of the lab: what it trains and keeps, what it refuses, what its probe answers."""

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.contract import LabError, get_lab
from workbench.labs.reliant import run as reliant
from workbench.labs.reliant.common.intervals import outcomes
from workbench.labs.reliant.method.jobs import arms_of
from workbench.labs.reliant.params import OFFICIAL, OWN, Params
from workbench.toolkit.memory import MemoryContext

TINY = Params.presets["tiny"] | {"small_seeds": 2, "students": ["sgc", "sage", "plp", "akd"], "both": True}


@pytest.fixture(scope="module")
def tiny():
    ctx = MemoryContext(3)
    return reliant.run(Params.make(**TINY), ctx), ctx


@pytest.fixture(scope="module")
def loaded(loaded_run, tiny):
    result, ctx = tiny
    return loaded_run(Params.make(**TINY), ctx, result, 3)


def test_every_arm_of_every_seed_is_measured_and_kept(tiny):
    result, ctx = tiny
    runs = result.tables["runs"]
    wanted = {arm.name for arm in arms_of(Params.make(**TINY))}
    kept = {key.partition("/")[0] for key in ctx.models["german"]}
    assert kept == wanted | {"teacher-gcn"}
    assert (runs.groupby(["teacher", "student", "arm", "alpha", "metric"]).size() == 2).all()
    assert {"lr", "reweighed", "teacher", "full"} < set(runs["arm"]) and len(runs) == 2 * (len(wanted) + 4)
    assert result.arrays["probs_german"].shape == (len(runs), 500)


def test_kept_predictions_give_the_table_of_runs(tiny):
    found = outcomes(tiny[0], "german")
    for _, row in found.runs.iterrows():
        y, s = found.truth(row["seed"])
        hit = found.hits(row)
        assert (hit == y).mean() == pytest.approx(row["accuracy"])
        assert hit[s == 0].mean() - hit[s == 1].mean() == pytest.approx(row["sp"])


def test_seeds_differ_in_their_split(tiny):
    cases = tiny[0].arrays["cases_german"]
    assert cases.shape == (2, 500) and (cases[0] != cases[1]).any()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"teachers": []}, "teachers"),
        ({"arms": []}, "arms"),
        ({"dataset": OWN}, "No file"),
        ({"dataset": OWN, "file": "/nowhere/x.zip"}, "x.zip"),
        ({"split": "given"}, "no column 'split'"),
        ({"dataset": "bail", "split": OFFICIAL}, "graph_bail"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(monkeypatch, values, word):
    monkeypatch.delenv("WORKBENCH_DATA_MIRROR", raising=False)
    with pytest.raises(LabError, match=word):
        reliant.run(Params.make(**values), MemoryContext())


def test_a_graph_of_ones_own_runs(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120), "sex": rng.choice(["f", "m"], 120)})
    frame["label"] = (frame["a"] + 0.3 * rng.normal(size=120) > 0).astype(int)
    frame.to_csv(tmp_path / "people.csv", index=False)
    values = {"dataset": OWN, "file": str(tmp_path / "people.csv"), "small_seeds": 1, "teacher_epochs": 3, "epochs": 4}
    result = reliant.run(Params.make(**values, arms=["kd", "reliant"]), MemoryContext())
    assert set(result.tables["runs"]["set"]) == {OWN} and "probs_own_file" in result.arrays
    assert any("No edges were given" in note for note in result.notes)


def test_the_saved_students_predict_what_was_recorded(loaded):
    found = reliant.recheck(loaded)
    assert len(found) > 10
    for name, (recorded, again) in found.items():
        assert again == pytest.approx(recorded), name


# the probe -------------------------------------------------------------------------------------------------------


def ask(loaded, **request):
    return get_lab("reliant").probe(loaded, request)


def test_thresholds_cuts_and_columns_change_the_answer(loaded):
    plain = ask(loaded)
    assert plain.metrics["milliseconds"] > 0 and len(plain.arrays["p"]) == 1000
    strict = ask(loaded, thresholds=[1.0, 0.0]).metrics
    assert strict["selection 0"] == 0 and strict["selection 1"] == 1 and strict["sp"] == -1
    lonely = ask(loaded, cut="any", share=1.0)
    assert (lonely.arrays["p"] != plain.arrays["p"]).any()
    assert (ask(loaded, cut="across", share=0.0).arrays["p"] == plain.arrays["p"]).all()
    assert (ask(loaded, hide=True).arrays["p"] != plain.arrays["p"]).any()
    full = {"arm": "gcn-sgc-reliant-10-sp"}
    assert (ask(loaded, **full, full=True).arrays["p"] != ask(loaded, **full).arrays["p"]).any()


def test_a_student_without_the_column_does_not_see_it(loaded):
    arm = {"arm": "gcn-sgc-drop-0-sp"}
    assert (ask(loaded, **arm, hide=True).arrays["p"] == ask(loaded, **arm).arrays["p"]).all()


@pytest.mark.parametrize("arm", ["teacher-gcn", "gcn-sgc-kd-0-sp", "gcn-sage-reliant-10-sp", "gcn-akd-kd-0-sp"])
def test_a_node_is_explained_by_itself_and_its_neighbors(loaded, arm):
    frame = ask(loaded, arm=arm, node=7).tables["neighbors"]
    edges = loaded.model.opened("german")[0].graph.edges
    near = set(edges[(edges == 7).any(1)].ravel().tolist())
    assert frame["node"].iloc[0] == 7 and set(frame["node"]) <= near and frame["gives"].abs().max() > 0


@pytest.mark.parametrize("arm", ["gcn-plp-kd-0-sp", "gcn-plp-reliant-10-sp"])
def test_the_shares_of_a_plp_student_make_its_prediction(loaded, arm):
    answer_ = ask(loaded, arm=arm, node=7)
    frame = answer_.tables["neighbors"]
    edges = loaded.model.opened("german")[0].graph.edges
    near = set(edges[(edges == 7).any(1)].ravel().tolist())
    assert set(frame["node"]) == near | {-1} and frame["node"].iloc[0] == 7 and frame["node"].iloc[-1] == -1
    assert frame["share"].sum() == pytest.approx(1) and (frame["share"] > 0).all()
    model, extra = loaded.model.network("german", arm, loaded.model.features("german", "none", 1.0))
    assert frame["share"].iloc[-1] == pytest.approx(float(model.balance[7].detach().neg().sigmoid()))
    assert frame["gives"].abs().max() > 0


def test_the_shares_of_a_plp_student_are_those_of_its_last_step(loaded):
    """Scores rebuilt by plain sums over one node's neighbors are those of the network itself."""
    features = loaded.model.features("german", "none", 1.0)
    model, extra = loaded.model.network("german", "gcn-plp-reliant-10-sp", features)
    mean, edges = extra["mean proxy"], features.edges
    near = torch.unique(edges[(edges == 7).any(1)])
    with torch.no_grad():
        shares, gives = model.shares(features, 7, near, mean)
        weight, opinion, _ = model.inputs(features, mean)
        h = model.before_last(features, weight, features.sums @ weight, opinion)
        whole = (shares[:, None] * torch.cat([h[near], opinion[7:8]])).sum(0).relu()
        assert torch.allclose(whole, model(features, None, mean)[0][7], atol=1e-5)
        without = (shares[1:, None] * torch.cat([h[near[1:]], opinion[7:8]])).sum(0).relu()
        assert float(gives[0]) == pytest.approx(float(whole.softmax(0)[1] - without.softmax(0)[1]), abs=1e-6)


def test_the_whole_graph_comes_with_places_and_all_edges(loaded):
    arrays = ask(loaded, whole=True).arrays
    graph = loaded.model.opened("german")[0].graph
    assert arrays["places"].shape == (1000, 2) and np.abs(arrays["places"]).max() < 1
    assert (arrays["edges"] == graph.edges).all()
    ends = arrays["places"][graph.edges]
    lot = np.random.default_rng(0).permutation(1000)
    chance = np.linalg.norm(arrays["places"] - arrays["places"][lot], axis=1).mean()
    assert np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).mean() < 0.8 * chance  # linked nodes lie together


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"set": "bail"}, "no student of 'bail'"),
        ({"arm": "nobody"}, "no 'nobody'"),
        ({"cut": "all"}, "none, across, within, any"),
        ({"share": 2}, "0 to 1"),
        ({"thresholds": [0.5]}, "does not fit"),
        ({"thresholds": 0.5}, "does not fit"),
        ({"thresholds": [0.5, 2]}, "between 0 and 1"),
        ({"node": 5000}, "no node"),
        ({"arm": "gcn-sgc-const-10-sp", "full": True}, "not kept"),
        ({"color": 1}, "no field 'color'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(loaded, request_, word):
    with pytest.raises(LabError, match=word):
        ask(loaded, **request_)
