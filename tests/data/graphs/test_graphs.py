"""Graphs of people: edges rebuilt to the last one, own graphs with all their faults, and what the card says of them."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from workbench.contract.errors import LabError
from workbench.data.graphs.card import graph_card, homophily
from workbench.data.graphs.edges import nearest, similar
from workbench.data.graphs.graph import MAX_EDGES, build, clean_edges, group_column, stratified
from workbench.data.graphs.named import from_table, open_known, read_dblp
from workbench.data.graphs.own import read_graph
from workbench.toolkit.memory import MemoryContext

SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data")
BUNDLED = Path(__file__).parents[3] / "workbench" / "data" / "bundled" / "graphs"


def table(n=200, **columns):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    frame["label"], frame["group"] = rng.integers(0, 2, n), np.where(rng.random(n) < 0.4, "x", "y")
    return frame.assign(**columns)


def ring(n=200):
    return np.stack([np.arange(n), (np.arange(n) + 1) % n], 1)


# edges -----------------------------------------------------------------------------------------------------------


def test_the_similarity_rule_is_that_of_a_plain_loop_over_distances():
    x = np.random.default_rng(0).integers(0, 6, (120, 4)).astype(float)  # whole numbers: many ties and equal rows
    likeness = 1 / (1 + cdist(x, x))
    np.fill_diagonal(likeness, 0)
    plain = np.argwhere(likeness > 0.7 * likeness.max(1, keepdims=True))
    assert similar(x, 0.7).tolist() == plain.tolist()


@pytest.mark.parametrize(("name", "directed", "undirected"), [("german", 24_970, 21_742), ("bail", 403_977, 311_870)])
def test_the_benchmarks_edges_are_rebuilt(name, directed, undirected):
    graph = from_table(name, pd.read_parquet(BUNDLED / f"{name}.parquet"))
    assert len(graph.edges) == undirected
    twice = next(note for note in graph.notes if "both directions" in note)
    assert f"{directed - undirected:,}" in twice


@pytest.mark.skipif(not (SHARED / "graphs" / "german").is_dir(), reason="data: no mirror")
def test_what_is_bundled_and_rebuilt_is_what_the_authors_published(monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    for name in ("german", "bail", "credit"):
        theirs = pd.read_csv(SHARED / "graphs" / name / f"{name}.csv")
        pd.testing.assert_frame_equal(pd.read_parquet(BUNDLED / f"{name}.parquet"), theirs, check_dtype=False)
    pairs = np.loadtxt(SHARED / "graphs" / "german" / "german_edges.txt").astype(int)
    ours = from_table("german", pd.read_parquet(BUNDLED / "german.parquet")).edges
    assert (clean_edges(pairs, 1000)[0] == ours).all()
    data = MemoryContext().data
    nba = open_known("nba", data)
    assert len(nba) == 403 and len(nba.edges) == 10_621 and (nba.y >= 0).sum() == 313
    split = open_known("bail", data, official_split=True).split
    assert [len(split[part]) for part in ("train", "val", "test")] == [5_662, 3_776, 9_438]


def test_compas_keeps_the_rows_of_propublica_and_leaves_its_score_out(tmp_path):
    counts = ["juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count"]
    row = dict.fromkeys([*counts, "is_recid", "days_b_screening_arrest"], 0)
    row |= {"c_charge_degree": "F", "race": "Caucasian", "score_text": "Low", "decile_score": 1}
    odd = [{"race": "Other"}, {"c_charge_degree": "O"}, {"is_recid": -1}, {"days_b_screening_arrest": 31}]
    odd += [{"days_b_screening_arrest": None}, {"score_text": None}]
    races = ["African-American", "Caucasian"]
    plain = [
        row | {"age": 20 + k, "race": races[k % 2], "two_year_recid": k // 2 % 2, "sex": ("Male", "Female")[k // 4 % 2]}
        for k in range(100)
    ]
    pd.DataFrame(plain + [plain[1] | one for one in odd]).to_csv(tmp_path / "compas.csv", index=False)
    graph = open_known("compas", lambda name: {"compas": tmp_path / "compas.csv"}[name])
    assert (
        len(graph) == 100 and list(graph.groups) == ["african_american", "male"] and graph.group.tolist() == [1, 0] * 50
    )
    assert "age" in graph.features and not any("score" in name for name in graph.features)
    assert len(graph.edges) >= 500  # ten each, most of them in both directions


def test_nearest_neighbors_are_by_standardized_features():
    x = np.c_[np.arange(10.0), 1e6 * (np.arange(10) % 2)]
    assert nearest(x, 1)[:2].tolist() == [[0, 2], [1, 3]]


def test_edges_are_cleaned_and_counted():
    pairs = np.array([[0, 1], [1, 0], [0, 1], [2, 2], [1, 2]])
    edges, notes = clean_edges(pairs, 3)
    assert edges.tolist() == [[0, 1], [1, 2]]
    assert notes[0].startswith("1 self loops") and notes[1].startswith("2 edges")


@pytest.mark.parametrize(
    ("pairs", "word"),
    [
        (np.array([[0, 3]]), "not in the table of 3"),
        (np.array([[-1, 0]]), "not in the table"),
        (np.zeros((4, 3)), "two columns"),
        (np.zeros((MAX_EDGES + 1, 2), np.int8), "the limit"),
    ],
    ids=("too large", "negative", "three columns", "too many"),
)
def test_edges_that_cannot_be_are_refused(pairs, word):
    with pytest.raises(LabError, match=word):
        clean_edges(pairs, 3)


# own graphs ------------------------------------------------------------------------------------------------------


def write(folder, frame, edges=None):
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "nodes.csv", index=False)
    if edges is not None:
        pd.DataFrame(edges, columns=["from", "to"]).to_csv(folder / "edges.csv", index=False)
    return folder


def test_a_folder_a_zip_and_two_files_give_the_same_graph(tmp_path):
    frame = table(id=[f"p{k}" for k in range(200)])
    ends = np.array(frame["id"])[ring()]
    folder = write(tmp_path / "mine", frame, ends)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as box:
        for file in folder.iterdir():
            box.write(file, f"mine/{file.name}")
    graphs = [
        read_graph(folder),
        read_graph(tmp_path / "mine.zip"),
        read_graph(folder / "nodes.csv", folder / "edges.csv", "label", "group"),
    ]
    for graph in graphs:
        assert len(graph.edges) == 200 and set(graph.features) >= {"a", "b"} and "id" not in graph.features
        assert graph.group.sum() == (frame["group"] == "y").sum() and (graph.y == frame["label"]).all()


def test_a_table_alone_is_linked_by_nearness_and_says_so(tmp_path):
    table().to_parquet(tmp_path / "people.parquet")
    graph = read_graph(tmp_path / "people.parquet")
    assert 1000 <= len(graph.edges) <= 2000 and any("nearest" in note for note in graph.notes)


def test_a_number_can_be_cut_in_two_and_a_split_be_given(tmp_path):
    part = np.where(np.arange(200) % 4 == 0, "valid", np.where(np.arange(200) % 4 == 1, "test", "train"))
    folder = write(tmp_path / "g", table(age=np.arange(200), split=part), ring())
    graph = read_graph(folder, sensitive="age>=150", second="group")
    assert graph.group.sum() == 50 and list(graph.groups) == ["age>=150", "group"]
    assert [len(graph.split[p]) for p in ("train", "val", "test")] == [100, 50, 50] and "split" not in graph.features


def test_missing_features_become_the_median_and_are_told(tmp_path):
    a = np.arange(200.0)
    a[:3] = np.nan, np.inf, np.nan
    graph = build(table(a=a), ring(), name="g", label="label", sensitive=["group"])
    assert graph.x[0, 0] == graph.x[1, 0] == 101.0 and any("3 missing or infinite" in note for note in graph.notes)


FAULTS = {
    "three groups": ({"group": ["x", "y", "z", "y"] * 50}, {}, "3 different values"),
    "a missing group": ({"group": [None, "y", "x", "y"] * 50}, {}, "missing in 50 rows"),
    "no such column": ({}, {"sensitive": "nobody"}, "no sensitive column 'nobody'"),
    "one column twice": ({}, {"label": "group", "sensitive": "group"}, "sensitive column 'group' itself"),
    "one label": ({"label": [0] * 200}, {}, "1 different values"),
    "a rare label": ({"label": [1] * 5 + [0] * 195}, {}, "5 nodes have the label"),
    "a group without labels": ({"label": [None, 0.0, None, 1.0] * 50, "group": ["x", "y", "x", "y"] * 50}, {}, "No "
    "labeled node"),
    "a label missing in the split": (
        {"label": [None, 0.0, 1.0, 1.0] * 50, "split": ["test", "train", "val", "train"] * 50}, {}, "part 'test'",
    ),
    "an empty part": ({"split": ["train", "val"] * 100}, {}, "it has no node"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_cannot_be_used_is_refused_in_words(tmp_path, fault):
    columns, how, word = FAULTS[fault]
    with pytest.raises(LabError, match=word):
        read_graph(write(tmp_path / "g", table(**columns), ring()), **how)


def test_files_that_cannot_be_used_are_refused_in_words(tmp_path):
    for name, blob in (("a.zip", b"PK no"), ("b.csv", b""), ("c.xyz", b"1")):
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(LabError):
            read_graph(tmp_path / name)
    folder = write(tmp_path / "g", table(), [["p1", "p2"]])
    with pytest.raises(LabError, match=r"'p1' \(line 2\)"):
        read_graph(folder)
    with pytest.raises(LabError, match="There is no file"):
        read_graph(folder / "nodes.csv", tmp_path / "none.csv")
    with pytest.raises(LabError, match="several rows"):
        read_graph(write(tmp_path / "h", table(id=["p"] * 200), ring()))


def test_the_authors_dblp_layout_is_read(tmp_path):
    rng, n = np.random.default_rng(0), 120
    np.savetxt(tmp_path / "edgelist.txt", ring(n), fmt="%d")
    np.savetxt(tmp_path / "labels.txt", np.c_[np.arange(n), rng.integers(2, 4, n)], fmt="%d")
    np.savetxt(tmp_path / "sens.txt", np.c_[np.arange(n), rng.integers(1, 3, n)], fmt="%d")
    sparse.save_npz(tmp_path / "X.npz", sparse.random(n, 30, 0.2, "csr", rng=rng))
    (tmp_path / "split").mkdir()
    for k, part in enumerate(("train", "val", "test")):
        np.save(tmp_path / "split" / f"{part}_split.npy", np.arange(k, n, 3))
    graph = read_dblp(tmp_path)
    assert graph.x.shape == (n, 30) and len(graph.edges) == n and len(graph.split["val"]) == 40
    assert (graph.y == (np.loadtxt(tmp_path / "labels.txt")[:, 1] == 3)).all()
    (tmp_path / "sens.txt").unlink()
    with pytest.raises(LabError, match=r"no sens\.txt"):
        read_dblp(tmp_path)


# the card and the split ------------------------------------------------------------------------------------------


def test_the_card_counts_and_warns():
    frame = table(label=(np.arange(200) % 10 != 0).astype(int), dup=np.arange(200) % 2)
    frame["group"] = np.arange(200) % 2
    links = np.array([[k, k + 2] for k in range(0, 180)])  # like to like
    card = graph_card(build(frame, links, name="g", label="label", sensitive=["group"]))
    assert card.nodes == 200 and card.edges == 180 and card.isolated == 18 and card.components == 20
    assert card.group_homophily == (1.0, 0.5) and card.positive == 0.9
    assert card.base_rates["group"] == (0.8, 1.0) and card.groups["group"] == (100, 100)
    told = " ".join(card.warnings)
    for words in ("90%", "18 nodes have no neighbor", "sensitive column stands among", "0 with 0"):
        assert words in told


def test_a_label_that_is_the_group_in_disguise_is_told():
    y = np.arange(200) % 2
    graph = build(table(label=y, group=y), ring(), name="g", label="label", sensitive=["group"])
    assert any("almost exactly" in warning for warning in graph_card(graph).warnings)


def test_homophily_leaves_unknown_labels_out():
    assert homophily(np.array([1, 1, 0, -1]), np.array([[0, 1], [1, 2], [2, 3]]))[0] == 0.5


def test_a_split_takes_each_label_in_proportion_and_no_node_twice():
    graph = build(table(label=[None, 1.0, 0.0, 0.0] * 50), ring(), name="g", label="label", sensitive=["group"])
    split = stratified(graph, (0.3, 0.2), np.random.default_rng(0))
    rows = np.concatenate(list(split.values()))
    assert sorted(rows) == np.flatnonzero(graph.y >= 0).tolist()
    assert [(graph.y[r] == 1).sum() for r in split.values()] == [15, 10, 25]


def test_group_columns_of_words_count_the_later_word_as_one():
    assert group_column(pd.DataFrame({"sex": ["male", "female"]}), "sex").tolist() == [1, 0]
