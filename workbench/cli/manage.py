"""``workbench star | rename | note | tag | group | trash | restore | delete``: manage runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from workbench.cli.options import RunId, out
from workbench.runs import manage

app = typer.Typer()

RunIds = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs; `workbench runs` lists them.")]


@app.command()
def star(run_ids: RunIds) -> None:
    """Mark runs as worth finding again: `workbench runs --starred`."""
    _each(run_ids, manage.star, "has a star")


@app.command()
def unstar(run_ids: RunIds) -> None:
    """Take the star away."""
    _each(run_ids, lambda store, run_id: manage.star(store, run_id, False), "has no star")


@app.command()
def rename(run_id: RunId, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a run another name."""
    _each([run_id], lambda store, run_id: manage.rename(store, run_id, name), "is its name")


@app.command()
def note(run_id: RunId, text: Annotated[str, typer.Argument(help='Free text; "" takes the note away.')]) -> None:
    """Write a note beside a run, in place of the one it had."""
    _each([run_id], lambda store, run_id: manage.write_note(store, run_id, text), "has a note" if text else "has none")


@app.command()
def tag(
    run_ids: RunIds,
    add: Annotated[list[str], typer.Option("--add", metavar="TAG", help="A short word; repeatable.")] = [],  # noqa: B006
    remove: Annotated[list[str], typer.Option("--remove", metavar="TAG", help="Take it away; repeatable.")] = [],  # noqa: B006
) -> None:
    """Give runs short words to find them by, or take them away; without options, print those they have."""

    def change(store: Any, run_id: str) -> Any:
        had = store.run(run_id)
        wanted = [word for word in (*had.tags, *add) if word not in remove]
        return manage.set_tags(store, run_id, wanted) if add or remove else had

    _each(run_ids, change, "has the tags")


@app.command()
def group(
    run_ids: RunIds,
    name: Annotated[str, typer.Option("--name", help='Name of the group; "" for none.')],
) -> None:
    """Put runs into a named group: `workbench runs --group NAME`."""
    _each(run_ids, lambda store, run_id: manage.put_in_group(store, run_id, name), "is in its group")


@app.command()
def trash(run_ids: RunIds) -> None:
    """Move runs to the trash, from where `workbench restore` brings them back."""
    _each(run_ids, manage.trash, "is in the trash; workbench restore brings it back")


@app.command()
def restore(run_ids: RunIds) -> None:
    """Bring runs back from the trash."""
    _each(run_ids, manage.restore, "is back")


@app.command()
def delete(
    run_ids: RunIds,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete runs in the trash for good: record, result, models and log."""
    lost = f"{len(run_ids)} run{'s' * (len(run_ids) > 1)} with results, models and logs will be gone for good."
    if not yes and not typer.confirm(f"{lost} Go on?"):
        raise typer.Exit(1)
    _each(run_ids, manage.delete, "is gone for good")


def _each(run_ids: list[str], act: Callable[[Any, str], Any], said: str) -> None:
    """Do something to each run, and say so; the first that fails ends it."""
    from workbench.runs.store import open_store

    store = open_store()
    for run_id in run_ids:
        run = act(store, run_id)
        words = f" {' '.join(run.tags) or '(none)'}" if said.endswith("tags") else ""
        out.print(f"{run.name if run else run_id} {said}{words}", soft_wrap=True, highlight=False, markup=False)
