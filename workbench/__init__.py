"""Workbench: ten papers, ten labs; put data in, run the real model, poke at the answer.

>>> import workbench
>>> [lab.name for lab in workbench.labs() if lab.state == "works"]  # doctest: +SKIP
['rs']
"""

import importlib

from workbench import labs
from workbench.notebook import show_views_here

__all__ = ["LabError", "Run", "card", "compare", "import_run", "labs", "open_run", "open_sweep", "run", "sweep"]

_MODULES = {"card": "workbench.data.cards", "open_sweep": "workbench.api.sweeps", "sweep": "workbench.api.sweeps"}


def __getattr__(name: str):
    # Loaded at first use: a worker or a view that imports one part of the package needs no engine.
    if name in __all__:
        return getattr(importlib.import_module(_MODULES.get(name, "workbench.api.runs")), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


show_views_here()
