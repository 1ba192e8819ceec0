"""From a result of the lab `eam` to its pictures. A picture without its tables is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.contract import Result
from workbench.labs.eam.views.classes import attention_view, correlations_view, representations_view
from workbench.labs.eam.views.dice import dice_view, shots_view, training_view
from workbench.labs.eam.views.slices import of_modality, probe_view, slices_of_result
from workbench.toolkit.cases import stored_cases


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
    cases = stored_cases(result)
    if "scores" in result.tables:
        shown["Dice"] = partial(dice_view, result, link)
        if (result.tables["scores"]["shots"] > 0).any():
            shown["Annotated"] = partial(shots_view, result, link)
        if of_modality(cases, 0) and of_modality(cases, 1):
            shown["Slices"] = partial(slices_of_result, result, cases, link)
            if any("attention 0" in arrays for arrays in cases.values()):
                shown["Probe"] = partial(probe_view, result, cases, link)
                shown["Attention"] = partial(attention_view, result, cases, link)
        if "alignment" in result.tables and "correlations" in result.arrays:
            shown["Correlations"] = partial(correlations_view, result, link)
            shown["Representations"] = partial(representations_view, result, link)
    if "training" in result.tables:
        shown["Learning"] = partial(training_view, result, link)
    return shown
