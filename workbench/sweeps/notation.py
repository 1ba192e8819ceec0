"""Notation of sweep parameters and seeds, in the terminal and on the page."""

from __future__ import annotations

from typing import Any

import param

from workbench.contract.errors import LabError
from workbench.contract.params import Params


def parse_values(params: type[Params], name: str, text: str) -> list[Any]:
    """Read the values of an axis.

    Commas part the values of a number, a word or a switch. Where the value is a list itself, commas part its items
    and ``|`` its values.

    Raises
    ------
    LabError
        If a value does not fit its parameter.
    """
    if name in params.names() and isinstance(params.param[name], param.List | param.ListSelector):
        parts = text.split("|")
    else:
        parts = [part.strip() for part in text.split(",") if part.strip()] or [text]
    return [params.parse(name, part) for part in parts]


def parse_seeds(text: str) -> list[int]:
    """Read seeds.

    >>> parse_seeds("0-2,7")
    [0, 1, 2, 7]

    Raises
    ------
    LabError
        If the text names no seeds.
    """
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = (word.strip() for word in part.partition("-"))
        if not (low.isdecimal() and high.isdecimal() == bool(dash)) or (dash and int(high) - int(low) > 10_000):
            raise LabError(f"“{text}” names no seeds.", "Write 0-4, or 0,3,7.")
        found += range(int(low), int(high or low) + 1)
    return found
