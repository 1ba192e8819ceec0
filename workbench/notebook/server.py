"""The server inside a notebook's kernel: it serves what cells show, to this machine only.

JupyterLab reaches it through Jupyter's own server (``jupyter-server-proxy``), so behind its login and its address, from
a laptop as well as from a JupyterHub. Every page has a secret in its address, which the notebook alone is given:
another user of this machine, or a page of another site, cannot open it.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import itertools
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

import panel as pn
from panel.io.server import get_server
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler

from workbench.contract.errors import LabError

LOCAL = "127.0.0.1"
PATIENCE = 60  # seconds that a still picture may take to be drawn
MOST = 50  # pages that are kept: each holds a run with its result, and a cell may be run many times
# Chromium takes its picture once a page has loaded, and so waits for the hidden image, which is answered only when the
# frame has reported that it is drawn.
STILL_PAGE = """<!doctype html><style>body { margin: 0 } iframe { border: 0; width: 100%; height: 100vh }</style>
<iframe src="$PAGE?view=$KEY"></iframe><img alt="" hidden src="$PAGE/drawn?view=$KEY&wait=1">
<script>addEventListener("message", ({data}) => {
  if (data.workbench === "drawn") { new Image().src = `$PAGE/drawn?view=$KEY&height=${data.height}` }
})</script>"""


class NotebookServer:
    """Pages of this kernel, one for each cell that shows something.

    Attributes
    ----------
    port
        Where it listens, on the loopback interface.
    secret
        The first part of every path.
    """

    def __init__(self) -> None:
        self.port = 0
        self.error: Exception | None = None
        self.secret = secrets.token_urlsafe(16)
        self._pages: dict[str, Callable[[], Any]] = {}
        self._heights: dict[str, int] = {}  # of what was drawn, CSS pixels
        self._keys = map(str, itertools.count(1))
        # Imported here and not by the first page: a page is told of the models that are known when it opens.
        for module in ("holoviews", "workbench_widgets", "panel.models.tabulator"):
            importlib.import_module(module)
        started = threading.Event()
        threading.Thread(target=self._run, args=[started], name="workbench-notebook", daemon=True).start()
        if not started.wait(PATIENCE) or self.error is not None:
            raise LabError(f"The server for this notebook's pictures did not start: {self.error}")

    def add(self, page: Callable[[], Any]) -> str:
        """Keep a function that builds a page's content, and return the page's key."""
        key = f"{next(self._keys)}-{secrets.token_hex(4)}"  # ids of two kernels may stand in one saved notebook
        self._pages[key] = page
        for old in list(self._pages)[:-MOST]:
            del self._pages[old]
        return key

    def still_page(self, key: str) -> str:
        """Return a page (HTML) that has loaded once the view is drawn."""
        address = f"http://{LOCAL}:{self.port}/{self.secret}"
        return STILL_PAGE.replace("$PAGE", address).replace("$KEY", key)

    def height(self, key: str) -> int | None:
        """Return the height of what was drawn for `still_page`, CSS pixels; None if it was not drawn in time."""
        return self._heights.get(key)

    def _run(self, started: threading.Event) -> None:
        try:
            server = self._server()
        except Exception as error:  # told by the thread that waits
            self.error = error
            started.set()
            return
        self.port = server.port
        server.start()
        started.set()
        IOLoop.current().start()

    def _server(self) -> Any:
        """Return the server of this thread, on a free port."""
        asyncio.set_event_loop(asyncio.new_event_loop())
        quiet = logging.getLogger("bokeh.server.util")
        level, quiet.level = quiet.level, logging.ERROR  # it warns of the "*"; the secret is the guard
        handlers = [(f"/{self.secret}/{name}", kind, {"server": self}) for name, kind in HANDLERS.items()]
        server = get_server(
            {f"/{self.secret}": self._page},
            title={f"/{self.secret}": "Workbench"},
            address=LOCAL,
            port=0,
            websocket_origin="*",
            use_index=False,  # it would name the secret
            extra_patterns=handlers,
            websocket_max_message_size=256 * 1024**2,
            start=False,
            show=False,
        )
        quiet.level = level
        return server

    def _page(self) -> Any:
        key = pn.state.session_args.get("view", [b""])[0].decode()
        page = self._pages.get(key)
        return page() if page else pn.pane.HTML("<p>This view is not known to the kernel.</p>")


@functools.cache
def notebook_server() -> NotebookServer:
    """Return the one server of this kernel, started when it is first asked for."""
    return NotebookServer()


class _Handler(RequestHandler):
    def initialize(self, server: NotebookServer) -> None:
        self.server = server


class _Alive(_Handler):
    """Handler that reports that the kernel is alive."""

    def get(self) -> None:
        self.set_header("Access-Control-Allow-Origin", "*")  # without Jupyter's proxy the page has another port
        self.set_header("Cache-Control", "no-store")
        self.set_status(204)


class _Drawn(_Handler):
    """Record that a frame is drawn, and its height; with ``wait``, answer only then."""

    async def get(self) -> None:
        key, heights = self.get_query_argument("view"), self.server._heights
        height = self.get_query_argument("height", "")
        if key not in self.server._pages or not (height.isdecimal() or self.get_query_argument("wait", "")):
            raise HTTPError(404)
        if height:
            heights[key] = int(height)
        for _ in range(20 * PATIENCE):
            if key in heights:
                break
            await asyncio.sleep(0.05)
        self.set_status(204)


HANDLERS: dict[str, type[_Handler]] = {"alive": _Alive, "drawn": _Drawn}
