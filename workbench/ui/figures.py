"""Every figure of a report as PNG and SVG: drawn by a Chromium without a window, where there is one.

The report's own script draws them, the same that stands behind its PNG and SVG buttons; so this needs neither a driver
nor a second way to draw.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from workbench.doctor import CHROMIUM
from workbench.lab import LabError

VIRTUAL = 10_000_000  # milliseconds of a clock that leaps from timer to timer: as many looks for the end of the drawing
PATIENCE = 300  # seconds; a busy machine without a graphics card takes its time
_DRAWN = re.compile(r'<script type="application/json" id="drawn">(.*?)</script>', re.DOTALL)


def draw(report: str) -> dict[str, bytes]:
    """Return file name -> picture of every figure of a report, on white.

    Raises
    ------
    LabError
        If there is no Chromium, or it does not draw.
    """
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise LabError(
            "There is no Chromium on this machine, so the figures were not drawn as files.",
            "Open report.html in any browser: each figure has a PNG and an SVG button. Or install Chromium.",
        )
    with tempfile.TemporaryDirectory(prefix="workbench-figures-") as place:
        page = Path(place) / "report.html"
        page.write_text(report, encoding="utf-8")
        command = [browser, "--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        command += ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to sandbox root
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={place}/profile", "--window-size=1280,900"]
        command += [f"--virtual-time-budget={VIRTUAL}", "--dump-dom", f"{page.as_uri()}#draw"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{browser} did not draw the figures: {error}", "Leave them out by --no-figures.") from None
    found = _DRAWN.search(done.stdout.decode("utf-8", errors="replace"))
    if found is None:
        raise LabError(f"{browser} did not draw the figures.", "Leave them out by --no-figures.")
    return {name: _blob(text) for name, text in json.loads(found[1]).items()}


def _blob(text: str) -> bytes:
    """Return the bytes of a picture: an SVG is text, a PNG came as a data address."""
    return text.encode() if not text.startswith("data:") else base64.b64decode(text.partition(",")[2])
