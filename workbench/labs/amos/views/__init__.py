"""From a result of the lab `amos` to its pictures. A picture without its tables is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.amos.views.board import leaderboard_view, literature_view, ranks_view, training_view
from workbench.labs.amos.views.organs import cases_view, organs_view
from workbench.labs.amos.views.probe import probe_view
from workbench.labs.amos.views.slices import slices_of_result

VIEWS: dict[str, tuple[Callable[..., Any], str]] = {
    "Leaderboard": (leaderboard_view, "leaderboard"),
    "Organs": (organs_view, "scores"),
    "Cases": (cases_view, "scores"),
    "Ranks": (ranks_view, "leaderboard"),
    "Learning": (training_view, "training"),
    "Literature": (literature_view, ""),
}
"""Title -> builder, and the table that it cannot do without."""


def views(result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
    """Return title -> function that builds the view.

    Parameters
    ----------
    result
        What a run gave back; a stopped run may lack tables, and then their views.
    link
        What the page offers to a view (`workbench.ui.link.Link`), or None: then nothing can be asked.
    """
    shown: dict[str, Callable[[], Any]] = {}
    if any(name.startswith("case_") for name in result.media):
        shown["Slices"] = partial(slices_of_result, result, link)
        shown["Probe"] = partial(probe_view, result, link)
    for title, (build, table) in VIEWS.items():
        if not table or result.has(table):
            shown[title] = partial(build, result, link)
    return shown
