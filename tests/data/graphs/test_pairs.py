"""Edge lists as people have them: in the layout of SNAP, with and without headers, comments and ragged ends."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.data.graphs.test_graphs import ring, table, write
from workbench.contract.errors import LabError
from workbench.data.graphs.graph import clean_edges
from workbench.data.graphs.own import read_graph

CASES = Path(__file__).parents[2] / "cases"


def two_files(folder, edges: str, name="edges.csv", n=200, **columns):
    """A folder whose edge list is the given text; the table of nodes is `table`."""
    write(folder, table(n, **columns))
    (folder / name).write_text(edges)
    return folder


def lines(pairs, mark=","):
    return "".join(f"{a}{mark}{b}\n" for a, b in pairs)


@pytest.mark.parametrize("case", ["nohdr", "comment"])
def test_edge_lists_in_the_layout_of_snap_are_read_as_networkx_reads_them(case):
    nx = pytest.importorskip("networkx")
    with zipfile.ZipFile(CASES / f"graph_snap_{case}.zip") as box:
        text = next(box.read(name).decode() for name in box.namelist() if "edges" in name)
    theirs = nx.parse_edgelist(text.replace(",", " ").splitlines(), nodetype=int, data=False)
    graph = read_graph(CASES / f"graph_snap_{case}.zip")
    assert {tuple(edge) for edge in graph.edges.tolist()} == {tuple(sorted(edge)) for edge in theirs.edges}
    assert len(graph.edges) == 241 and any("comment" in note for note in graph.notes) == (case == "comment")


def test_an_empty_end_is_told_with_its_line():
    with pytest.raises(LabError, match=r"1 edge has an empty end \(line 9\)"):
        read_graph(CASES / "graph_gapend.zip")


IDS = [f"p{k}" for k in range(200)]
HEADERS = {
    "numbers, no header": ("", range(200), None),
    "numbers that stand for nothing": ("from,to\n", range(200), "from, to"),
    "words, no header": ("", IDS, None),
    "words, any header": ("who,whom\n", IDS, "who, whom"),
    "numbers, a header with digits": ("node1,node2\n", range(200), "node1, node2"),
    "names without digits": ("friend,other\n", [chr(97 + k // 26) + chr(97 + k % 26) for k in range(200)], "friend, "),
    "missing-value words": ("", ["NA", "None", "nan", *IDS[3:]], None),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_first_line_is_a_header_only_if_it_names_no_node(tmp_path, case):
    header, ids, told = HEADERS[case]
    ids = list(ids)
    text = header + lines([(ids[a], ids[b]) for a, b in ring()])
    graph = read_graph(two_files(tmp_path / "g", text, id=ids))
    assert len(graph.edges) == 200
    heads = [note for note in graph.notes if "is a header" in note]
    assert (len(heads) == 1 and told in heads[0]) if told else not heads


@pytest.mark.parametrize("first", ["p998,p999", "p0,p999", "p0,", ",p0"])
def test_a_first_edge_between_strangers_is_no_header_but_refused(tmp_path, first):
    with pytest.raises(LabError, match=r"1 edge has .*\(line 1\)"):
        read_graph(two_files(tmp_path / "g", first + "\n" + lines([(IDS[a], IDS[b]) for a, b in ring()]), id=IDS))


LAYOUTS = {
    "blanks around ids": lambda a, b: f" p{a} , p{b} \n",
    "a delimiter at some ends": lambda a, b: f"p{a},p{b}" + "," * (a % 3 == 1) + "\n",
    "a delimiter at all ends": lambda a, b: f"p{a},p{b},\n",
    "percent comments": lambda a, b: f"p{a}\tp{b}\n" + "% part two\n" * (a == 100),
    "number-sign comments": lambda a, b: "# part one\n" * (a == 0) + f"p{a} p{b}\n" + "# part 2\n" * (a == 100),
    "several blanks": lambda a, b: f"p{a}   p{b} \n",
    "empty lines": lambda a, b: f"p{a},p{b}\n" + "\n" * (a % 5 == 0) + ",\n" * (a == 7),
    "weights": lambda a, b: f"p{a},p{b},0.5\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_edge_lists_give_the_same_graph(tmp_path, layout):
    text = "".join(LAYOUTS[layout](a, b) for a, b in ring().tolist())
    graph = read_graph(two_files(tmp_path / "g", text, id=IDS))
    assert graph.edges.tolist() == clean_edges(ring(), 200)[0].tolist()


def test_ends_that_are_no_ids_of_any_kind_are_refused(tmp_path):
    for k, end in enumerate(("1e300", "1.5", "-1", "inf", "one")):
        with pytest.raises(LabError, match=r"1 edge has .*\(line 201\)"):
            read_graph(two_files(tmp_path / f"g{k}", lines(ring()) + f"0,{end}\n"))


def test_zeros_before_an_id_and_a_point_behind_it_do_no_harm(tmp_path):
    write(tmp_path / "g", table())
    table(id=[f"{k:04d}" for k in range(200)]).to_parquet(tmp_path / "g" / "nodes.parquet")
    (tmp_path / "g" / "nodes.csv").unlink()
    (tmp_path / "g" / "edges.csv").write_text("a,b\n" + "".join(f"{a},{b}.0\n" for a, b in ring()))
    assert len(read_graph(tmp_path / "g").edges) == 200


def test_long_ids_are_never_rounded(tmp_path):
    big = 2**60
    folder = two_files(tmp_path / "g", lines(big + ring()), id=[big + k for k in range(200)])
    assert read_graph(folder).edges.tolist() == clean_edges(ring(), 200)[0].tolist()
    (folder / "edges.csv").write_text(lines(big + ring()) + f"{big},{big + 200}\n")
    with pytest.raises(LabError, match=rf"'{big + 200}' \(line 201\)"):
        read_graph(folder)
