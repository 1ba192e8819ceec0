"""User-facing messages for disk, memory and database errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.result import PART
from workbench.data.catalog.cache import home

FULL = ("No space left on device", "disk is full", "Disk quota exceeded")  # as Linux, SQLite and quotas put it
HELD = ("database is locked", "database table is locked")
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
UNWRITABLE = ("attempt to write a readonly database", "unable to open database file")
MEMORY = ("out of memory", "Cannot allocate memory", "DefaultCPUAllocator: can't allocate")


def user_error(problem: BaseException) -> LabError | None:
    """Return an exception that a machine in trouble causes as one for users, or None for any other.

    Libraries wrap what the system says (safetensors, MLflow and SQLAlchemy each in a class of their own), so that often
    only the text of an exception tells.
    """
    text = str(problem)
    code = problem.errno if isinstance(problem, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT) or any(sign in text for sign in FULL):
        return LabError(
            "The disk is full.", "Make room where WORKBENCH_HOME is, then Resume: what was finished is kept."
        )
    if (code and _of_home(problem)) or any(sign in text for sign in UNWRITABLE):
        return home_error(problem)
    if any(sign in text for sign in HELD):
        return LabError(
            "The run store is held by another process, and did not come free in time.",
            "Try again. If it stays so: SQLite wants a local disk, a network drive wants an MLflow server instead.",
        )
    if isinstance(problem, MemoryError) or any(sign in text for sign in MEMORY):
        return LabError("The memory ran out.", "Choose a smaller preset or set.")
    return None


def home_error(problem: BaseException) -> LabError:
    """Return the trouble with WORKBENCH_HOME, which cannot be made, read or written, as an error for users."""
    why = getattr(problem, "strerror", None) or "it is read-only"
    return LabError(
        f"The workbench cannot use its folder {home()}: {why}.",
        "Set WORKBENCH_HOME to a folder that you may write to, or make this one writable.",
    )


def _of_home(problem: OSError) -> bool:
    """Return True for what is wrong with WORKBENCH_HOME: other files that may not be touched are the user's own."""
    if not isinstance(problem.filename, str | os.PathLike):
        return False
    path, folder = Path(problem.filename).absolute(), home().absolute()
    return path == folder or (problem.errno in REFUSED and path.is_relative_to(folder))


class ErrorTranslator:
    """Something whose methods meet the disk or a database, with such troubles told in words."""

    def __init__(self, real: Any):
        self._real = real

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if not callable(call):
            return call

        def told(*given: Any, **named: Any) -> Any:
            try:
                return call(*given, **named)
            except Exception as problem:
                words = user_error(problem)
                if words is None:
                    raise
                raise words from problem

        return told


def delete_partial_files(folder: Path) -> None:
    """Delete what a run on a full disk left half written, so that there is room to say what happened."""
    for torn in (*folder.rglob(f"*{PART}"), *folder.glob("checkpoint-new*")):
        torn.unlink(missing_ok=True)
