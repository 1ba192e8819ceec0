"""Workbench: ten papers, ten labs; put data in, run the real model, poke at the answer.

>>> import workbench
>>> [lab.name for lab in workbench.labs() if lab.state == "works"]  # doctest: +SKIP
['rs']
"""

import importlib

from workbench import labs
from workbench.notebook import show_views_here

__all__ = ["LabError", "Run", "compare", "import_run", "labs", "open_run", "open_sweep", "run", "sweep"]

_OF_SWEEPS = ("open_sweep", "sweep")


def __getattr__(name: str):
    # Loaded at first use: a worker or a view that imports one part of the package needs no engine.
    if name in __all__:
        module = "workbench.api.sweeps" if name in _OF_SWEEPS else "workbench.api.runs"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


show_views_here()
