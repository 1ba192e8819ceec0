"""The sets of the lab `rs`, drawn and real, and the tasks cut from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.contract.errors import LabError
from workbench.labs.rs.common import sets
from workbench.labs.rs.params import OWN, Params
from workbench.toolkit.memory import MemoryContext


@pytest.mark.parametrize("name", [*sets.CLASSIC, *sets.FAILURES])
def test_drawn_sets_are_balanced_finite_and_repeatable(name):
    make = (sets.CLASSIC | sets.FAILURES)[name]
    x, y = make(200, np.random.default_rng(3))
    again, labels = make(200, np.random.default_rng(3))
    assert x.shape[0] == 200 and np.isfinite(x).all()
    assert np.bincount(y).tolist() == [100, 100]
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)


def test_subspaces_are_orthogonal_and_share_their_mean():
    x, y = sets.subspaces(4000, np.random.default_rng(0))
    np.testing.assert_allclose(x[y == 0] @ x[y == 1].T, 0, atol=1e-9)
    assert np.linalg.norm(x[y == 0].mean(0) - x[y == 1].mean(0)) < 0.15
    assert np.linalg.matrix_rank(x[y == 0]) == 5


def test_graded_sets_follow_their_knob():
    rng = np.random.default_rng(0)
    x, y = sets.GRADED["std"][1](4000, rng, 3.0)
    assert x[y == 0].std(0) == pytest.approx([3, 3], rel=0.1)
    assert x[y == 1].mean(0)[0] - x[y == 0].mean(0)[0] == pytest.approx(10, abs=0.4)
    assert len(np.unique(sets.GRADED["classes"][1](100, rng, 7)[1])) == 7


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits", (1797, 64), 10), ("wine", (178, 13), 3), ("breast_cancer", (569, 30), 2), ("iris", (150, 4), 3)],
)
def test_real_sets(name, shape, classes):
    found = sets.read(name, MemoryContext())
    assert found.x.shape == shape and len(found.classes) == classes
    if name == "digits":
        assert (found.x.min(), found.x.max()) == (0, 1)
    else:
        np.testing.assert_allclose(found.x.std(0), 1)


def test_digits_are_cut_into_all_pairs_and_thirty_triples():
    tasks = sets.cut(sets.read("digits", MemoryContext()), 45, np.random.default_rng(0))
    assert [t.kind for t in tasks].count("pairs") == 45
    assert [t.kind for t in tasks].count("triples") == 30
    assert len({(t.kind, t.name) for t in tasks}) == 75


def test_wine_is_cut_into_all_feature_pairs():
    wine = sets.read("wine", MemoryContext())
    tasks = sets.cut(wine, 78, np.random.default_rng(0))
    assert len({t.name for t in tasks}) == 78
    assert {len(t.columns) for t in tasks} == {2}
    assert list(sets.settings_for(tasks, ["clean", "pca3"])) == ["clean"]  # two features have no three components
    assert len(sets.cut(sets.read("iris", MemoryContext()), 78, np.random.default_rng(0))) == 15


def test_settings_make_a_task_harder():
    digits = sets.read("digits", MemoryContext())
    task = sets.cut(digits, 6, np.random.default_rng(0))[0]
    rng = np.random.default_rng(1)
    clean, y = sets.make(task, digits, "clean", 1.0, rng)
    noisy, _ = sets.make(task, digits, "noisy", 1.0, rng)
    assert set(y) == {0, 1}
    assert (noisy - clean).std() == pytest.approx(1.0, rel=0.05)
    assert sets.make(task, digits, "pca3", 1.0, rng)[0].shape == (len(y), 3)


def test_principal_components_keep_their_sign():
    x = np.random.default_rng(0).normal(size=(100, 6)) * [5, 3, 1, 1, 1, 1]
    flat = sets.principal(x, 2)
    np.testing.assert_allclose(flat, sets.principal(x + 7, 2), atol=1e-9)
    assert flat[:, 0].std() > flat[:, 1].std() > 2
    assert sets.principal(x[:, :1], 3).shape == (100, 3)


def test_thinning_keeps_proportions_and_rare_classes():
    y = np.repeat([0, 1, 2], [900, 90, 8])
    keep = sets.thin(y, 100, np.random.default_rng(0))
    assert np.bincount(y[keep]).tolist() == [90, 9, 6]
    assert len(np.unique(keep)) == len(keep)


def own(folder, frame: pd.DataFrame, **values) -> Params:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return Params.make(dataset=OWN, file=str(path), **values)


def table(n: int = 60, classes: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    frame["kind"] = [f"k{i % classes}" for i in range(n)]
    return frame


def test_own_table(tmp_path):
    params, ctx = own(tmp_path, table(), rows=100), MemoryContext()
    found = sets.chosen(params, ctx)
    assert found.name == "own table" and found.x.shape == (60, 6) and found.classes == ("k0", "k1")
    assert len(next(iter(ctx.data_used.values()))) == 64  # its hash joined the run
    tasks = sets.cut(found, 10, np.random.default_rng(0))
    assert {t.kind for t in tasks} == {"features"} and len(tasks) == 10
    assert " + " in tasks[0].name
    many = sets.chosen(own(tmp_path, table(classes=5)), MemoryContext())
    assert {t.kind for t in sets.cut(many, 10, np.random.default_rng(0))} == {"pairs", "triples"}


def test_a_large_own_table_is_thinned_with_a_note(tmp_path):
    found = sets.chosen(own(tmp_path, table(400), rows=100), MemoryContext())
    assert len(found.y) == 100
    assert "100 of the 400 rows" in found.notes[-1]


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda f: f.assign(kind="same"), "one class"),
        (lambda f: f.assign(**{c: f[c].mask(f.index % 3 == i) for i, c in enumerate("abc")}), "missing"),
        (lambda f: f.assign(kind=["rare"] * 2 + ["k0"] * 29 + ["k1"] * 29), "'rare' has 2 rows"),
    ],
)
def test_a_bad_own_table_says_what_is_wrong(tmp_path, spoil, word):
    with pytest.raises(LabError) as caught:
        sets.chosen(own(tmp_path, spoil(table())), MemoryContext())
    assert word in caught.value.cause
    assert caught.value.hint


def test_an_own_file_must_be_named_and_exist(tmp_path):
    with pytest.raises(LabError, match="No file is named"):
        sets.chosen(Params.make(dataset=OWN), MemoryContext())
    with pytest.raises(LabError):
        sets.chosen(Params.make(dataset=OWN, file=str(tmp_path / "absent.csv")), MemoryContext())
    with pytest.raises(LabError, match="no column"):
        sets.chosen(own(tmp_path, table(), target="nowhere"), MemoryContext())
