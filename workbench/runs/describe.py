"""Run parameters as text: those that differ from the defaults, and values as people write them."""

from __future__ import annotations

import functools
import json
from typing import Any

from workbench.contract.lab import Lab, labs
from workbench.runs.record import Run


def changed_params(run: Run, lab: Lab | None) -> dict[str, Any]:
    """Return the params of a run that differ from the lab's defaults."""
    if lab is None or lab.state != "works":
        return run.params
    base = _defaults(lab.name)
    return {key: value for key, value in run.params.items() if base.get(key, ...) != value}


@functools.cache
def _defaults(lab: str) -> dict[str, Any]:
    params = labs()[lab].Params
    return json.loads(json.dumps(params.make(next(iter(params.presets))).to_dict(), default=str))


def format_params(params: dict[str, Any]) -> str:
    """Return params as short text: ``eps = 0.1, seeds = 5``."""
    return "; ".join(f"{key} = {format_value(value)}" for key, value in params.items())


def format_value(value: Any) -> str:
    """Return the value of a param as short text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else format_number(value)


def format_number(value: Any, digits: int = 4) -> str:
    """Return a number as people write it; a dash for a missing one."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}g}"
