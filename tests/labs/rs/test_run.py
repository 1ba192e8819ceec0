"""The lab `rs` runs: tables as declared, same seed same numbers, a stop is obeyed, the probe answers."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import LoadedRun, get_lab
from workbench.contract.result import Result
from workbench.labs.rs import run
from workbench.labs.rs.method import probe
from workbench.labs.rs.params import OWN, STUDIES, Params, Question
from workbench.toolkit.memory import MemoryContext

TINY = Params.presets["tiny"]
MEASURES = {"rs", "rs_adj", "rs_local", "dsi", "n2", "lsc", "density", "gsi", "n1", "clscoef", "f1"}
GROUP = {"dataset", "setting", "kind"}
ACCURACIES = {"lr", "svc", "knn"}
COLUMNS = {  # what the views read
    "set": {"x", "y", "tx", "ty", "label", "row"},
    "measures": {"measure", "label", "value", "raw", "null_mean", "null_lo", "null_hi", "seconds"},
    "epsilon": {"eps", "variant", "value", "null_mean", "adjusted"},
    "bias": {"d", "n", "null_mean", "null_std"},
    "graded": {"family", "level", "seed", "measure", "value"} | ACCURACIES,
    "classic": {"set", "seed", "measure", "value"} | ACCURACIES,
    "local": {"set", "components", "seed", "value", "null_mean"},
    "failures": {"set", "eps", "seed", "measure", "value", "qda"} | ACCURACIES,
    "tasks": GROUP | {"task", "classes", "mean"} | ACCURACIES | MEASURES | {"rs_eps1"},
    "correlation": GROUP | {"measure", "classifier", "pearson", "pearson_lo", "spearman", "spearman_hi", "n_tasks"},
    "adjusted": GROUP | {"task", "classifier", "accuracy", "expected", "residual"},
    "ranking": GROUP
    | {"classifier", "raw", "raw_rank", "residual", "residual_lo", "residual_hi", "residual_rank", "r2"},
    "judging": GROUP | {"n_tasks", "raw_right", "adjusted_right", "gain", "gain_lo", "gain_hi"},
    "layers": {"seed", "epoch", "layer", "depth", "rs", "null_mean", "adjusted", "train_accuracy", "test_accuracy"},
    "loss": {"seed", "objective", "epoch", "rs", "test_accuracy"},
}


def tiny(**values) -> Params:
    return Params.make(**TINY | values)


@pytest.fixture(scope="module")
def whole() -> tuple[Result, MemoryContext]:
    """One run of every study, as small as it goes."""
    ctx = MemoryContext(seed=5)
    return run.run(tiny(studies=list(STUDIES), dataset="iris", also=["wine"], settings=["clean", "noisy"]), ctx), ctx


def test_every_table_has_its_columns(whole):
    result, _ = whole
    assert not result.partial
    for name, columns in COLUMNS.items():
        assert columns <= set(result.tables[name].columns), name
        assert len(result.tables[name]) > 0, name
    assert set(result.tables["measures"]["measure"]) == MEASURES
    assert set(result.tables["layers"]["layer"]) == {"input", "hidden 1", "logits"}


def test_values_are_in_their_ranges(whole):
    result, _ = whole
    for name in ("graded", "classic", "failures"):
        table = result.tables[name]
        assert table["value"].notna().all()
        assert table[["lr", "svc", "knn"]].stack().between(0, 1).all()
    for key in result.metrics:
        declared = next(m for m in get_lab("rs").metrics if m.key == key)
        assert declared.range is None or declared.range[0] <= result.metrics[key] <= declared.range[1], key


def test_metrics_are_declared_and_all_of_them_are_made(whole):
    result, _ = whole
    assert set(result.metrics) == {m.key for m in get_lab("rs").metrics}
    assert set(result.samples) <= set(result.metrics)


def test_the_pieces_are_kept_as_they_come(whole, tmp_path):
    result, ctx = whole
    assert {"set", "tasks", "correlation", "layers"} <= set(ctx.kept.tables)
    assert {"layers.0.weight", "layers.1.bias"} <= set(ctx.models["network"])
    assert {"RS of hidden 1", "test accuracy"} <= set(ctx.kept.curves)
    assert ctx.data_used.keys() == {"iris", "wine"}
    result.save(tmp_path)
    assert set(Result.load(tmp_path).tables) == set(result.tables)


def test_tasks_come_from_the_set_and_the_others_asked_for(whole):
    tasks = whole[0].tables["tasks"]
    assert set(tasks["dataset"]) == {"iris", "wine"}
    assert set(tasks.query("dataset == 'wine'")["setting"]) == {"clean"}
    assert tasks[["lr", "svc", "knn"]].mean(axis=1).to_numpy() == pytest.approx(tasks["mean"].to_numpy())


def test_every_claim_is_judged(whole):
    verdicts = get_lab("rs").judge(whole[0])
    assert set(verdicts) == {c.key for c in get_lab("rs").claims}
    assert {v.verdict for v in verdicts.values()} == {"not tested"}  # one seed and six tasks decide nothing


@pytest.mark.parametrize("studies", [["failures"], ["tasks", "curves"]])
def test_same_seed_same_numbers(studies):
    make = lambda seed: run.run(tiny(studies=studies, dataset="wine"), MemoryContext(seed))  # noqa: E731
    one, two, other = make(1), make(1), make(2)
    for name in one.tables:
        keep = [c for c in one.tables[name] if c != "seconds"]
        pd.testing.assert_frame_equal(one.tables[name][keep], two.tables[name][keep])
    assert one.metrics == two.metrics
    assert one.metrics != other.metrics


@pytest.mark.parametrize("study", STUDIES)
def test_a_stop_is_obeyed_at_once(study):
    ctx = MemoryContext(stop_after=3)
    began = time.monotonic()
    result = run.run(tiny(studies=[study, "loss"]), ctx)
    assert result.partial
    assert "Stopped in the study" in result.notes[-1]
    assert len(ctx.steps) == 3
    assert time.monotonic() - began < 20
    assert len(result.tables) > 0 or study == "tasks"
    get_lab("rs").judge(result)


def test_progress_ends_at_its_total():
    ctx = MemoryContext()
    run.run(tiny(studies=["tasks", "curves"], dataset="iris"), ctx)
    for stage in {s for *_, s in ctx.steps}:
        steps = [(done, total) for done, total, s in ctx.steps if s == stage][1:]
        assert steps[-1][0] == steps[-1][1]
        assert [d for d, _ in steps] == sorted(d for d, _ in steps)


def test_a_drawn_set_takes_its_tasks_from_digits():
    result = run.run(tiny(studies=["set", "tasks"], dataset="moons", settings=["pca3"]), MemoryContext())
    assert set(result.tables["tasks"]["dataset"]) == {"digits"}
    assert any("cut from digits" in note for note in result.notes)
    assert len(result.tables["set"]) == 60


def test_own_table_runs(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 5)), columns=list("abcde"))
    frame["kind"] = np.where(frame["a"] > 0, "up", "down")
    frame.to_csv(tmp_path / "own.csv", index=False)
    params = tiny(dataset=OWN, file=str(tmp_path / "own.csv"), target="kind", studies=["set", "tasks", "curves"])
    result = run.run(params, MemoryContext())
    assert set(result.tables["set"]["label"]) == {"up", "down"}
    assert set(result.tables["tasks"]["dataset"]) == {"own table"}
    assert result.metrics["rs"] > 0.02


def test_errors_are_in_words(tmp_path):
    with pytest.raises(LabError, match="No study"):
        run.run(tiny(studies=[]), MemoryContext())
    with pytest.raises(LabError, match="No file"):
        run.run(tiny(dataset=OWN), MemoryContext())
    (tmp_path / "bad.csv").write_text("a,b,label\n" + "1,2,x\n" * 30)
    with pytest.raises(LabError, match="one class"):
        run.run(tiny(dataset=OWN, file=str(tmp_path / "bad.csv")), MemoryContext())


@pytest.mark.parametrize("preset", list(Params.presets))
def test_presets_fit_and_travel_as_json(preset):
    params = Params.make(preset)
    assert Params(**params.to_dict()).to_dict() == params.to_dict()
    assert all(Params.param[name].doc for name in Params.names())


# The probe -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(tmp_path) -> LoadedRun:
    return LoadedRun("x", Params(), Result(), tmp_path, "cpu")


def test_probe_answers(loaded):
    far = get_lab("rs").probe(loaded, {"means": [[-4, 0], [4, 0]], "std": [1, 1], "n": 300})
    near = get_lab("rs").probe(loaded, {"means": [[-0.2, 0], [0.2, 0]], "std": [1, 1], "n": 300})
    assert len(far.tables["points"]) == 300 and set(far.tables["points"]["label"]) == {"class 1", "class 2"}
    assert set(far.tables["measures"]["measure"]) == MEASURES
    assert set(far.tables["classifiers"]["classifier"]) == {"lr", "svc", "knn"}
    value = lambda r, key: r.tables["measures"].set_index("measure")["value"][key]  # noqa: E731
    for key in ("rs", "dsi", "gsi", "lsc"):
        assert value(far, key) > value(near, key), key
    assert far.tables["classifiers"]["accuracy"].min() > 0.95 > near.tables["classifiers"]["accuracy"].max()
    assert far.metrics["milliseconds"] > 0


def test_probe_knobs_do_what_they_say():
    base = {"means": [[-3, 0], [3, 0]], "n": 400}
    draw = lambda **more: probe.draw(Question.read(base | more))  # noqa: E731
    x, y = draw()
    turned, _ = draw(rotation=90)
    np.testing.assert_allclose(turned, np.c_[-x[:, 1], x[:, 0]], atol=1e-9)
    assert draw(dimension=9)[0].shape == (400, 9)
    np.testing.assert_array_equal(draw(dimension=9)[0][:, :2], x)
    assert (draw(label_noise=1.0)[1] != y).mean() == pytest.approx(0.5, abs=0.1)
    assert draw(std=[[3, 1], [1, 1]])[0][y == 0][:, 0].std() == pytest.approx(3, rel=0.15)
    assert draw(set="spirals")[0].shape == (400, 2)
    np.testing.assert_array_equal(draw(seed=1)[0], draw(seed=1)[0])
    assert len(np.unique(draw(means=[[0, 0], [1, 1], [2, 2]], std=[1.0])[1])) == 3


@pytest.mark.parametrize(
    "request_",
    [
        {"means": [[0, 0]]},
        {"means": [[0, 0], [1, float("nan")]]},
        {"means": "middle"},
        {"means": [[0, 0], [1]]},
        {"std": [1, 2, 3]},
        {"std": -1},
        {"n": 10**9},
        {"n": 100.5},
        {"n": "many"},
        {"dimension": 1},
        {"label_noise": 2},
        {"set": "nowhere"},
        {"eps": 0},
        {"null": None},
        {"std": 1.0},
        {"unheard": 1},
    ],
)
def test_probe_refuses_nonsense(loaded, request_):
    with pytest.raises(LabError) as caught:
        get_lab("rs").probe(loaded, request_)
    assert caught.value.cause and caught.value.hint
