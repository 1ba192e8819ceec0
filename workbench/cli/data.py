"""``workbench data``: list the catalog, fetch an entry, and show the card of your own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from workbench.cli.options import Json, out, print_json, print_table

data = typer.Typer(help="List the data catalog, fetch an entry, look at your own file.")
app = typer.Typer()
app.add_typer(data, name="data")


@data.callback(invoke_without_command=True)
def data_start(ctx: typer.Context) -> None:
    """List the data catalog, fetch an entry, look at your own file."""
    if ctx.invoked_subcommand is None:
        data_list()


@data.command("list")
def data_list(as_json: Json = False) -> None:
    """List the catalog: what there is, its licence, its size, and whether it is here."""
    from workbench.data.catalog.catalog import listing

    rows = listing()
    if as_json:
        return print_json(rows)
    columns = ("name", "modality", "licence", "size", "state", "source")
    return print_table(columns, [[str(row[key]) for key in columns] for row in rows])


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Catalog entries.")]) -> None:
    """Fetch catalog entries, from the mirror, a package or the web, and check them."""
    from rich.progress import Progress

    from workbench.data.catalog.catalog import fetch, get_entry

    with Progress(console=Console(stderr=True)) as bar:
        for name in names:
            entry = get_entry(name)
            if entry.noncommercial:
                size = f"{entry.size / 1e6:,.0f} MB"
                out.print(f"{name}, {size}: {entry.licence}. For non-commercial use only.", soft_wrap=True)
            task = bar.add_task(name, total=None)

            def heard(done: int, total: int, stage: str, task: Any = task, name: str = name) -> None:
                bar.update(task, completed=done, total=total or None, description=f"{name}: {stage}")

            path = fetch(name, progress=heard)
            bar.update(task, completed=1, total=1, description=name)
            out.print(f"{name}: {path} (sha256 {entry.sha256[:12]})", soft_wrap=True)


@data.command("card")
def data_card(file: Path) -> None:
    """Show the data card of your own table, images, graph, scan, scene, MIDI file or folder: what a lab would see."""
    from workbench.data.cards import card

    found = card(file.expanduser().resolve())
    out.print(str(found), markup=False, highlight=False, soft_wrap=True)
    if found.sha256:
        out.print(f"SHA-256 {found.sha256[:12]}", markup=False, highlight=False)
    if found.preview is not None:
        out.print(found.preview.to_string(index=False), markup=False, highlight=False)
