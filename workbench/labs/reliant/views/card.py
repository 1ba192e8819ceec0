"""The data card of each graph: who is in it, who is linked to whom, what to mind."""

from __future__ import annotations

from typing import Any

import panel as pn

from workbench.contract import Result
from workbench.data.graphs.card import GraphCard, facts
from workbench.ui.datacard import card_frame
from workbench.ui.frame import view
from workbench.ui.style import html


def card_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `cards`."""
    cards = [html(card_html(row)) for _, row in result.tables["cards"].iterrows()]
    return view(
        "What the graph itself brings: if groups differ in their base rate, a perfect predictor has a ΔSP of that "
        "size; if edges link like to like more than chance, a graph network sees a node's group even without its "
        "column.",
        *cards,
    )


def card_html(row: Any) -> str:
    """Return one card."""
    lines = lambda key: tuple(t for t in str(row[key]).split("\n") if t)  # noqa: E731
    whole = ("nodes", "edges", "features", "labeled", "isolated", "components")
    card = GraphCard(
        name=str(row["set"]),
        **{key: int(row[key]) for key in whole},
        positive=row["positive"],
        groups={row["sensitive"]: (row["size_0"], row["size_1"])},
        base_rates={row["sensitive"]: (row["rate_0"], row["rate_1"])},
        label_homophily=(row["label_homophily"], row["label_homophily_chance"]),
        group_homophily=(row["group_homophily"], row["group_homophily_chance"]),
        degree=(row["degree_0"], row["degree_1"]),
        notes=lines("notes"),
        warnings=lines("warnings"),
    )
    return card_frame(card.name, facts(card), warnings=card.warnings, notes=card.notes)
