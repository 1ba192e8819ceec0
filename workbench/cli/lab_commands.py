"""Commands of a lab, from its optional module ``cli.py``, loaded when they are called."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from workbench import contract


class LabGroups(TyperGroup):
    """The commands of the workbench; a name that is none of them may be a lab with commands of its own.

    So ``workbench amos evaluate …`` works without any command knowing of the lab `amos`, and no other command waits for
    the import of the labs; only ``--help`` does, which lists them too.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or lab_group(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *(name for name in contract.labs() if lab_group(name))]


def lab_group(name: str) -> Any:
    """Return the command group of a lab's ``cli.py``, which holds ``app``, a Typer; None without that module."""
    lab = contract.labs().get(name)
    if lab is None or lab.state == "broken" or not (lab.folder / "cli.py").exists():
        return None
    command = typer.main.get_group(importlib.import_module(f"{lab.module}.cli").app)
    command.name = name
    return command
