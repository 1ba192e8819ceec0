"""Workbench: ten papers, ten labs; put data in, run the real model, poke at the answer.

>>> import workbench
>>> [lab.name for lab in workbench.labs() if lab.state == "works"]  # doctest: +SKIP
['rs']
"""

import importlib

import workbench.labs  # noqa: F401

# The folder `labs` is loaded now and its name given up, so that `workbench.labs()` is the function below for good.
del labs  # noqa: F821

__all__ = ["LabError", "Run", "labs", "open_run", "run"]


def __getattr__(name: str):
    # Loaded at first use: a worker or a view that imports one room of the package needs no engine.
    if name in __all__:
        return getattr(importlib.import_module("workbench.api"), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")
