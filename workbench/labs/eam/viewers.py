"""Desktop windows of the lab `eam`: a subject with reference, prediction, difference, and where the module looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workbench.contract import Result
from workbench.labs.eam.params import MODALITIES
from workbench.labs.eam.views.classes import classes_of, grown
from workbench.labs.eam.views.slices import masks_in, note_of, of_modality, parts
from workbench.toolkit.cases import stored_cases
from workbench.viewers.volumes import show_volume


def viewers(run: Any) -> dict[str, Callable[[Path | None], None]]:
    """Return ``napari``, for a run that keeps a subject; nothing for one that was stopped before."""
    result = run.result
    return {"napari": partial(show_subject, result)} if stored_cases(result) else {}


def show_subject(result: Result, save: Path | None = None) -> None:
    """Show the first test subject of the modality with few annotations, and the mask of the last arm that is kept."""
    cases = stored_cases(result)
    few = MODALITIES.index(result.tables["scores"]["few"].iloc[0])
    name = next(iter(of_modality(cases, few)), next(iter(cases)))
    arrays, names = cases[name], classes_of(result)
    arm = masks_in(arrays)[-1]
    finest = max((key for key in arrays if key.startswith("attention ")), default="")
    maps = {
        f"attention: {c}": grown(m, arrays["image"].shape) for c, m in zip(names, arrays.get(finest, ()), strict=False)
    }
    show_volume(*parts(name, arrays, names, arm, note_of(result)), save, f"{name}, {arm}", maps)
