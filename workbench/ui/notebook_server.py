"""The server inside a notebook's kernel: it serves what cells show, to this machine only.

JupyterLab reaches it through Jupyter's own server (``jupyter-server-proxy``), so behind its login and its address, from
a laptop as well as from a JupyterHub. Every page has a secret in its address, which stands in the notebook alone:
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
from html import escape
from typing import Any

import panel as pn
from panel.io.server import get_server
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

LOCAL = "127.0.0.1"
PATIENCE = 60  # seconds that a still picture may take to be drawn
# A page that Chromium takes a picture of once it has loaded: its image has not, before the frame says it is drawn.
STILL_PAGE = """<!doctype html><style>body { margin: 0 } iframe { border: 0; width: 100%; height: 100vh }</style>
<iframe src="../$SECRET?view=$KEY"></iframe><img alt="" hidden src="drawn?view=$KEY&wait=1">
<script>addEventListener("message", ({data}) => {
  if (data.workbench === "drawn") { fetch(`drawn?view=$KEY&height=${data.height}`) }
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
        self.secret = secrets.token_urlsafe(16)
        self._pages: dict[str, Callable[[], Any]] = {}
        self._heights: dict[str, int] = {}  # of what was drawn, CSS pixels
        self._keys = map(str, itertools.count(1))
        # Imported here and not by the first page: a page is told of the models that are known when it opens.
        for module in ("holoviews", "workbench_widgets", "panel.models.tabulator"):
            importlib.import_module(module)
        started = threading.Event()
        threading.Thread(target=self._run, args=[started], name="workbench-notebook", daemon=True).start()
        if not started.wait(PATIENCE):
            raise RuntimeError("The server for this notebook's views did not start.")

    def add(self, page: Callable[[], Any]) -> str:
        """Keep a function that builds a page's content, and return the page's key."""
        key = f"{next(self._keys)}-{secrets.token_hex(4)}"  # ids of two kernels may stand in one saved notebook
        self._pages[key] = page
        return key

    def still_address(self, key: str) -> str:
        """Return the address of a page that has loaded once its view is drawn."""
        return f"http://{LOCAL}:{self.port}/{self.secret}/still?view={key}"

    def height(self, key: str) -> int:
        """Return the height of a page that was drawn for `still_address`, CSS pixels."""
        return self._heights.get(key, 10**6)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        quiet = logging.getLogger("bokeh.server.util")
        level, quiet.level = quiet.level, logging.ERROR  # it warns of the "*": the secret stands in for the host's name
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
        self.port = server.port
        server.start()
        started.set()
        IOLoop.current().start()

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
    """Say that the kernel lives."""

    def get(self) -> None:
        self.set_header("Access-Control-Allow-Origin", "*")  # without Jupyter's proxy the page has another port
        self.set_header("Cache-Control", "no-store")
        self.set_status(204)


class _Still(_Handler):
    """Serve the page of which a picture is taken."""

    def get(self) -> None:
        key = escape(self.get_query_argument("view"))
        self.write(STILL_PAGE.replace("$SECRET", self.server.secret).replace("$KEY", key))


class _Drawn(_Handler):
    """Hear from a frame that it is drawn; with ``wait``, answer only then."""

    async def get(self) -> None:
        key, heights = self.get_query_argument("view"), self.server._heights
        if not self.get_query_argument("wait", ""):
            heights[key] = int(float(self.get_query_argument("height")))
        for _ in range(20 * PATIENCE):
            if key in heights:
                break
            await asyncio.sleep(0.05)
        self.set_status(204)


HANDLERS: dict[str, type[_Handler]] = {"alive": _Alive, "still": _Still, "drawn": _Drawn}
