"""``workbench amos evaluate``: masks in, DSC, NSD and ranks out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Json, out, print_json, print_table
from workbench.contract import LabError

app = typer.Typer(no_args_is_help=True, help="The abdominal organ benchmark: score masks without running anything.")


@app.callback()
def start() -> None:
    """The abdominal organ benchmark: score masks without running anything."""


@app.command()
def evaluate(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="PRED... REF",
            help="Predicted masks, a folder or file for each team, and the reference at last: a folder in the AMOS "
            "layout or of masks, or one file.",
        ),
    ],
    tolerance: Annotated[float, typer.Option(min=0, help="Of the NSD, in mm.")] = 1.0,
    surface: Annotated[str, typer.Option(help="area (DeepMind) or voxels (MONAI's default).")] = "area",
    absent: Annotated[
        str, typer.Option(help="An organ that only the prediction holds: penalize (counts 0) or skip.")
    ] = "penalize",
    smallest: Annotated[float, typer.Option(min=0, help="Take out components below so many mm3.")] = 0.0,
    missing: Annotated[str, typer.Option(help="A case without a prediction: refuse or zero.")] = "refuse",
    csv: Annotated[Path | None, typer.Option(help="Write every team, case and organ as CSV.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json-file", help="Write everything as JSON.")] = None,
    as_json: Json = False,
) -> None:
    """Score masks against their reference: DSC and NSD of every organ, and ranks with intervals."""
    from rich.console import Console
    from rich.progress import Progress

    from workbench.toolkit.segmentation.folders import evaluate as score
    from workbench.toolkit.segmentation.folders import percent
    from workbench.toolkit.segmentation.ranking import between
    from workbench.toolkit.segmentation.scores import Rules

    if len(places) < 2:
        raise LabError("Prediction and reference are wanted.", "Write: workbench amos evaluate PRED REF")
    *teams, reference = places
    rules = Rules(tolerance, surface, absent, smallest)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        found = score(
            named(teams), reference, rules, missing=missing,
            progress=lambda done, total, stage: bar.update(task, completed=done, total=total, description=stage),
        )  # fmt: skip
    if csv is not None:
        found.scores.to_csv(csv, index=False)
    if json_file is not None:
        json_file.write_text(json.dumps(found.to_dict(), indent=1) + "\n")
    if as_json:
        return print_json(found.to_dict())
    for team in dict.fromkeys(found.scores["team"]):
        rows = found.organs(team)
        seen = rows[rows[["both", "missed", "invented"]].sum(axis=1) > 0]
        out.print(f"\n{team}", highlight=False)
        print_table(
            ("organ", "DSC", f"NSD {tolerance:g} mm", "cases", "missed", "invented", "in neither"),
            [
                (r.name, percent(r.dsc), percent(r.nsd), str(r.both), str(r.missed), str(r.invented), str(r.neither))
                for r in seen.itertuples(index=False)
            ],
        )
    table = found.leaderboard
    out.print("\nLeaderboard: mean (95 % interval over cases)", highlight=False)
    print_table(
        ("team", "DSC", f"NSD {tolerance:g} mm", "rank", "leads in", "cases"),
        [
            (
                row["team"],
                *(between(row, key, 4) for key in ("dsc", "nsd")),
                between(row, "rank", 2),
                f"{row['first']:.0%}",
                str(row["cases"]),
            )
            for row in table.to_dict(orient="records")
        ],
        lines=True,
    )  # fmt: skip
    for line in (str(rules), *found.notes):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    return None


def named(places: list[Path]) -> dict[str, Path]:
    """Return team -> place: by the last part of the path, by the whole path where two parts are equal."""
    short = [place.name or str(place) for place in places]
    if len({str(p) for p in places}) < len(places):
        raise LabError("One prediction is given twice.", "Name each once.")
    return {(s if short.count(s) == 1 else str(p)): p for s, p in zip(short, places, strict=True)}
