"""Figures and screenshots, drawn by a headless Chromium.

The report's own script draws its figures, the same that stands behind its PNG and SVG buttons; so this needs neither a
driver nor a second way to draw.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.doctor import CHROMIUM

VIRTUAL = 10_000_000  # milliseconds of a clock that leaps from timer to timer: as many looks for the end of the drawing
PATIENCE = 300  # seconds; a busy machine without a graphics card takes its time
PATIENCE_PICTURE = 90  # seconds; somebody waits for it
INSTALL = "Open report.html in any browser: each figure has a PNG and an SVG button. Or install Chromium."
LEAVE_OUT = "Leave figures out by --no-figures."
_DRAWN = re.compile(r'<script type="application/json" id="drawn">(.*?)</script>', re.DOTALL)


def draw(report: str) -> dict[str, bytes]:
    """Return file name -> picture of every figure of a report, on white.

    Raises
    ------
    LabError
        If there is no Chromium, or it does not draw.
    """
    with _folder() as place:
        options = ["--disable-gpu", "--window-size=1280,900", f"--virtual-time-budget={VIRTUAL}", "--dump-dom"]
        printed = _chromium(options, report, "#draw", place, PATIENCE)
    found = _DRAWN.search(printed)
    if found is None:
        raise LabError("Chromium did not draw the figures.", LEAVE_OUT)
    return {name: _blob(text) for name, text in json.loads(found[1]).items()}


def screenshot(page: str, width: int, height: int) -> bytes:
    """Return a picture (PNG) of what a page (HTML) shows once it has loaded, `width` x `height` CSS pixels.

    Raises
    ------
    LabError
        If there is no Chromium, or it takes no picture.
    """
    with _folder() as place:
        picture = Path(place) / "picture.png"
        software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]  # 3-D without a GPU
        options = [*software, f"--window-size={width},{height}", f"--screenshot={picture}"]
        _chromium(options, page, "", place, PATIENCE_PICTURE)
        if not picture.exists():
            raise LabError("Chromium took no picture.")
        return picture.read_bytes()


def _folder() -> tempfile.TemporaryDirectory:
    """Return a folder for one Chromium; what its children still write to it as it is removed is no error."""
    return tempfile.TemporaryDirectory(prefix="workbench-figures-", ignore_cleanup_errors=True)


def _chromium(options: list[str], page: str, fragment: str, place: str, patience: float) -> str:
    """Open a page (HTML) in a Chromium without a window, with a profile of its own; return what it prints.

    The page is a file that only this user can read: the list of processes shows every user the addresses in commands.
    """
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise LabError("There is no Chromium on this machine, so no picture was drawn as a file.", INSTALL)
    file = Path(place) / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [browser, "--headless=new", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={place}/profile"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to sandbox root
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", *options]
    try:
        process = subprocess.Popen(
            [*command, f"{file.as_uri()}{fragment}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise LabError(f"{browser} did not start: {error}", LEAVE_OUT) from None
    try:
        return process.communicate(timeout=patience)[0].decode("utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise LabError(f"{browser} did not draw within {patience:.0f} s.", LEAVE_OUT) from None


def _blob(text: str) -> bytes:
    """Return the bytes of a picture: an SVG is text, a PNG came as a data address."""
    return text.encode() if not text.startswith("data:") else base64.b64decode(text.partition(",")[2])
