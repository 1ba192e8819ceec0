"""A workbench home of its own for each test, and a small web server that can be told to fail."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_DATA_MIRROR", raising=False)
    return tmp_path / "home"


class Site:
    """Files by path; `cut` breaks the next so many answers off in the middle; `ranges` can be switched off."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.cut = 0
        self.ranges = True
        self.url = ""


@pytest.fixture
def site():
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            site.asked.append((self.path, wanted))
            blob = site.files.get(self.path)
            if blob is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
            if start and start >= len(blob):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(blob) - start))
            self.end_headers()
            rest = blob[start:]
            if site.cut:
                site.cut -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
