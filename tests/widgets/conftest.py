"""A widget in a real browser, as a page of Panel's shows it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import panel as pn
import pytest


@pytest.fixture(scope="module")
def served(chromium) -> Callable[..., AbstractContextManager[Any]]:
    """Return a context that serves a layout, and gives the tab at its address.

    ``tab.problems`` are the errors of its console, ``tab.foreign`` its requests to other hosts.
    """

    @contextmanager
    def serve(layout: Any, width: int, height: int, script: str = "") -> Iterator[Any]:
        with socket.socket() as probe:  # a free port
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        server = pn.serve(layout, port=port, show=False, threaded=True)
        tab = chromium.new_page(viewport={"width": width, "height": height})
        tab.problems, tab.foreign, tab.address = [], [], f"http://localhost:{port}/"
        tab.on("console", lambda m: tab.problems.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.on("request", lambda r: tab.foreign.append(r.url) if "localhost" not in r.url else None)
        if script:
            tab.add_init_script(script)
        try:
            tab.goto(tab.address)
            yield tab
        finally:
            tab.close()
            server.stop()

    return serve
