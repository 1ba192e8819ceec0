"""Desktop window of the lab `cmt`: a scene that a run keeps, with its true boxes and what one arm found in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workbench.contract import Result
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.kept_scenes import OWN, found_in, scenes_of
from workbench.labs.cmt.views import style
from workbench.labs.cmt.views.scenes import first
from workbench.viewers.scenes import show_scene


def viewers(run: Any) -> dict[str, Callable[[Path | None], None]]:
    """Return ``open3d``, for a run that keeps a scene; nothing for one that was stopped before."""
    result = run.result
    return {"open3d": partial(show_kept, result)} if scenes_of(result) else {}


def show_kept(result: Result, save: Path | None = None) -> None:
    """Show the user's own scene if the run has one, else its first, as the tab *Scenes* shows it at first."""
    scenes = scenes_of(result)
    name = OWN if OWN in scenes else next(iter(scenes))
    if "boxes" not in result.tables:
        show_scene(scenes[name], None, save)
        return
    table = result.tables["boxes"]
    arm = first([one.name for one in style.SERIES.among(table["arm"])])
    condition = style.conditions_in(table["condition"])[0]
    title = f"{name}, {style.SERIES[arm].label}, {CONDITIONS[condition].title}"
    show_scene(scenes[name], found_in(result, scenes[name], arm, condition), save, title)
