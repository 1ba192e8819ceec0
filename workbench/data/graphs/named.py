"""The graphs that are known by name, and folders in the layout of the RELIANT authors' DBLP sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.graphs.edges import nearest, similar
from workbench.data.graphs.graph import PARTS, Graph, build

OTHERS = ("compas", "nba")  # with rules of their own
Data = Callable[[str], Path]  # name of the catalog -> path


@dataclass(frozen=True)
class Known:
    """Recipe from a benchmark's table to a graph: its columns, and the threshold of the similarity rule."""

    table: str
    label: str
    sensitive: tuple[str, ...]
    tau: float
    leave_out: tuple[str, ...] = ()
    scaled: tuple[str, ...] = ()  # to [-1, 1] before distances are taken
    about: str = ""


KNOWN = {
    "german": Known(
        *("people_german", "GoodCustomer", ("Gender", "Single"), 0.8),
        leave_out=("OtherLoansAtStore", "PurposeOfLoan"),
        scaled=("LoanAmount", "Age", "LoanDuration"),
        about="1,000 bank customers of 1994; the label: a good customer; protected: gender (1 is female).",
    ),
    "bail": Known(
        *("people_bail", "RECID", ("WHITE", "MALE"), 0.6),
        about="18,876 people released from prison; the label: came back; protected: WHITE.",
    ),
    "credit": Known(
        *("people_credit", "NoDefaultNextMonth", ("Age", "Married"), 0.7),
        leave_out=("Single",),
        about="30,000 holders of a credit card; the label: pays next month; protected: Age, in two classes.",
    ),
}


def open_known(name: str, data: Data, official_split: bool = False) -> Graph:
    """Return one of `KNOWN`, with edges rebuilt from its features, or one of `OTHERS`.

    Parameters
    ----------
    name
        A key of `KNOWN`, or one of `OTHERS`.
    data
        Finds a data set of the catalog (`workbench.contract.context.Context.data`).
    official_split
        Take the split of the RELIANT authors; only bail has one, and only a mirror has it.

    Raises
    ------
    LabError
        If there is none of that name, or its data cannot be had.
    """
    if name == "nba":
        return read_nba(data("graph_nba"))
    if name == "compas":
        return read_compas(data("compas"))
    if name not in KNOWN:
        raise LabError(f"There is no graph {name!r}.", f"Choose one of {', '.join([*KNOWN, *OTHERS])}.")
    known = KNOWN[name]
    frame = pd.read_parquet(data(known.table))
    split = read_split(data("graph_bail")) if official_split and name == "bail" else None
    if official_split and split is None:
        raise LabError(f"The authors gave no split for {name}.", "Choose the random one.")
    return from_table(name, frame, split)


def from_table(name: str, frame: pd.DataFrame, split: dict[str, np.ndarray] | None = None) -> Graph:
    """Return the graph of a benchmark's table, with its edges rebuilt."""
    known = KNOWN[name]
    if "Gender" in frame:
        frame = frame.assign(Gender=(frame["Gender"] == "Female").astype(int))
    features = frame.drop(columns=[known.label, *known.leave_out]).astype(float)
    for column in known.scaled:
        low, high = features[column].min(), features[column].max()
        features[column] = 2 * (features[column] - low) / (high - low) - 1
    return build(
        frame,
        similar(features.to_numpy(), known.tau),
        name=name,
        label=known.label,
        sensitive=list(known.sensitive),
        leave_out=known.leave_out,
        split=split,
        notes=(known.about, f"Edges: similarity above {known.tau} of the largest, the rule of nifty, rebuilt here."),
    )


def read_split(folder: Path) -> dict[str, np.ndarray]:
    """Return the row numbers of a split that lies as ``train_split.npy`` and so on."""
    return {part: np.sort(np.load(folder / f"{part}_split.npy", allow_pickle=False)) for part in PARTS}


def read_nba(folder: Path) -> Graph:
    """Return the NBA players: who earns above the median (313 are labeled), protected: from overseas."""
    frame = pd.read_csv(folder / "nba.csv")
    pairs = np.loadtxt(folder / "nba_relationship.txt", dtype=np.int64)
    rows = pd.Index(frame["user_id"])
    return build(
        frame,
        np.stack([rows.get_indexer(pairs[:, 0]), rows.get_indexer(pairs[:, 1])], 1),
        name="nba",
        label="SALARY",
        sensitive=["country"],
        leave_out=("user_id",),
        unknown=-1,
        notes=("403 basketball players who know each other on Twitter; the label: a high salary.",),
    )


def read_compas(path: Path) -> Graph:
    """Return the defendants of ProPublica's file, linked by nearest neighbors: nobody gave them edges.

    ProPublica's own choice of rows (screened within 30 days of the arrest, a charge that can lead to jail, a known
    outcome), and of these the two large groups. The risk score is no feature: it is what ProPublica put to the test.
    """
    frame = pd.read_csv(path)
    kept = frame["days_b_screening_arrest"].between(-30, 30) & (frame["is_recid"] != -1)
    kept &= (frame["c_charge_degree"] != "O") & frame["score_text"].notna()
    frame = frame[kept & frame["race"].isin(["African-American", "Caucasian"])].reset_index(drop=True)
    columns = ["age", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "two_year_recid"]
    people = frame[columns].assign(
        felony=(frame["c_charge_degree"] == "F").astype(int),
        african_american=(frame["race"] == "African-American").astype(int),
        male=(frame["sex"] == "Male").astype(int),
    )
    return build(
        people,
        nearest(people.drop(columns="two_year_recid").to_numpy(float)),
        name="compas",
        label="two_year_recid",
        sensitive=["african_american", "male"],
        notes=(
            f"{len(people):,} defendants of Broward County (ProPublica); the label: arrested again within two years; "
            "protected: African-American (1) or Caucasian (0).",
            "Edges: each to the ten nearest by standardized features; a rule of ours, there are no published ones.",
        ),
    )


def read_dblp(folder: Path) -> Graph:
    """Return a co-author graph in the layout of the RELIANT authors.

    ``edgelist.txt`` (two numbers a line), ``labels.txt`` and ``sens.txt`` (a number, and with two columns the node's
    first), ``X.npz`` (a SciPy sparse matrix) and ``split/train_split.npy`` and so on. The label is the field 3, the
    group the continent 2, as in their code. We hold no whole set of this kind (its ``X.npz`` is nowhere to be had):
    tested on a small tree of the same layout.

    Raises
    ------
    LabError
        If a file is missing or does not fit the others.
    """
    from scipy import sparse

    missing = [one for one in ("edgelist.txt", "labels.txt", "sens.txt", "X.npz") if not (folder / one).is_file()]
    if missing:
        raise LabError(
            f"{folder.name} has no {missing[0]}.", "The layout is edgelist.txt, labels.txt, sens.txt, X.npz."
        )
    try:
        x = sparse.load_npz(folder / "X.npz")
        pairs = np.loadtxt(folder / "edgelist.txt", dtype=np.int64, usecols=(0, 1), ndmin=2)
        field, place = (np.loadtxt(folder / f"{one}.txt", dtype=np.int64, ndmin=2) for one in ("labels", "sens"))
    except ValueError as error:
        raise LabError(f"{folder.name} cannot be read: {error}.", "Copy it again.") from error
    if not x.shape[0] == len(field) == len(place):
        raise LabError(
            f"X.npz has {x.shape[0]:,} rows, labels.txt {len(field):,} and sens.txt {len(place):,}.", "Copy it again."
        )
    if x.shape[0] * x.shape[1] > 300_000_000:
        raise LabError(
            f"The features fill {x.shape[0]:,} x {x.shape[1]:,} cells.", "Keep the most frequent words only."
        )
    ordered = [one[np.argsort(one[:, 0]), -1] if one.shape[1] > 1 else one[:, 0] for one in (field, place)]
    frame = pd.DataFrame(x.toarray()).add_prefix("word ")
    frame = frame.assign(field3=(ordered[0] == 3).astype(int), continent2=(ordered[1] == 2).astype(int))
    split = read_split(folder / "split") if (folder / "split").is_dir() else None
    columns = {"label": "field3", "sensitive": ["continent2"], "leave_out": ("continent2",)}
    return build(frame, pairs, name=folder.name, **columns, split=split)
