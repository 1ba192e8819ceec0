"""Runs and views in a Jupyter notebook: shown by a server inside the kernel, without any other host.

Nothing is imported here that takes time: `workbench` itself imports this room.
"""

import importlib
import sys
from typing import Any


def in_notebook() -> bool:
    """Return True in the kernel of a notebook, and False in a script or a terminal, including IPython's."""
    return _kernel_shell() is not None


def show_views_here() -> None:
    """Register how a cell shows a Panel object: Panel's own way loads its scripts from two other hosts."""
    if in_notebook():
        formatter = _kernel_shell().display_formatter.ipython_display_formatter
        formatter.for_type_by_name("panel.viewable", "Viewable", _show_view)


def _kernel_shell() -> Any:
    """Return IPython's shell if a kernel stands behind it, else None."""
    if "IPython" not in sys.modules:
        return None
    shell = importlib.import_module("IPython").get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _show_view(view: Any) -> None:
    importlib.import_module("workbench.notebook.cell").show_view(view)
