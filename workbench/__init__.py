"""Workbench: ten papers, ten labs; put data in, run the real model, poke at the answer.

>>> import workbench
>>> [lab.name for lab in workbench.labs() if lab.state == "works"]  # doctest: +SKIP
['rs']
"""

import importlib

from workbench import labs

__all__ = ["LabError", "Run", "compare", "labs", "open_run", "run"]


def __getattr__(name: str):
    # Loaded at first use: a worker or a view that imports one room of the package needs no engine.
    if name in __all__:
        return getattr(importlib.import_module("workbench.api"), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")
