"""From a result of the lab `doorping` to its pictures: reads tables and arrays, and leaves out what lacks them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.doorping.views.ablation import ladder_view
from workbench.labs.doorping.views.card import card_view
from workbench.labs.doorping.views.defenses import defenses_view
from workbench.labs.doorping.views.heat_map import heat_view
from workbench.labs.doorping.views.images import set_view
from workbench.labs.doorping.views.leaderboard import board_view
from workbench.labs.doorping.views.stamp import stamp_view
from workbench.labs.doorping.views.trigger import trigger_view

# title: (builder, tables that must be there)
VIEWS: dict[str, tuple[Callable[[Result, Any], Any], tuple[str, ...]]] = {
    "Ladder": (ladder_view, ("victims", "card")),
    "Synthetic set": (set_view, ("victims", "card")),
    "Trigger": (trigger_view, ("trajectory", "card")),
    "Stamp it": (stamp_view, ("victims", "card")),
    "Leaderboard": (board_view, ("victims", "card")),
    "Defenses": (defenses_view, ("defenses",)),
    "Settings": (heat_view, ("victims", "card")),
    "Data card": (card_view, ("card",)),
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
        if all(result.has(n) for n in names) and (title != "Trigger" or renewed(result))
    }


def renewed(result: Result) -> bool:
    """Say whether an attack of the run renews its trigger."""
    return bool((result.tables["trajectory"]["calls"] > 0).any())
