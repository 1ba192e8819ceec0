"""A real JupyterLab in a real Chromium, both without a network: what is not on this machine is not reached."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

PATIENCE = 180_000  # ms: JupyterLab starts slowly where other tests run beside it
OWN = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
END_KERNELS = """async () => {
    const headers = {"X-XSRFToken": (document.cookie.match(/_xsrf=([^;]*)/) ?? [])[1]}
    for (const {id} of await (await fetch("/api/kernels")).json()) {
        await fetch(`/api/kernels/${id}`, {method: "DELETE", headers})
    }
}"""
expect.set_options(timeout=PATIENCE)
NOWHERE = "http://127.0.0.1:9"  # the port of `discard`: what goes by a proxy ends here


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return the folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory) -> Iterator[str]:
    """Serve JupyterLab, as our installation has set it up and with no setting besides; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("jupyter")
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", f"--ServerApp.port={port}"]
    environment = os.environ | {name: str(home / name) for name in OWN}
    environment |= {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "localhost,127.0.0.1"}
    environment |= {"WORKBENCH_HOME": str(home / "workbench"), "OMP_NUM_THREADS": "1", "WORKBENCH_SLOTS": "1"}
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={folder}"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        lab, end = f"http://localhost:{port}/lab", time.time() + PATIENCE / 1000
        while True:
            try:
                urllib.request.urlopen(lab, timeout=60).close()
                break
            except OSError:
                assert process.poll() is None and time.time() < end, (home / "log").read_text()[-2000:]
                time.sleep(0.3)
        yield lab
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """Return a tab to which only this machine answers; at the end, nothing has been asked of another host."""
    foreign: list[str] = []

    def guard(route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("localhost", "127.0.0.1"):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    context = chromium.new_context(viewport={"width": 1280, "height": 1400}, accept_downloads=True)
    context.route(re.compile("^(http|ws)"), guard)
    page = context.new_page()
    page.on("websocket", lambda socket: foreign.append(socket.url) if "//localhost" not in socket.url else None)
    page.set_default_timeout(PATIENCE)
    try:
        yield page
        assert foreign == []
    finally:
        context.close()


@pytest.fixture
def opened(tab: Page, address: str, folder: Path) -> Iterator[Callable[..., Page]]:
    """Yield a function that opens a notebook: a file, or the sources of its cells."""

    def open_notebook(name: str, *cells: str, file: Path | None = None) -> Page:
        if file is not None:
            shutil.copy(file, folder / name)
        elif cells:
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
            book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
            nbformat.write(book, folder / name)
        tab.goto(f"{address}/tree/{name}?reset")
        expect(tab.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
        expect(tab.get_by_text("| Idle")).to_be_visible()  # the kernel is there
        return tab

    yield open_notebook
    tab.evaluate(END_KERNELS)  # each holds workers of its own


@pytest.fixture
def run_all() -> Callable[[Page], None]:
    """Return a function that runs a notebook from top to bottom, and finds no error in it."""

    def run(tab: Page) -> None:
        tab.get_by_role("menuitem", name="Run", exact=True).click()
        tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        ended = """() => {
            const asked = [...document.querySelectorAll(".jp-CodeCell")]
            const said = asked.map((cell) => cell.querySelector(".jp-InputPrompt").textContent)
            const wrong = document.querySelector("[data-mime-type='application/vnd.jupyter.error']")
            return wrong || said.every((text) => /\\d/.test(text))
        }"""
        tab.wait_for_function(ended, timeout=2 * PATIENCE)
        wrong = tab.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
        assert not wrong, wrong[0][-2000:]
        assert tab.locator(".jp-Dialog").count() == 0

    return run


@pytest.fixture
def colors() -> Callable[[Locator], int]:
    """Return a function that counts the colors of what is seen."""

    def count(seen: Locator) -> int:
        return len(Image.open(io.BytesIO(seen.screenshot(timeout=20_000))).convert("RGB").getcolors(10**7))

    return count
