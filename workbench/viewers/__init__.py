"""Desktop windows for a run: which there are, and what the labs' own viewers share.

napari and Open3D belong to the extra ``desktop``; they are imported when a window is asked for, and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.runs.record import Run


def show(run: Run, viewer: str, save: Path | None = None) -> None:
    """Show a run in a viewer of its lab, until the window is closed.

    Parameters
    ----------
    viewer
        A name that the lab's ``viewers(run)`` gives.
    save
        Draw once into this PNG instead of opening a window.

    Raises
    ------
    LabError
        If the lab has no such viewer, or the viewer is not installed.
    """
    known = get_lab(run.lab).viewers(run)
    if viewer not in known:
        names = ", ".join(["browser", *known])
        raise LabError(f"The lab {run.lab!r} has no viewer {viewer!r} for this run.", f"It has: {names}.")
    known[viewer](save)


def desktop(module: str) -> ModuleType:
    """Import a package of the extra ``desktop``.

    Raises
    ------
    LabError
        If it is not installed, or a system library that it needs is missing.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        hint = "`make desktop` installs it; `workbench doctor` says more."
        raise LabError(f"{module} cannot be loaded: {error}.", hint) from None


def has_screen() -> bool:
    """Return whether a window has a screen to open on: on Linux it is named in the environment."""
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(named) or not sys.platform.startswith("linux")


def no_screen(program: str) -> LabError:
    """Return the error of a program that found no screen to open its window on."""
    return LabError(f"{program} found no screen for its window.", "Without one, run it under xvfb-run and give --save.")
