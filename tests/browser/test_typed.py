"""The page served by the line that a reader types, without any option."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
PORT = 5006  # Panel's own

pytestmark = pytest.mark.browser


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_panel_serve_as_typed_asks_no_other_host(page, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port, options = (PORT, []) if free(PORT) else (probe.getsockname()[1], ["--port", str(probe.getsockname()[1])])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOKEH_", "PANEL_"))}
    environment |= {"WORKBENCH_HOME": str(tmp_path / "a home"), "WORKBENCH_SLOTS": "1"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "panel", "serve", "workbench/app.py", *options],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address, end = f"http://localhost:{port}/app", time.time() + 120
        while True:
            try:
                urllib.request.urlopen(address, timeout=60).close()
                break
            except OSError:
                assert server.poll() is None and time.time() < end, (tmp_path / "log").read_text()[-2000:]
                time.sleep(0.3)
        page.goto(address)  # the fixture watches every request of this page
        page.get_by_role("link", name="Rate of Separability").first.click()
        page.get_by_role("tab", name="Set", exact=True).click()
        expect(page.locator("canvas").first).to_be_visible()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
