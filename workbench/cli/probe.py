"""``workbench probe``: ask the model of a finished run."""

from __future__ import annotations

import json

import param
import typer

from workbench import contract
from workbench.cli.options import Fields, Json, RunId, Scheduler, out, parse_settings, print_json, print_table
from workbench.contract.params import bounds_text

app = typer.Typer()


@app.command()
def probe(
    run_id: RunId,
    settings: Fields = [],  # noqa: B006 - typer wants it so
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Ask the model of a finished run one question; saves nothing. Without --set, list what can be asked."""
    from workbench.api import runs as api

    record = api.open_run(run_id).record
    question = contract.get_lab(record.lab).Question
    if not settings and question and not as_json:
        return print_table(("field", "default", "what it is"), _fields(question))
    request = parse_settings(question, settings)
    result = api.Run(record, api.open_engine(scheduler)).probe(**request)
    if as_json:
        tables = {name: table.to_dict("records") for name, table in result.tables.items()}
        return print_json({"metrics": result.metrics, "tables": tables, "notes": result.notes})
    print_table(("metric", "value"), [(key, f"{value:.6g}") for key, value in result.metrics.items()])
    for name, table in result.tables.items():
        out.print(f"\n{name} ({len(table)} rows)")
        out.print(table.head(20).to_string(index=False), highlight=False)
    return None


def _fields(question: type[contract.Params]) -> list[tuple[str, str, str]]:
    """Return name, default and meaning of every field of a question."""
    rows = []
    for name in question.names():
        declared, unit = question.param[name], question.units.get(name, "")
        choices = ", ".join(map(str, declared.objects)) if isinstance(declared, param.Selector) else ""
        limits = " ".join(filter(None, (choices or bounds_text(declared), unit)))
        default = "" if declared.default is None else json.dumps(declared.default)
        rows.append((name, default, f"{declared.doc}{f' ({limits})' if limits else ''}"))
    return rows
