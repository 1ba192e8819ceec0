"""Shared style of this lab's pictures: names and colors of the arms, of groups, and of measures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.contract import Result
from workbench.labs.reliant.common.intervals import Outcomes, outcomes
from workbench.ui.palette import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from workbench.ui.plots.series import Series, SeriesTable

ARMS = SeriesTable(
    [
        Series("teacher", "Teacher", GRAY, "star"),
        Series("kd", "KD", ORANGE, "circle"),
        Series("reg", "KD + bias loss", PURPLE, "square"),
        Series("const", "… + constant columns", SKY, "diamond"),
        Series("reliant", "RELIANT", BLUE, "triangle"),
        Series("full", "RELIANT, proxies fed in", VERMILLION, "inverted_triangle"),
        Series("drop", "KD without the column", GREEN, "hex"),
        Series("lr", "Logistic regression", GRAY, "plus"),
        Series("reweighed", "… reweighed", GRAY, "square_pin"),
    ]
)
GROUP = (ORANGE, BLUE)  # of group 0 and group 1
NETWORKS = {
    "gcn": "GCN",
    "sage": "GraphSAGE",
    "sgc": "SGC",
    "plp": "PLP (CPF)",
    "akd": "SGC (GraphAKD)",
    "table": "table",
}
MEASURES = {"ΔSP (parity)": "sp", "ΔEO (opportunity)": "eo"}


def arm_words(row: Any) -> str:
    """Return an arm with its weight, as tables show it."""
    name = ARMS[row["arm"]].label
    weight = f", α {row['alpha']:g}" if row["alpha"] else ""
    lowered = f", for {row['metric'].upper()}" if row["alpha"] else ""
    return f"{name}{weight}{lowered}"


def graphs(result: Result) -> dict[str, Outcomes]:
    """Return the graphs of a result that have predictions, by name."""
    names = list(result.tables["runs"]["set"].unique()) if "runs" in result.tables else []
    found = {name: outcomes(result, name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def group_words(result: Result, name: str) -> tuple[str, str]:
    """Return what to call group 0 and group 1 of a graph: ``WHITE = 0`` and so on."""
    cards = result.tables["cards"] if "cards" in result.tables else pd.DataFrame({"set": []})
    rows = cards[cards["set"] == name]
    column = rows.iloc[0]["sensitive"] if len(rows) else "group"
    return f"{column} = 0", f"{column} = 1"


def share(value: float, digits: int = 1) -> str:
    """Return a share in percent; a dash where there is none."""
    return f"{100 * value:.{digits}f}" if pd.notna(value) else "–"


def ranged(value: float, low: float, high: float) -> str:
    """Return a share in percent with its interval."""
    if pd.isna(value):
        return "–"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})" if pd.notna(low) else f"{100 * value:.1f}"
