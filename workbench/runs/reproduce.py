"""Repetition of a run: a command line, and a notebook that compares the numbers."""

from __future__ import annotations

import json
import shlex
from typing import Any

from workbench.contract.lab import get_lab
from workbench.contract.params import Params
from workbench.runs.record import Run


def base_preset(params: type[Params], run: Run) -> str:
    """Return the preset to start from: the run's own, or else the one from which the fewest values differ."""
    if run.preset in params.presets:
        return run.preset
    return min(params.shown_presets(), key=lambda preset: len(changes(params, preset, run.params)))


def changes(params: type[Params], preset: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that differ from a preset."""
    base = params.make(preset).to_dict()
    return {name: value for name, value in values.items() if name not in base or base[name] != value}


def command_line(run: Run) -> str:
    """Return the command that repeats a run exactly, quoted for the shell.

    The same seed gives the same numbers on a CPU; the device is the one it ran on.
    """
    params = get_lab(run.lab).Params
    preset = base_preset(params, run)
    words = ["workbench", "run", run.lab, "--preset", preset, "--seed", str(run.seed), "--device", run.device or "cpu"]
    for name, value in changes(params, preset, run.params).items():
        words += ["--set", f"{name}={_text(value)}"]
    return shlex.join(words)


def _text(value: Any) -> str:
    """Return a value as `Params.parse` reads it."""
    return json.dumps(value) if isinstance(value, list | tuple) else str(value)


def notebook(run: Run) -> str:
    """Return a notebook (.ipynb) that repeats a run, compares every headline number, and shows the pictures."""
    lab = get_lab(run.lab)
    preset = base_preset(lab.Params, run)
    asked = {"preset": preset, "seed": run.seed, "device": run.device or "cpu"}
    asked |= changes(lab.Params, preset, run.params)
    lines = "".join(f"    {name}={value!r},\n" for name, value in asked.items())
    made = run.created.strftime("%d %B %Y")
    about = (
        f"# {lab.title}: {run.name}\n\nRun {run.id} of {made}, made with workbench {run.provenance.get('version', '')}"
    )
    about += f" on {run.device}. The cells below run it again and compare; on the same kind of device, with the "
    about += "packages named at the end, the numbers are the same to the last bit."
    numbers = "".join(
        f"    {key!r}: {value!r},\n" if value == value else f'    {key!r}: float("nan"),\n'
        for key, value in run.result.metrics.items()
    )
    compare = (
        "import pandas as pd\n\n"
        f"then = {{\n{numbers}}}\n"
        "now = again.metrics\n"
        'table = pd.DataFrame({"then": then, "now": now})\n'
        'table["same"] = (table["then"] == table["now"]) | table.isna().all(axis=1)\n'
        "table"
    )
    cells = [
        _cell(about),
        _cell(_data_words(run)) if _data_words(run) else None,
        _cell(f'import workbench\n\nagain = workbench.run(\n    "{run.lab}",\n{lines})\nagain', "code"),
        _cell(compare, "code"),
        _cell("pd.DataFrame({key: vars(verdict) for key, verdict in again.claims().items()}).T", "code"),
        _cell("## Made with\n\n" + _packages_words(run)),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "cells": [cell | {"id": f"cell-{index}"} for index, cell in enumerate(filter(None, cells))],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=1, ensure_ascii=False)


def _cell(text: str, kind: str = "markdown") -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | {"outputs": [], "execution_count": None} if kind == "code" else cell


def _data_words(run: Run) -> str:
    """Return which of the user's own files is needed; the sets of the catalog are found by their names."""
    file = run.params.get("file")
    if not file:
        return ""
    digest = run.provenance.get("data", {}).get(f"file:{file}", "")
    return f"It needs the file `{file}`" + (f" with the SHA-256 `{digest}`." if digest else ".")


def _packages_words(run: Run) -> str:
    known = run.provenance
    words = [f"Python {known.get('python', 'unknown')} on {known.get('platform', 'unknown')}"]
    words += [f"{name} {version}" for name, version in known.get("packages", {}).items()]
    return "\n".join(f"- {word}" for word in words)
