"""From a result of the lab `rs` to its pictures. Reads tables, draws them; a picture without its tables is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.rs.views.failures import fail_view
from workbench.labs.rs.views.graded import graded_view
from workbench.labs.rs.views.one_set import chosen_eps, epsilon_view, set_view
from workbench.labs.rs.views.probe import move_the_classes
from workbench.labs.rs.views.residuals import residuals_view
from workbench.labs.rs.views.tasks import tasks_view
from workbench.labs.rs.views.training import layers_view, loss_view

# title: (builder, tables of which at least one must be there)
VIEWS: dict[str, tuple[Callable[[Result, Any], Any], tuple[str, ...]]] = {
    "Set": (set_view, ("set", "measures")),
    "Epsilon": (epsilon_view, ("epsilon", "bias")),
    "Graded": (graded_view, ("graded",)),
    "Where they fail": (fail_view, ("classic", "failures", "local")),
    "Tasks": (tasks_view, ("tasks", "correlation")),
    "Layers": (layers_view, ("layers",)),
    "Residuals": (residuals_view, ("ranking", "adjusted", "judging")),
    "RS as a loss": (loss_view, ("loss",)),
}


def views(result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
    """Return title -> function that builds the view.

    Parameters
    ----------
    result
        What a run gave back; a stopped run or one with fewer studies lacks tables, and then their views.
    link
        What the page offers to a view (`workbench.ui.link.Link`), or None: then nothing can be asked.
    """
    shown: dict[str, Callable[[], Any]] = {
        title: partial(build, result, link)
        for title, (build, names) in VIEWS.items()
        if any(result.has(n) for n in names)
    }
    shown["Move the classes"] = partial(move_the_classes, link, chosen_eps(result))
    return shown
