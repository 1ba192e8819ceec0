"""Provenance of a run: commit, packages, data, platform and timings."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path
from typing import Any


@functools.cache
def code_version() -> dict[str, Any]:
    """Return the commit of this checkout and whether it is changed, or the installed version."""
    here = Path(__file__).parents[1]  # the package: a lab that was changed counts, too

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", here, *words], capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()

    version = {"version": importlib.metadata.version("workbench")}
    try:
        return version | {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "."))}
    except (OSError, subprocess.SubprocessError):
        return version | {"commit": None, "dirty": None}


def provenance(device: str, data: dict[str, Any], timings: dict[str, float], peak_memory: int) -> dict[str, Any]:
    """Return what one needs to know to get the same numbers again.

    Parameters
    ----------
    device
        Where the run computed, for example ``"cpu"``.
    data
        The data sets that it read, by name.
    timings
        Stage -> seconds.
    peak_memory
        Bytes.
    """
    needed = [line for line in importlib.metadata.requires("workbench") or () if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line)[0] for line in needed]
    return {
        **code_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "packages": {name: importlib.metadata.version(name) for name in sorted(names)},
        "data": data,
        "timings": timings,
        "peak_memory": peak_memory,
    }
