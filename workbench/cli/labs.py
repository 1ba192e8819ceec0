"""``workbench labs | new-lab | record``: list labs, create one, and record the run that ships with one."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Annotated

import typer

from workbench import contract
from workbench.cli.options import (
    Json,
    LabName,
    Preset,
    Seed,
    Settings,
    out,
    parse_settings,
    print_json,
    print_table,
)
from workbench.contract.errors import LabError

app = typer.Typer()


@app.command()
def labs(as_json: Json = False) -> None:
    """List the labs and their state."""
    rows = []
    for lab in contract.labs().values():
        row = {key: getattr(lab, key) for key in ("name", "title", "state", "modality", "summary", "error")}
        row["paper"] = dataclasses.asdict(lab.paper)
        row["presets"] = lab.Params.shown_presets() if lab.state == "works" else []
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
def new_lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the lab and of its Python package.")],
    folder: Annotated[Path, typer.Option(help="Where the folder of the new package is put.")] = Path(),
) -> None:
    """Write a package with a small lab of your own, which runs at once."""
    from workbench.cli.scaffold import write_lab

    target = write_lab(name, folder.expanduser())
    out.print(f"Wrote {target}. Three commands from here:\n", soft_wrap=True, highlight=False)
    for command in (
        f"pip install -e {target}",
        f"workbench run {name}",
        f"pytest --pyargs workbench.testing --lab {name}",
    ):
        out.print(f"    {command}", soft_wrap=True, highlight=False)


@app.command()
def record(
    lab: LabName,
    preset: Preset = "claims",
    seed: Seed = 0,
    settings: Settings = [],  # noqa: B006
) -> None:
    """Run the claims preset and ship the run with the lab: for those who change a lab."""
    from workbench.api import runs as api

    found = contract.get_lab(lab)
    run = api.execute(lab, parse_settings(found.Params, settings), preset=preset, seed=seed, device="cpu")
    run.engine.close()
    done = run.record
    if done.status != "done":
        raise LabError(f"The run ended as {done.status}; nothing was recorded.", (done.error or {}).get("cause", ""))
    target = found.folder / "recorded"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(done.folder, target, ignore=shutil.ignore_patterns("checkpoint*"))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    out.print(f"Recorded {done.id} ({size / 1e3:.0f} kB) in {target}")
