"""From a result of the lab `cmt` to its pictures. A picture without its tables is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.cmt.common.kept_scenes import scenes_of
from workbench.labs.cmt.views.probe import positions_view, probe_view
from workbench.labs.cmt.views.scenes import scenes_view
from workbench.labs.cmt.views.scores import arms_view, classes_view, training_view


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
    scenes = scenes_of(result)
    if "scores" in result.tables:
        shown["Arms"] = partial(arms_view, result, link)
    if scenes:
        shown["Scenes"] = partial(scenes_view, result, scenes, link)
        if "networks" in result.tables:
            shown["Probe"] = partial(probe_view, result, scenes, link)
            shown["Positions"] = partial(positions_view, result, scenes, link)
    if "scores" in result.tables:
        shown["Classes"] = partial(classes_view, result, link)
    if "training" in result.tables:
        shown["Learning"] = partial(training_view, result, link)
    return shown
