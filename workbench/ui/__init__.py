"""The page: shell, lab page, runs table and the pictures that labs share."""

import importlib
import sys
from typing import Any


def _show_view(view: Any) -> None:
    importlib.import_module("workbench.ui.notebook").show_view(view)


# In a notebook's cell a Panel object is shown by this machine alone: Panel's own way loads its scripts from two hosts.
if "ipykernel" in sys.modules:
    shell = importlib.import_module("IPython").get_ipython()
    if shell is not None:
        shell.display_formatter.ipython_display_formatter.for_type_by_name("panel.viewable", "Viewable", _show_view)
