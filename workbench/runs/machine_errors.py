"""User-facing messages for disk, memory and database errors."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.result import PART

FULL = ("No space left on device", "disk is full", "Disk quota exceeded")  # as Linux, SQLite and quotas put it
HELD = ("database is locked", "database table is locked")
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
    if any(sign in text for sign in HELD):
        return LabError(
            "The run store is held by another process, and did not come free in time.",
            "Try again. If it stays so: SQLite wants a local disk, a network drive wants an MLflow server instead.",
        )
    if isinstance(problem, MemoryError) or any(sign in text for sign in MEMORY):
        return LabError("The memory ran out.", "Choose a smaller preset or set.")
    return None


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
