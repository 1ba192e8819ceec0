"""The data card of each graph: who is in it, who is linked to whom, what to mind."""

from __future__ import annotations

from typing import Any

import panel as pn

from workbench.result import Result
from workbench.ui.datacard import card_frame
from workbench.ui.frame import view


def card_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `cards`."""
    cards = [pn.pane.HTML(card_html(row), sizing_mode="stretch_width") for _, row in result.tables["cards"].iterrows()]
    return view(
        "What the graph itself brings: if groups differ in their base rate, a perfect predictor has a ΔSP of that size; if edges "
        "link like to like more than chance, a graph network sees a node's group even without its column.",
        *cards,
    )


def card_html(row: Any) -> str:
    """Return one card."""
    first = row["sensitive"]
    facts = {
        "Nodes": f"{row['nodes']:,}, {row['labeled']:,} with a label",
        "Edges": f"{row['edges']:,} undirected; {row['components']:,} connected parts, {row['isolated']:,} nodes alone",
        "Features": f"{row['features']:,}",
        "Label 1": f"{row['positive']:.1%}",
        f"{first} = 0": f"{row['size_0']:,} nodes, {row['rate_0']:.1%} with label 1, {row['degree_0']:.1f} neighbors",
        f"{first} = 1": f"{row['size_1']:,} nodes, {row['rate_1']:.1%} with label 1, {row['degree_1']:.1f} neighbors",
        "Gap of base rates": f"{100 * (row['rate_0'] - row['rate_1']):+.1f} points",
        "Edges within a label": f"{row['label_homophily']:.1%}, by chance {row['label_homophily_chance']:.1%}",
        "Edges within a group": f"{row['group_homophily']:.1%}, by chance {row['group_homophily_chance']:.1%}",
    }
    lines = lambda key: [t for t in str(row[key]).split("\n") if t]  # noqa: E731
    return card_frame(str(row["set"]), facts, warnings=lines("warnings"), notes=lines("notes"))
