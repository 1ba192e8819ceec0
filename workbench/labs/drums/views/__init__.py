"""From a result of the lab `drums` to its pictures. A picture without its tables is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.drums.views.groove import grooves_view
from workbench.labs.drums.views.listen import listen_view
from workbench.labs.drums.views.measures import copies_view, measures_view, training_view
from workbench.labs.drums.views.play import play_view

# title: (builder, the tables it cannot do without)
VIEWS: dict[str, tuple[Callable[[Result], Any], tuple[str, ...]]] = {
    "Grooves": (grooves_view, ("grooves",)),
    "Measures": (measures_view, ("summary",)),
    "Copies": (copies_view, ("measures",)),
    "Learning": (training_view, ("training",)),
}


def views(result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
    """Return title -> function that builds the view.

    Parameters
    ----------
    result
        What a run gave back; a stopped run may lack tables, and then their views.
    link
        What the page offers to a view (`workbench.ui.link.Link`), or None: then nothing can be asked.
    """
    shown: dict[str, Callable[[], Any]] = {
        title: partial(build, result) for title, (build, names) in VIEWS.items() if all(result.has(n) for n in names)
    }
    asking: dict[str, Callable[[], Any]] = {"Play": partial(play_view, result, link)}
    if result.has("grooves"):
        shown["Listen"] = partial(listen_view, result, link)
    return asking | shown
