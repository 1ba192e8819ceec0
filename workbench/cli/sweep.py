"""``workbench sweep | sweeps``: run and list sweeps."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from workbench import contract
from workbench.cli.options import Device, Json, Preset, Scheduler, out, print_error, print_json, print_table
from workbench.contract.errors import LabError
from workbench.sweeps.notation import parse_seeds, parse_values

app = typer.Typer()

SWEEP_HELP = """Run a lab with many settings and seeds.

--set KEY=A,B,C gives a parameter several values: commas part the values of a number, a word or a switch. Where the
value is a list itself, commas part its items and | its values: --set "studies=set|set,tasks". Naming a parameter
twice adds to its values, so --set file=a.csv --set file=b.csv is an axis too. One value is simply set in every run.

Ctrl-C stops softly; --continue goes on: what is done is not run again, the rest resumes from its checkpoints.
"""


@app.command(help=SWEEP_HELP)
def sweep(
    lab: Annotated[str | None, typer.Argument(metavar="[LAB]", help="Name of the lab; not with --continue.")] = None,
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=A,B,...", help="One value, or several; repeatable.")
    ] = [],  # noqa: B006 - typer wants it so
    seeds: Annotated[str, typer.Option(metavar="0-4", help="Seeds of every point: 0-4, or 0,3,7.")] = "0",
    preset: Preset = "quick",
    search: Annotated[str, typer.Option(help="grid (all points), random or optuna (--count of them).")] = "grid",
    count: Annotated[int, typer.Option(min=0, help="Points that random or optuna may choose.")] = 0,
    metric: Annotated[str, typer.Option(help="Metric that is looked at; default: the lab's first.")] = "",
    direction: Annotated[str, typer.Option(help="maximize or minimize; default: as the lab declares.")] = "",
    resumed: Annotated[str, typer.Option("--continue", metavar="SWEEP", help="Go on with an earlier sweep.")] = "",
    device: Device = "auto",
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    from workbench.api import sweeps as api
    from workbench.engine import open_engine

    show = not as_json or sys.stderr.isatty()
    if resumed:
        if lab or settings:
            raise LabError("--continue takes what was asked before.", "Leave the lab and --set away.")
        api.open_sweep(resumed)  # a wrong id is told before a cluster starts
        done = api.Sweep(api.open_sweep(resumed).record, open_engine(scheduler)).resume(show)
    else:
        if lab is None:
            raise LabError("No lab was named.", "workbench sweep LAB --set KEY=A,B; `workbench labs` lists them.")
        axes, base = parse_axes(contract.get_lab(lab), settings)
        done = api.sweep(
            lab,
            axes,
            base,
            seeds=parse_seeds(seeds),
            preset=preset,
            search=search,
            count=count,
            metric=metric,
            direction=direction,
            device=device,
            scheduler=scheduler,
            progress=show,
        )
    done.engine.close()
    if as_json:
        print_json(done.to_dict())
    else:
        print_sweep(done)
    if done.status != "done" or (done.runs_table["status"] != "done").any():
        raise typer.Exit(1)


@app.command()
def sweeps(
    lab: Annotated[str | None, typer.Argument(metavar="[LAB]", help="Only the sweeps of this lab.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the sweeps, newest first."""
    from workbench.runs.store import open_store
    from workbench.sweeps.record import listed

    found = listed(open_store(), lab, limit)
    if as_json:
        keys = ("name", "status", "created", "error")
        rows = [{"sweep_id": s.id, "lab": s.spec.lab, "runs": s.spec.runs} for s in found]
        return print_json([row | {key: getattr(s, key) for key in keys} for row, s in zip(rows, found, strict=True)])
    rows = [(s.id, s.name, s.status, f"{s.created.astimezone():%b %d %H:%M}", str(s.spec.runs)) for s in found]
    return print_table(("sweep", "name", "status", "created", "runs"), rows, lines=True)


def parse_axes(lab: contract.Lab, settings: list[str]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Read ``key=a,b`` texts: return the params with several values, and those with one.

    Raises
    ------
    LabError
        If a text has no ``=``, or a value does not fit its parameter.
    """
    found: dict[str, list[Any]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise LabError(f"--set {setting!r} has no '='.", "Write --set key=value or --set key=a,b,c")
        found.setdefault(key, []).extend(parse_values(lab.Params, key, text))
    axes = {key: values for key, values in found.items() if len(values) > 1}
    return axes, {key: values[0] for key, values in found.items() if len(values) == 1}


def print_sweep(done: Any) -> None:
    """Print a sweep that has ended: a row a point, and what went wrong."""
    from workbench.sweeps.table import tally

    spec, table = done.spec, done.table
    if "runs" in table:
        key, rows = spec.metric, []
        for row in table.to_dict("records"):
            noise = f"± {row[f'{key} sd']:.3g}" if row[f"{key} n"] > 1 else ""
            value = f"{row[key]:.4g}" if row[f"{key} n"] else "–"
            failed = f"{row['failed']} of them failed or stopped" if row["failed"] else ""
            rows.append((*(str(row[name]) for name in spec.axes), value, noise, str(row[f"{key} n"]), failed))
        print_table((*spec.axes, spec.declared.label, "over seeds", "n", ""), rows)
    if done.record.retried:
        out.print(f"{len(done.record.retried)} runs lost their worker on the way and were resumed.")
    if done.record.error:
        print_error("The sweep could not go on.", done.record.error)
    counts = tally(spec, done.runs)
    words = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    out.print(f"Sweep {done.id}: {done.status} ({words}). See it: workbench serve", soft_wrap=True)
    if counts["done"] < spec.runs:
        out.print(f"Go on with the rest: workbench sweep --continue {done.id}", soft_wrap=True)
