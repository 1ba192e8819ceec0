"""Options and output that the commands share."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from workbench import contract
from workbench.contract.errors import LabError

WIDE = 160  # characters
PLAIN = {"markup": False, "emoji": False}  # names and notes are a user's own: their brackets stand for themselves
out = Console(**PLAIN)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
LabName = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab; `workbench labs` lists them.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run; `workbench runs` lists them.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter; repeatable.")]
Fields = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="A field of the question; repeatable.")]
Preset = Annotated[str, typer.Option(help="Preset of the lab: quick, claims, full, paper.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random streams.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:0.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler, tls:// or tcp://host:port; default: a local cluster.")
]


def parse_settings(declared: type[contract.Params] | None, settings: list[str]) -> dict[str, Any]:
    """Read ``key=value`` texts as values of params or of a question; as JSON or text where nothing is declared."""
    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise LabError(f"--set {setting!r} has no '='.", "Write --set key=value, for example --set eps=0.5")
        values[key] = declared.parse(key, text) if declared else _json_or_text(text)
    return values


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def print_table(columns: tuple[str, ...], rows: list[Any], lines: bool = False) -> None:
    """Print a table; with `lines` each row is one line, however narrow the terminal is: ids stay whole."""
    table = Table(*(Column(name, no_wrap=lines) for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    (Console(width=max(out.width, WIDE), **PLAIN) if lines else out).print(table)


def print_json(value: Any) -> None:
    """Print strict JSON: a missing number is null."""
    from workbench.contract.result import json_values

    sys.stdout.write(json.dumps(json_values(value), indent=1, default=str) + "\n")


def print_error(cause: str, hint: str) -> None:
    Console(stderr=True).print(Text(cause, "red"), Text(hint), sep="\n", soft_wrap=True, highlight=False)


def seconds(value: float | None) -> str:
    """Return a duration as text.

    >>> seconds(95)
    '1 min 35 s'
    """
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:.0f} s"
