"""What benchmarks share: contestants in turns, and a page of Panel's to look at."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

ROOT = Path(__file__).parents[1]


def in_turns(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median of the processor seconds of each; once more before, uncounted."""
    spent = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            began = time.process_time()
            work()
            if turn:
                spent[name].append(time.process_time() - began)
    return {name: median(values) for name, values in spent.items()}


@contextmanager
def served(folder: Path, app: str, *arguments: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run a script that serves ``/ours`` and a peer's page; yield their address and the server's process.

    The script gets `arguments` and the port.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "app.py").write_text(app)
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        command = [sys.executable, str(folder / "app.py"), *arguments, str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://localhost:{port}/ours", timeout=60).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://localhost:{port}", psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)
