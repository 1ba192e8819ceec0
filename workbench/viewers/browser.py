"""The page of a run in the browser: of the server that is there, or of one that is started."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable

from workbench.contract.errors import LabError
from workbench.runs.record import Run
from workbench.ui.address import href

PATIENCE = 120  # seconds for a server to start


def open_page(run: Run, port: int, say: Callable[[str], object] = print) -> None:
    """Open a run's page; where no workbench answers, start one and stay with it until Ctrl-C.

    Raises
    ------
    LabError
        If something else answers at that port, or the server does not start.
    """
    address = f"http://localhost:{port}/app"
    page = f"{address}{href(lab=run.lab, run=run.id)}"
    if answers(address):
        _open(page, say)
        return
    say("No workbench answers there yet; starting one (Ctrl-C ends it).")
    server = subprocess.Popen([sys.executable, "-m", "workbench.cli", "serve", "--port", str(port), "--no-show"])
    try:
        end = time.monotonic() + PATIENCE
        while not answers(address):
            if server.poll() is not None or time.monotonic() > end:
                raise LabError("The server did not start.", f"Is another program at port {port}? Try --port.")
            time.sleep(0.3)
        _open(page, say)
        server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    """Return True if a workbench answers there.

    Raises
    ------
    LabError
        If something else does.
    """
    try:
        with urllib.request.urlopen(address, timeout=30) as page:
            if b"<title>Workbench</title>" in page.read(100_000):
                return True
    except urllib.error.HTTPError:
        pass
    except OSError:
        return False
    raise LabError(f"Another program answers at {address}.", "Choose another port by --port.")


def _open(page: str, say: Callable[[str], object]) -> None:
    say(page)
    webbrowser.open(page)
