"""``workbench serve | doctor``: serve the page, check the machine."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from workbench.cli.login import login_options
from workbench.cli.options import Json, Scheduler, out, print_error, print_json, print_table
from workbench.contract.errors import LabError
from workbench.engine.scheduler import OPEN, is_open

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the page.")] = 5006,
    address: Annotated[
        str, typer.Option(help="Address to listen on; others than localhost need a login.")
    ] = "localhost",
    proxy: Annotated[
        str, typer.Option(help="Name under which a proxy shows the page, as in workbench.example.org; needs a login.")
    ] = "",
    scheduler: Scheduler = None,
    show: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the workbench in the browser."""
    environment = dict(os.environ)
    login = login_options(environment)
    if (proxy or address not in ("localhost", "127.0.0.1", "::1")) and not login:
        raise LabError(
            f"The workbench does not {f'show itself as {proxy}' if proxy else f'listen on {address}'} without a login.",
            "Set PANEL_BASIC_AUTH (a password or a file of users) or PANEL_OAUTH_PROVIDER: docs/deploy.md says how.",
        )
    if scheduler:
        environment["WORKBENCH_SCHEDULER"] = scheduler
    scheduler = environment.get("WORKBENCH_SCHEDULER")
    if scheduler and is_open(scheduler):
        print_error(f"The scheduler {scheduler} is open. {OPEN}", "docs/deploy.md says how to give it certificates.")
    page = Path(__file__).parents[1] / "app.py"
    host = address if address != "localhost" else "127.0.0.1"
    origins = [f"{name}:{port}" for name in sorted({address, "localhost", "127.0.0.1"})]
    command = ["panel", "serve", str(page), "--port", str(port), "--address", host, *login]
    # A proxy says in its headers who the visitor is and whether the line to him is encrypted.
    command += ["--use-xheaders"] if proxy else []
    command += [f"--allow-websocket-origin={origin}" for origin in (origins if not proxy else [proxy, *origins])]
    command += ["--websocket-max-message-size", str(256 * 2**20), "--keep-alive", "15000"]  # an upload has 100 MB
    if show and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        command.append("--show")
    out.print(f"The workbench opens at http://{address}:{port}/app (Ctrl-C ends it).")
    os.execve(sys.executable, [sys.executable, "-m", *command], environment)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Report what this machine has, what is missing, and the command that installs it."""
    from workbench.doctor import examine

    checks = examine()
    if as_json:
        print_json(
            {"ok": all(check.ok is not False for check in checks), "checks": list(map(dataclasses.asdict, checks))}
        )
    else:
        mark = {True: Text("ok", "green"), None: Text("optional", "yellow"), False: Text("missing", "red")}
        print_table(("", "what", "found", "mend with"), [(mark[c.ok], c.name, c.found, c.mend) for c in checks])
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)
