"""Buttons that open the shown run in a desktop viewer.

The window is one of the machine that the workbench runs on; so only a page of that same machine offers it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import tempfile
from html import escape

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.runs.record import Run
from workbench.ui import style
from workbench.ui.deferred import soon
from workbench.ui.errors import error_html
from workbench.viewers import has_screen

PROGRAMS = {"napari": "napari", "open3d": "Open3D"}
HERE = ("localhost", "127.0.0.1", "::1", "[::1]", "")
PATIENCE = 6  # seconds in which a window that cannot open has said so
HEAD = '<p class="small" style="margin-top:12px"><strong>Open</strong> in a window of its own, on this machine.</p>'


def obstacle(viewer: str, hostname: str) -> str:
    """Return why a viewer cannot open a window that the user sees; nothing if it can.

    Parameters
    ----------
    viewer
        A name that a lab's ``viewers`` gives; the package has the same name.
    hostname
        Of the page's address, as the browser knows it.
    """
    if importlib.util.find_spec(viewer) is None:
        return f"{PROGRAMS.get(viewer, viewer)} is not installed: `make desktop` installs it."
    if hostname not in HERE:
        return f"The window would open on {hostname}, where the workbench runs, and not on your screen."
    if not has_screen():
        return "The machine that the workbench runs on has no screen (no DISPLAY is set)."
    return ""


class DesktopButtons:
    """The buttons; hidden for a run whose lab has no viewers."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._buttons = pn.FlexBox(gap="8px")
        self._why = style.html()
        self._word = style.html()
        parts = (style.html(HEAD), self._buttons, self._why, self._word)
        self.layout = pn.Column(*parts, sizing_mode="stretch_width", margin=0, visible=False)

    def show(self, run: Run) -> None:
        """Be about this run from now on; which viewers it has is found beside the page's own work."""
        self._run = run
        self.layout.visible, self._word.object = False, ""
        soon(self._look)

    async def _look(self) -> None:
        run = self._run
        try:
            names = await asyncio.to_thread(lambda: list(get_lab(run.lab).viewers(run)))
        except Exception:  # a lab that is gone, or data that is: the rest of the page tells
            names = []
        if run is not self._run:
            return
        location = pn.state.location
        reasons = {name: obstacle(name, (location and location.hostname) or "") for name in names}
        self._buttons.objects = [self._button(name, reason) for name, reason in reasons.items()]
        told = dict.fromkeys(filter(None, reasons.values()))
        self._why.object = "".join(
            f'<p class="small soft" style="margin-top:8px">{escape(reason)}</p>' for reason in told
        )
        self.layout.visible = bool(names)

    def _button(self, name: str, reason: str) -> pmui.Button:
        button = pmui.Button(
            label=f"Open in {PROGRAMS.get(name, name)}",
            icon="open_in_new",
            variant="outlined",
            size="small",
            margin=0,
            disabled=bool(reason),
        )
        button.on_click(lambda _event: soon(lambda: self.open(name)))
        return button

    async def open(self, name: str) -> None:
        """Open the window in a process of its own, and say what is wrong if it ends at once."""
        self._word.object = f'<p class="small" role="status">{PROGRAMS.get(name, name)} opens …</p>'
        command = [sys.executable, "-m", "workbench.cli", "view", self._run.id, "--in", name]
        with tempfile.TemporaryFile("w+", errors="replace") as said:  # a pipe that nobody empties would stop the window
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
            for _ in range(int(10 * PATIENCE)):
                if process.poll() is not None:
                    break
                await asyncio.sleep(0.1)
            if process.poll():
                said.seek(0)
                cause, _, hint = said.read().strip()[-1000:].partition("\n")
                error = LabError(cause or f"It ended with {process.returncode}.", hint)
                self._word.object = error_html(error, f"opening {PROGRAMS.get(name, name)}")
                return
        self._word.object = ""
