"""From a result of the lab `reliant` to its pictures: reads tables and arrays, and leaves out what lacks them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.reliant.common.intervals import slug
from workbench.labs.reliant.views.card import card_view
from workbench.labs.reliant.views.graph import graph_view
from workbench.labs.reliant.views.groups import groups_view
from workbench.labs.reliant.views.probe import what_if_view
from workbench.labs.reliant.views.proxies import losses_view, proxies_view
from workbench.labs.reliant.views.thresholds import thresholds_view
from workbench.labs.reliant.views.tradeoff import tradeoff_view

# title: (builder, tables that must be there)
VIEWS: dict[str, tuple[Callable[[Result, Any], Any], tuple[str, ...]]] = {
    "Who pays": (groups_view, ("summary", "cards")),
    "Trade-off": (tradeoff_view, ("summary",)),
    "Thresholds": (thresholds_view, ("summary", "cards")),
    "Graph": (graph_view, ("cards",)),
    "Proxies": (proxies_view, ("proxies", "trails", "summary")),
    "What if": (what_if_view, ("summary",)),
    "Data card": (card_view, ("cards",)),
    "Losses": (losses_view, ("training",)),
}


def views(result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
    """Return title -> function that builds the view.

    Parameters
    ----------
    result
        What a run gave back; a stopped run lacks tables, and then their views.
    link
        What the page offers to a view (`workbench.ui.link.Link`), or None: then nothing can be asked.
    """
    return {
        title: partial(build, result, link)
        for title, (build, names) in VIEWS.items()
        if all(result.has(n) for n in names) and (title != "Graph" or drawn(result))
    }


def drawn(result: Result) -> bool:
    """Say whether the drawing of a graph is there: it is kept with the last tables only."""
    return any(f"places_{slug(name)}" in result.arrays for name in result.tables["cards"]["set"])
