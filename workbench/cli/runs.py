"""``workbench run | resume | runs | compare``: execute, list and compare runs."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from workbench import contract
from workbench.cli.options import (
    PLAIN,
    Device,
    Json,
    LabName,
    Preset,
    RunId,
    Scheduler,
    Seed,
    Settings,
    out,
    parse_settings,
    print_error,
    print_json,
    print_table,
    seconds,
)

app = typer.Typer()

WHERE = 'A condition as in "metrics.rs > 0.5", "params.eps = 0.1" or "name contains iris"; repeatable, all must hold.'


@app.command()
def run(
    lab: LabName,
    settings: Settings = [],  # noqa: B006 - typer wants it so
    preset: Preset = "quick",
    seed: Seed = 0,
    device: Device = "auto",
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Run a lab and keep the run; Ctrl-C stops it softly."""
    from workbench.api import runs as api

    params = parse_settings(contract.get_lab(lab).Params, settings)
    show = not as_json or sys.stderr.isatty()
    finish(api.execute(lab, params, preset=preset, seed=seed, device=device, scheduler=scheduler, show=show), as_json)


@app.command()
def resume(
    run_id: RunId,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Go on with a stopped, failed or lost run, from its last checkpoint."""
    from workbench.api import runs as api

    engine = api.open_engine(scheduler)
    finish(api.Run(api.open_run(run_id).record, engine).resume(not as_json or sys.stderr.isatty()), as_json)


@app.command()
def runs(
    lab: Annotated[str | None, typer.Argument(metavar="[LAB]", help="Only the runs of this lab.")] = None,
    where: Annotated[list[str], typer.Option(metavar="CONDITION", help=WHERE)] = [],  # noqa: B006
    starred: Annotated[bool, typer.Option("--starred", help="Only runs with a star.")] = False,
    trash: Annotated[bool, typer.Option("--trash", help="Those in the trash.")] = False,
    group: Annotated[str | None, typer.Option(help="Only the runs of this group or sweep.")] = None,
    order: Annotated[str, typer.Option(help="created, name, duration or metrics.KEY.")] = "created",
    ascending: Annotated[bool, typer.Option("--ascending", help="Smallest, oldest or A first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the runs, newest first or in another order."""
    from workbench.runs.describe import changed_params, format_params
    from workbench.runs.search import MOST, Query, Where, list_page, unknown_fields
    from workbench.runs.store import open_store

    conditions = [Where.parse(text) for text in where] + [Where.make("group", "=", group)] * (group is not None)
    name = contract.get_lab(lab).name if lab else ""
    query = Query(name, tuple(conditions), starred, trash, order, not ascending, limit)
    page = list_page(open_store(), query)
    if as_json:
        return print_json([{"run_id": run.id, **run.to_json()} for run in page.runs])
    key = order.removeprefix("metrics.") if order.startswith("metrics.") else ""
    heads = ("run", "name", "lab", "status", "created", "time", "preset", "asked", *([key] if key else []))
    rows = [
        (run.id, f"{'★ ' * run.star}{run.name}", run.lab, run.status, f"{run.created.astimezone():%b %d %H:%M}")
        + (
            seconds(run.seconds),
            run.preset,
            _asked(format_params(changed_params(run, contract.labs().get(run.lab))), run.seed),
        )
        + ((f"{run.metrics[key]:.4g}" if key in run.metrics else "",) if key else ())
        for run in page.runs
    ]
    print_table(heads, rows, lines=True)
    if not page.runs and (hint := unknown_fields(conditions, contract.labs().get(name))):
        Console(stderr=True, **PLAIN).print(hint, soft_wrap=True)
    if page.next:
        more = f"Looked at {MOST} runs; further ones may fit." if page.cut else "There are more: --limit"
        Console(stderr=True, **PLAIN).print(more, soft_wrap=True)
    return None


def _asked(said: str, seed: int) -> str:
    """Return what differs from the lab's defaults, cut to a line."""
    text = "; ".join(filter(None, (f"seed {seed}" if seed else "", said)))
    return text if len(text) <= 60 else f"{text[:59]}…"


@app.command()
def compare(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN...", help="Two runs of one lab or more.")],
    fold: Annotated[bool, typer.Option("--fold", help="One column for runs that differ in their seed only.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the tables as CSV and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Put runs side by side: the params that differ, the metrics, the claims."""
    from workbench.api import runs as api

    found = api.compare(*run_ids, fold=fold)
    if as_json:
        return print_json(found.to_dict())
    if as_csv:
        sys.stdout.write(found.to_csv())
        return None
    heads = found.heads
    print_table(("asked", *heads), [(name, *map(str, values)) for name, values in found.params.items()])
    rows = [(row.metric.label, *_cells(row), _paper(row.metric)) for row in found.metrics]
    print_table(("metric", *heads, "paper"), rows)
    return print_table(("claim", *heads), [(c.key, *found.verdicts(verdicts)) for c, verdicts in found.claims])


def _cells(row: Any) -> list[str]:
    """Return each column's number with its spread, and below it the difference from the first."""
    cells = []
    for index, (value, spread, delta) in enumerate(zip(row.values, row.spreads, row.deltas, strict=True)):
        noise = f" ± {spread:.2g}" if math.isfinite(spread) else ""
        error = row.delta_errors[index]
        change = f"\n{delta:+.3g}" + (f" ± {error:.2g}" if math.isfinite(error) else "") if index else ""
        cells.append(f"{value:.4g}{noise}{change}")
    return cells


def _paper(metric: contract.Metric) -> str:
    if metric.paper is None:
        return ""
    recalled = " (recalled)" if metric.paper.origin == "recalled" else ""
    return f"{metric.paper.value:.4g}{recalled}: {metric.paper.setting}"


def finish(done: Any, as_json: bool) -> None:
    """Print the outcome of a run that has ended, and exit with its code."""
    done.engine.close()
    if as_json:
        print_json(done.to_dict())
    else:
        print_run(done)
    if done.status != "done":
        raise typer.Exit(1)


def print_run(run: Any) -> None:
    """Print a finished run: its numbers, its claims, and where it is."""
    if run.record.error:
        print_error(run.record.error["cause"], run.record.error["hint"])
    known = {metric.key: metric for metric in run.lab.metrics}
    rows = []
    for key, value in run.metrics.items():
        metric, spread = known.get(key), run.result.spread(key)
        noise = f"± {spread:.3g}" if math.isfinite(spread) else ""
        rows.append((metric.label if metric else key, f"{value:.4g}", noise, metric.unit if metric else ""))
    if rows:
        print_table(("metric", "value", "over seeds", "unit"), rows)
    color = {"holds": "green", "does not hold": "red", "within noise": "yellow", "not tested": "dim"}
    texts = {claim.key: claim.text for claim in run.lab.claims}
    verdicts = run.claims()
    if verdicts:
        rows = [(Text(v.verdict, color[v.verdict]), texts[key], v.why) for key, v in verdicts.items()]
        print_table(("verdict", "claim", "why"), rows)
    out.print(f"Run {run.id}: {run.status} in {seconds(run.record.seconds)}. See it: workbench serve", soft_wrap=True)
