"""``workbench export | import | view``: export, import and view runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Json, RunId, out, print_json

app = typer.Typer()


@app.command()
def export(
    run_id: RunId,
    to: Annotated[
        Path, typer.Option(help="*.html: a report; *.zip: all of it, for another workbench; *.ipynb; else a folder.")
    ],
    figures: Annotated[bool, typer.Option(help="With a zip or folder: every figure as PNG and SVG (Chromium).")] = True,
    force: Annotated[bool, typer.Option(help="Write over what is there.")] = False,
) -> None:
    """Write a run as a report, a zip, a folder or a notebook."""
    from workbench.runs.reproduce import command_line
    from workbench.runs.store import open_store
    from workbench.transfer.export import export as write

    run = open_store().run(run_id)
    written = write(run, to, figures=figures, force=force)
    out.print(f"Wrote {written}.", soft_wrap=True, highlight=False)
    if figures and written.suffix not in (".html", ".ipynb") and (why := _no_figures(written)):
        out.print(why, soft_wrap=True, highlight=False, markup=False)
    out.print(f"The same numbers again: {command_line(run)}", soft_wrap=True, highlight=False, markup=False)


def _no_figures(written: Path) -> str:
    """Return why the figures were not drawn as files; "" when they were."""
    import zipfile

    name = "figures/README.txt"
    if written.is_dir():
        return (written / name).read_text() if (written / name).exists() else ""
    with zipfile.ZipFile(written) as box:
        return box.read(name).decode() if name in box.namelist() else ""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A zip made by `workbench export`.")],
    as_json: Json = False,
) -> None:
    """Import a run that another workbench exported; it gets a new id."""
    from workbench.transfer.import_run import import_run

    run = import_run(file.expanduser())
    if as_json:
        return print_json({"run_id": run.id, **run.to_json()})
    out.print(f"Imported as run {run.id} ({run.lab}, {run.status}).", soft_wrap=True, highlight=False)
    return out.print(f"See it: workbench view {run.id}", soft_wrap=True, highlight=False)


@app.command()
def view(
    run_id: RunId,
    where: Annotated[str, typer.Option("--in", help="browser, or a viewer of the lab: napari, open3d.")] = "browser",
    save: Annotated[Path | None, typer.Option(help="Draw once into this PNG instead of opening a window.")] = None,
    port: Annotated[int, typer.Option(help="Port of the page, with --in browser.")] = 5006,
) -> None:
    """Show a run in the browser or in a desktop viewer of its lab."""
    from workbench import viewers
    from workbench.runs.store import open_store

    run = open_store().run(run_id)
    if where == "browser":
        from workbench.viewers.browser import open_page

        open_page(run, port, lambda words: out.print(words, soft_wrap=True, highlight=False))
        return
    viewers.show(run, where, save)
    if save:
        out.print(f"Wrote {save}.", soft_wrap=True, highlight=False)
