"""One rule for all readers of foreign files: whatever a parser raises becomes an error in words."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from workbench.contract.errors import LabError

P, R = ParamSpec("P"), TypeVar("R")
log = logging.getLogger(__name__)


def reader(read: Callable[Concatenate[Path | str, P], R]) -> Callable[Concatenate[Path | str, P], R]:
    """Let a reader, whose first argument is a path, raise nothing but `LabError`.

    Parsers of foreign bytes fail in more ways than anybody can list, and all of them mean the same to a user: the file
    is damaged, or is not what its name says. The traceback is logged, at the level *info*.
    """

    @functools.wraps(read)
    def guarded(path: Path | str, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(path, *args, **kwargs)
        except LabError:
            raise
        except Exception as error:
            name = Path(path).name
            log.info("%s could not be read", name, exc_info=True)
            if isinstance(error, MemoryError):
                raise LabError(f"{name} does not fit into memory.", "Take a part of it, or thin it out.") from error
            hint = "It may be cut off or damaged: copy or export it again."
            if isinstance(error, PermissionError | FileNotFoundError):
                hint = "Check the path, and who may read it."
            raise LabError(f"{name} cannot be read: {short(error)}", hint) from error

    return guarded


def short(error: BaseException) -> str:
    """Return what an error says as one sentence of up to 200 characters."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".") + "."
