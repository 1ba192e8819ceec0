"""A real server, a real Chromium, and one rule for every test: no console error, no request to another host."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from workbench.runs.store import open_store

ROOT = Path(__file__).parents[2]
PATIENCE = 90_000  # ms: two cores that also run the lab, maybe with other work beside
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the server's WORKBENCH_HOME; its store is there before the server, so that a test may put runs into it."""
    home = tmp_path_factory.mktemp("a home")
    open_store("", str(home))
    return home


@pytest.fixture(scope="session")
def server(server_home: Path) -> Iterator[str]:
    """Serve the workbench from an empty home; yields the page's address."""
    with serve(server_home, server_home / "server.log") as address:
        yield address


@pytest.fixture
def server_without_home(tmp_path: Path) -> Iterator[str]:
    """Serve the workbench from a home that cannot be made; yields the page's address."""
    (tmp_path / "file").write_text("")
    with serve(tmp_path / "file" / "home", tmp_path / "server.log") as address:
        yield address


@contextmanager
def serve(home: Path, log: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"WORKBENCH_HOME": str(home), "WORKBENCH_SLOTS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "panel", "serve", "workbench/app.py"]
    command += ["--port", str(port), "--address", "127.0.0.1"]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://localhost:{port}/app"
    try:
        _await(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _await(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.time() + 120
    while time.time() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(address, timeout=60).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the server did not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a new browser profile; all of them are watched for errors and foreign requests."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def watch(page: Page) -> None:
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.on("request", lambda request: _check_host(request.url, wrong))
        page.on("websocket", lambda websocket: _check_host(websocket.url, wrong))

    def enter(width: int = 1280, height: int = 900) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.on("page", watch)
        return context.new_page()

    yield enter
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong[:10])


def _check_host(url: str, wrong: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob") and parts.hostname not in ("localhost", "127.0.0.1"):
        wrong.append(f"foreign request: {url}")


@pytest.fixture
def page(visitor: Callable[..., Page]) -> Page:
    return visitor()


@pytest.fixture
def link(server: str) -> Callable[..., str]:
    """Return a function that makes an address: ``link(lab="rs", params={...})``."""

    def make(**parts: Any) -> str:
        texts = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in parts.items()}
        return f"{server}?{urlencode(texts)}" if texts else server

    return make


@pytest.fixture
def fits() -> Callable[[Page, tuple[str, ...]], None]:
    """Return a function that opens tab after tab, and finds none that scrolls the page sideways."""

    def look(page: Page, tabs: tuple[str, ...]) -> None:
        for tab in tabs:
            page.get_by_role("tab", name=tab, exact=True).click()
            expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
            expect(page.get_by_text("Drawing …")).to_have_count(0)
            page.wait_for_timeout(500)
            over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(over) <= 0, tab

    return look
