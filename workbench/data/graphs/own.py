"""A graph of the user's own: a table of nodes and an edge list, as a folder, a zip or two files; or a table alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.catalog import archives
from workbench.data.graphs.edges import nearest
from workbench.data.graphs.graph import MAX_NODES, PARTS, Graph, build
from workbench.data.graphs.named import read_dblp
from workbench.data.graphs.pairs import read_pairs
from workbench.data.reader import reader
from workbench.data.tables.cells import read_cells
from workbench.data.tables.columns import unique_names
from workbench.data.tables.formats import SUFFIXES as TABLES
from workbench.data.tables.formats import read_raw

SUFFIXES = (".zip", *TABLES)
MAX_BYTES = 400_000_000  # of an unpacked archive
MAX_FEATURES = 6_000
NEIGHBORS = 10
IDS = ("id", "node", "node_id", "user_id")
LABELS = ("label", "target", "class", "y")
GROUPS = ("sensitive", "group", "gender", "sex", "race", "country", "age_group")


class Unnamed(LabError):
    """No column has a name by which it would be known as label or group: the user has to say which it is."""


@reader
def read_graph(
    path: Path | str, edges: Path | str = "", label: str = "", sensitive: str = "", second: str = ""
) -> Graph:
    """Read a graph of one's own.

    Parameters
    ----------
    path
        A folder or zip with a file ``nodes.*`` (a table) and, if there are edges, ``edges.*``; or a table of nodes
        alone; or a folder in the layout of the RELIANT authors (`named.read_dblp`).
    edges
        The edge list of a table that stands alone: two columns, from and to. Without one, nearest neighbors are linked.
    label, sensitive, second
        Columns: the label, the protected attribute, and another one. A number may be cut in two: ``"age>=30"``. Empty:
        found by their names (label, target, class, y; sensitive, group, gender, sex, race, country), and no second one.

    Raises
    ------
    LabError
        In words, for everything that is wrong with the files.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "edgelist.txt").is_file():
            return read_dblp(path)
        files = list(path.iterdir())
        return _tables(_named(files, "nodes"), _named(files, "edges", False), path.name, label, sensitive, second)
    if path.name.lower().endswith(".zip"):
        with tempfile.TemporaryDirectory(prefix="workbench-graph-") as place:
            patterns = tuple(f"*{s}" for suffix in TABLES for s in (suffix, suffix.upper()))
            files = list(archives.extract(path, "", Path(place) / "files", patterns, MAX_BYTES).rglob("*"))
            parts = _named(files, "nodes"), _named(files, "edges", False)
            return _tables(*parts, path.stem, label, sensitive, second)
    if not path.is_file():
        raise LabError(f"There is no file or folder {path}.", "Check the path, or upload the file again.")
    return _tables(path, Path(edges) if edges else None, path.stem, label, sensitive, second)


def _tables(nodes: Path, edges: Path | None, name: str, label: str, sensitive: str, second: str) -> Graph:
    frame, told = _table(nodes)
    label = label or _found(frame, LABELS, "label")
    sensitive = sensitive or _found(frame, GROUPS, "sensitive")
    key = next((c for c in frame if c.lower() in IDS), None)
    notes = [f"Label: {label}; sensitive: {', '.join(filter(None, (sensitive, second)))}.", *told]
    split, out = {}, [c for c in (key,) if c]
    if "split" in frame:
        words = frame["split"].astype(str).str.lower().replace({"valid": "val", "validation": "val"})
        split = {part: np.flatnonzero(words == part) for part in PARTS}
        out.append("split")
    if edges is None:
        numbers = frame.drop(columns=[label, *out]).select_dtypes("number").fillna(0.0)
        if numbers.shape[1] == 0:
            raise LabError("No edges are given, and no column holds numbers.", "Add a file edges.csv.")
        pairs = nearest(numbers.to_numpy(float), NEIGHBORS)
        notes.append(f"No edges were given: each node is linked to its {NEIGHBORS} nearest by standardized features.")
    else:
        pairs, told = read_pairs(edges, frame[key] if key else pd.RangeIndex(len(frame)).to_series())
        notes += told
    sensitives = [one for one in (sensitive, second) if one]
    kind = {"label": label, "sensitive": sensitives, "leave_out": tuple(out), "split": split, "notes": tuple(notes)}
    return build(frame, pairs, name=name, **kind)


def _table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the node table, its ids as they stand there, and notes."""
    if not path.is_file():
        raise LabError(f"There is no file {path}.", "Check the path.")
    if path.stat().st_size == 0:
        raise LabError(f"{path.name} is empty (0 bytes).", "Export it again.")
    if not path.name.lower().endswith(TABLES):
        raise LabError(f"{path.name} has no suffix of a table.", f"Known suffixes: {', '.join(TABLES)}.")
    raw = read_raw(path, MAX_NODES, MAX_FEATURES)
    raw.frame.columns = unique_names([str(c).strip() for c in raw.frame.columns])
    ids = [c for c in raw.frame if c.lower() in IDS][:1]  # "NA" is a node like any other
    frame, notes = read_cells(raw.frame.drop(columns=ids), raw.comma)
    for one in ids:
        frame.insert(0, one, raw.frame[one])
    return frame, [f"{path.name}: {note}" for note in dict.fromkeys((*raw.notes, *notes))]


def _named(files: Iterable[Path], stem: str, needed: bool = True) -> Path | None:
    found = sorted(p for p in files if p.name.lower().startswith(stem) and p.name.lower().endswith(TABLES))
    if not found and needed:
        raise LabError(f"There is no file {stem}.* in it.", "Put in nodes.csv and, if there are edges, edges.csv.")
    return found[0] if found else None


def _found(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> str:
    lower = {c.lower(): c for c in reversed(frame.columns)}
    for name in names:
        if name in lower:
            return lower[name]
    shown = ", ".join(list(frame.columns)[:20])
    raise Unnamed(f"No {what} column is named.", f"Name one as '{what}'. The columns are {shown}.")
