"""Desktop windows of the lab `amos`: the first case that a run keeps, with reference, prediction and difference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workbench.contract import Result
from workbench.labs.amos.views.slices import labels, teams_in, volume_of
from workbench.toolkit.cases import stored_cases
from workbench.viewers.volumes import show_volume


def viewers(run: Any) -> dict[str, Callable[[Path | None], None]]:
    """Return ``napari``, for a run that keeps a case; nothing for one that was stopped before."""
    result = run.result
    return {"napari": partial(show_case, result)} if stored_cases(result) else {}


def show_case(result: Result, save: Path | None = None) -> None:
    """Show the user's own scan if the run has one, else its first case, with the mask of the first network."""
    cases = stored_cases(result)
    name = "own scan" if "own scan" in cases else next(iter(cases))
    arrays = cases[name]
    simulated = name != "own scan" and any(note.startswith("SIMULATED") for note in result.notes)
    volume = volume_of(name, arrays, "SIMULATED" if simulated else "")
    truth = labels(arrays["truth"], volume.affine) if "truth" in arrays else None
    team = teams_in(arrays)[0]
    show_volume(volume, truth, labels(arrays[f"mask {team}"], volume.affine), save, f"{name}, {team}")
