"""Pictures by a Chromium without a window, where there is one: every figure of a report, and a page as a whole.

The report's own script draws its figures, the same that stands behind its PNG and SVG buttons; so this needs neither a
driver nor a second way to draw.
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
    with tempfile.TemporaryDirectory(prefix="workbench-figures-") as place:
        page = Path(place) / "report.html"
        page.write_text(report, encoding="utf-8")
        options = ["--disable-gpu", "--window-size=1280,900", f"--virtual-time-budget={VIRTUAL}", "--dump-dom"]
        page_of_figures = _chromium([*options, f"{page.as_uri()}#draw"], place)
    found = _DRAWN.search(page_of_figures.decode("utf-8", errors="replace"))
    if found is None:
        raise LabError("Chromium did not draw the figures.", "Leave them out by --no-figures.")
    return {name: _blob(text) for name, text in json.loads(found[1]).items()}


def screenshot(address: str, width: int, height: int) -> bytes:
    """Return a picture (PNG) of what a page shows once it has loaded, `width` x `height` CSS pixels.

    Raises
    ------
    LabError
        If there is no Chromium, or it takes no picture.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-picture-") as place:
        picture = Path(place) / "picture.png"
        software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]  # 3-D without a GPU
        _chromium([*software, f"--window-size={width},{height}", f"--screenshot={picture}", address], place)
        if not picture.exists():
            raise LabError(f"Chromium took no picture of {address}.")
        return picture.read_bytes()


def _chromium(options: list[str], place: str) -> bytes:
    """Run a Chromium without a window and with a profile of its own in a folder; return what it prints."""
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise LabError(
            "There is no Chromium on this machine, so the figures were not drawn as files.",
            "Open report.html in any browser: each figure has a PNG and an SVG button. Or install Chromium.",
        )
    command = [browser, "--headless=new", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={place}/profile"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to sandbox root
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", *options]
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{browser} did not draw: {error}", "Leave figures out by --no-figures.") from None


def _blob(text: str) -> bytes:
    """Return the bytes of a picture: an SVG is text, a PNG came as a data address."""
    return text.encode() if not text.startswith("data:") else base64.b64decode(text.partition(",")[2])
