"""The page: shell, lab page, runs table and the pictures that labs share."""

import importlib
import sys
from typing import Any


def in_notebook() -> bool:
    """Return True in the kernel of a notebook, and False in a script or in a terminal, also in IPython's."""
    return _kernel_shell() is not None


def _kernel_shell() -> Any:
    """Return IPython's shell where a kernel stands behind it, else None."""
    if "IPython" not in sys.modules:
        return None
    found = importlib.import_module("IPython").get_ipython()
    return found if getattr(found, "kernel", None) is not None else None


def _show_view(view: Any) -> None:
    importlib.import_module("workbench.ui.notebook").show_view(view)


# In a notebook's cell a Panel object is shown by this machine alone: Panel's own way loads its scripts from two hosts.
if in_notebook():
    _formatter = _kernel_shell().display_formatter.ipython_display_formatter
    _formatter.for_type_by_name("panel.viewable", "Viewable", _show_view)
