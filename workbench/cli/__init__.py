"""The terminal, in the words of the page.

One file a family of commands; each has a Typer of its own, and they are put together here.
"""

from __future__ import annotations

import gc
import sys

import typer

from workbench.cli import data, labs, manage, probe, runs, serve, sweep, transfer
from workbench.cli.lab_commands import LabGroups
from workbench.cli.options import print_error
from workbench.contract.errors import LabError
from workbench.runs.machine_errors import user_error

HELP = "Ten papers, ten labs: put data in, run the real model, poke at the answer."

app = typer.Typer(cls=LabGroups, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)
for family in (serve, labs, runs, probe, manage, sweep, transfer, data):
    app.add_typer(family.app)


def main() -> None:
    """Run the command line; what a user can mend is printed without a traceback."""
    try:
        app()
    except (LabError, OSError) as error:
        told = error if isinstance(error, LabError) else user_error(error)
        if told is None:
            raise
        print_error(told.cause, told.hint)
        sys.exit(2)
    finally:
        gc.freeze()  # else the interpreter goes through all that was imported again as it ends, which takes a second
