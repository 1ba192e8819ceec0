"""The terminal, in the words of the page: ``workbench serve | labs | run | resume | runs | compare | data | ...``."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from workbench import lab as contract
from workbench.lab import LabError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
data = typer.Typer(help="List the data catalog, fetch an entry, look at your own file.")
app.add_typer(data, name="data")
out = Console()

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
LabName = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab; `workbench labs` lists them.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter; repeatable.")]
Preset = Annotated[str, typer.Option(help="Preset of the lab: quick, claims, full, paper.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random streams.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:0.")]
Scheduler = Annotated[str | None, typer.Option(help="Dask scheduler, tcp://host:port; default: a local cluster.")]


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the page.")] = 5006,
    address: Annotated[
        str, typer.Option(help="Address to listen on; others than localhost need a login.")
    ] = "localhost",
    scheduler: Scheduler = None,
    show: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the workbench in the browser."""
    login = any(os.environ.get(name) for name in ("PANEL_BASIC_AUTH", "PANEL_OAUTH_PROVIDER"))
    if address not in ("localhost", "127.0.0.1", "::1") and not login:
        raise LabError(
            f"The workbench does not listen on {address} without a login.",
            "Set PANEL_BASIC_AUTH (a password or a file of users) or PANEL_OAUTH_PROVIDER, or leave --address out.",
        )
    if scheduler:
        os.environ["WORKBENCH_SCHEDULER"] = scheduler
    page = Path(__file__).with_name("app.py")
    host = address if address != "localhost" else "127.0.0.1"
    origins = [f"--allow-websocket-origin={name}:{port}" for name in sorted({address, "localhost", "127.0.0.1"})]
    command = ["panel", "serve", str(page), "--port", str(port), "--address", host, *origins]
    command += ["--websocket-max-message-size", str(256 * 2**20), "--keep-alive", "15000"]  # an upload has 100 MB
    if login:
        # Panel reads the users or the provider from its own environment; the cookie must be signed.
        command += ["--basic-auth", os.environ["PANEL_BASIC_AUTH"]] if os.environ.get("PANEL_BASIC_AUTH") else []
        command += ["--cookie-secret", os.environ.get("PANEL_COOKIE_SECRET") or os.urandom(24).hex()]
    if show and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        command.append("--show")
    out.print(f"The workbench opens at http://{address}:{port}/app (Ctrl-C ends it).")
    os.execv(sys.executable, [sys.executable, "-m", *command])


@app.command()
def labs(as_json: Json = False) -> None:
    """List the labs and their state."""
    rows = []
    for lab in contract.labs().values():
        row = {key: getattr(lab, key) for key in ("name", "title", "state", "modality", "summary", "error")}
        row["paper"] = dataclasses.asdict(lab.paper)
        row["presets"] = list(lab.Params.presets) if lab.state == "works" else []
        row["metrics"] = [metric.key for metric in lab.metrics]
        row["claims"] = [claim.key for claim in lab.claims]
        rows.append(row)
    if as_json:
        return print_json(rows)
    show = [(r["name"], r["state"], r["modality"], r["title"], " ".join(r["presets"])) for r in rows]
    print_table(("lab", "state", "what goes in", "title", "presets"), show)
    for row in rows:
        if row["error"]:
            out.print(f"{row['name']} is broken: {row['error']}", soft_wrap=True, markup=False)
    return None


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
    from workbench import api

    params = parse_settings(contract.get_lab(lab), settings)
    show = not as_json or sys.stderr.isatty()
    finish(api.execute(lab, params, preset=preset, seed=seed, device=device, scheduler=scheduler, show=show), as_json)


@app.command()
def resume(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run; `workbench runs` lists them.")],
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Go on with a stopped, failed or lost run, from its last checkpoint."""
    from workbench import api

    engine = api.open_engine(scheduler)
    finish(api.Run(api.open_run(run_id).record, engine).resume(not as_json or sys.stderr.isatty()), as_json)


def finish(done: Any, as_json: bool) -> None:
    """Tell of a run that has ended, and end with its exit code."""
    done.engine.close()
    if as_json:
        print_json(done.to_dict())
    else:
        print_run(done)
    if done.status != "done":
        raise typer.Exit(1)


@app.command()
def runs(
    lab: Annotated[str | None, typer.Argument(metavar="[LAB]", help="Only the runs of this lab.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the runs, newest first."""
    from workbench.store import open_store

    found = open_store().runs(contract.get_lab(lab).name if lab else None, limit)
    if as_json:
        return print_json([{"run_id": run.id, **run.to_json()} for run in found])
    rows = [
        (run.id, run.lab, run.status, f"{run.created.astimezone():%b %d %H:%M}", seconds(run.seconds), run.preset)
        for run in found
    ]
    return print_table(("run", "lab", "status", "created", "time", "preset"), rows)


@app.command()
def compare(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN...", help="Two runs of one lab or more.")],
    as_json: Json = False,
) -> None:
    """Put runs side by side: the params that differ, the metrics, the claims."""
    from workbench import api

    found = api.compare(*run_ids)
    if as_json:
        return print_json(found.to_dict())
    heads = [run.name for run in found.runs]
    print_table(("asked", *heads), [(name, *map(str, values)) for name, values in found.params.items()])
    rows = [(row.metric.label, *(f"{value:.4g}" for value in row.values)) for row in found.metrics]
    print_table(("metric", *heads), rows)
    return print_table(("claim", *heads), [(c.key, *(v.verdict for v in verdicts)) for c, verdicts in found.claims])


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine has, what is missing, and the command that mends it."""
    from workbench.doctor import examine

    checks = examine()
    if as_json:
        print_json(
            {"ok": all(check.ok is not False for check in checks), "checks": list(map(dataclasses.asdict, checks))}
        )
    else:
        mark = {True: "[green]ok[/]", None: "[yellow]optional[/]", False: "[red]missing[/]"}
        print_table(("", "what", "found", "mend with"), [(mark[c.ok], c.name, c.found, c.mend) for c in checks])
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


@app.command()
def record(
    lab: LabName,
    preset: Preset = "claims",
    seed: Seed = 0,
    settings: Settings = [],  # noqa: B006
) -> None:
    """Run the claims preset and ship the run with the lab: for those who change a lab."""
    from workbench import api

    found = contract.get_lab(lab)
    run = api.execute(lab, parse_settings(found, settings), preset=preset, seed=seed, device="cpu")
    run.engine.close()
    done = run.record
    if done.status != "done":
        raise LabError(f"The run ended as {done.status}; nothing was recorded.", (done.error or {}).get("cause", ""))
    target = found.folder / "recorded"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(done.folder, target, ignore=shutil.ignore_patterns("checkpoint*"))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    out.print(f"Recorded {done.id} ({size / 1e3:.0f} kB) in {target}")


@app.command()
def new_lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the lab and of its Python package.")],
    folder: Annotated[Path, typer.Option(help="Where the folder of the new package is put.")] = Path(),
) -> None:
    """Write a package with a small lab of your own, which runs at once."""
    from workbench.scaffold import write_lab

    target = write_lab(name, folder.expanduser())
    out.print(f"Wrote {target}. Three commands from here:\n", soft_wrap=True, highlight=False)
    for command in (
        f"pip install -e {target}",
        f"workbench run {name}",
        f"pytest --pyargs workbench.testing --lab {name}",
    ):
        out.print(f"    {command}", soft_wrap=True, highlight=False)


@data.callback(invoke_without_command=True)
def data_start(ctx: typer.Context) -> None:
    """List the data catalog, fetch an entry, look at your own file."""
    if ctx.invoked_subcommand is None:
        data_list()


@data.command("list")
def data_list(as_json: Json = False) -> None:
    """List the catalog: what there is, its licence, its size, and whether it is here."""
    from workbench.data.catalog import listing

    rows = listing()
    if as_json:
        return print_json(rows)
    columns = ("name", "modality", "licence", "size", "state", "source")
    return print_table(columns, [[str(row[key]) for key in columns] for row in rows])


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Catalog entries.")]) -> None:
    """Fetch catalog entries, from the mirror, a package or the web, and check them."""
    from rich.progress import Progress

    from workbench.data.catalog import fetch, get_entry

    with Progress(console=Console(stderr=True)) as bar:
        for name in names:
            entry = get_entry(name)
            if entry.noncommercial:
                out.print(f"{name}: {entry.licence}. For non-commercial use only.", soft_wrap=True)
            task = bar.add_task(name, total=None)

            def heard(done: int, total: int, stage: str, task: Any = task, name: str = name) -> None:
                bar.update(task, completed=done, total=total or None, description=f"{name}: {stage}")

            path = fetch(name, progress=heard)
            bar.update(task, completed=1, total=1, description=name)
            out.print(f"{name}: {path} (sha256 {entry.sha256[:12]})", soft_wrap=True)


@data.command("card")
def data_card(file: Path) -> None:
    """Show the data card of your own table: what a lab would see."""
    from workbench.data.tables import data_card as card

    found = dataclasses.asdict(card(file.expanduser().resolve()))
    preview = found.pop("preview", None)
    print_table(("", ""), [(key.replace("_", " "), str(value)) for key, value in found.items()])
    if preview is not None:
        out.print(str(preview))


def parse_settings(lab: contract.Lab, settings: list[str]) -> dict[str, Any]:
    """Read ``key=value`` texts as values of a lab's params."""
    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise LabError(f"--set {setting!r} has no '='.", "Write --set key=value, for example --set eps=0.5")
        values[key] = lab.Params.parse(key, text)
    return values


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
        rows = [(f"[{color[v.verdict]}]{v.verdict}[/]", texts[key], v.why) for key, v in verdicts.items()]
        print_table(("verdict", "claim", "why"), rows)
    out.print(f"Run {run.id}: {run.status} in {seconds(run.record.seconds)}. See it: workbench serve", soft_wrap=True)


def print_table(columns: tuple[str, ...], rows: list[Any]) -> None:
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    out.print(table)


def print_json(value: Any) -> None:
    """Print strict JSON: a missing number is null."""
    from workbench.result import finite

    sys.stdout.write(json.dumps(finite(value), indent=1, default=str) + "\n")


def print_error(cause: str, hint: str) -> None:
    Console(stderr=True).print(f"[red]{cause}[/]\n{hint}", soft_wrap=True, highlight=False)


def seconds(value: float | None) -> str:
    """Return a duration in words.

    >>> seconds(95)
    '1 min 35 s'
    """
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:.0f} s"


def main() -> None:
    """Run the command line; what a user can mend is told in words, without a traceback."""
    try:
        app()
    except LabError as error:
        print_error(error.cause, error.hint)
        sys.exit(2)


if __name__ == "__main__":
    main()
