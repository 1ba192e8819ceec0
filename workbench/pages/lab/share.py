"""Sharing of the shown run: a link, a command line, and files to save."""

from __future__ import annotations

import asyncio
import functools
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.pages.lab.desktop import DesktopButtons
from workbench.runs.record import Run
from workbench.runs.reproduce import command_line, notebook
from workbench.transfer.bundle import file_name
from workbench.transfer.export import table_pieces, zip_of
from workbench.ui import style
from workbench.ui.address import Address, Place
from workbench.ui.errors import error_html

Maker = Callable[[Run, Path], tuple[str, bytes]]  # (run, a folder to work in) -> name and content of a file
WIDE = {"sizing_mode": "stretch_width"}
WHOLE = "* { max-height: none; }"  # Panel gives a column the window's height at most
SHARE = '<p class="small"><strong>Share</strong>: the link restores exactly what you see.</p>'
KEEP = '<p class="small" style="margin-top:12px"><strong>Keep</strong>: the files need no workbench.</p>'
REFUSED = "The browser does not let a page copy"


class SharePanel:
    """The button beside the shown run, and what it opens.

    Parameters
    ----------
    place
        Returns where the user is, with everything that a link restores.
    address
        Copies to the clipboard.
    """

    def __init__(self, place: Callable[[], Place], address: Address):
        self._place, self._address = place, address
        self._run: Run | None = None
        self._kept = tempfile.TemporaryDirectory(prefix="workbench-take-")  # what was made, until the page closes
        self._open = pmui.Button(label="Take home", icon="ios_share", variant="outlined", size="small", margin=(4, 0))
        self._open.on_click(self._toggle)
        self._link = pmui.TextInput(label="Link", size="small", visible=False, **WIDE, margin=(8, 0))
        self._line = style.html()
        self._word = style.html()
        self._sender = pmui.FileDownload(file=io.BytesIO(), filename="run", styles={"display": "none"})
        copies = pn.FlexBox(
            self._button("Copy link", "link", self._copy_link),
            self._button("Copy command line", "terminal", self._copy_line),
            gap="8px",
        )
        sends = {label: functools.partial(self._send, label, make) for label, make in FILES.items()}
        files = pn.FlexBox(*(self._button(label, "download", send) for label, send in sends.items()), gap="8px")
        self._windows = DesktopButtons()
        self._panel = pn.Column(
            style.html(SHARE),
            copies,
            self._link,
            self._line,
            style.html(KEEP),
            files,
            self._word,
            self._windows.layout,
            self._sender,
            **WIDE,
            margin=(4, 0, 12, 0),
            visible=False,
            stylesheets=[WHOLE],
        )
        self.layout = pn.Column(self._open, self._panel, **WIDE, margin=0, visible=False, stylesheets=[WHOLE])

    def _button(self, label: str, icon: str, call: Callable[[Any], Any]) -> pmui.Button:
        button = pmui.Button(label=label, icon=icon, variant="outlined", size="small", margin=0)
        button.on_click(call)
        return button

    def show(self, run: Run) -> None:
        """Be about this run from now on."""
        self._run = run
        self._link.visible = False
        self._word.object = ""
        self._line.object = f'<pre aria-label="Command line">{escape(command_line(run))}</pre>'
        self.layout.visible = True
        if self._panel.visible:
            self._windows.show(run)

    def _toggle(self, _event: Any) -> None:
        self._panel.visible = not self._panel.visible
        if self._panel.visible:
            self._windows.show(self._run)
        self._open.variant = "contained" if self._panel.visible else "outlined"

    # -- to the clipboard ------------------------------------------------------------------------------

    def _copy_link(self, _event: Any) -> None:
        self._address.copy(self._place().search, self._copied_link)

    def _copied_link(self, text: str, done: bool) -> None:
        self._link.param.update(value=text, visible=True)
        self._say("The link is copied." if done else f"{REFUSED}: take the link from the field.")

    def _copy_line(self, _event: Any) -> None:
        def told(_text: str, done: bool) -> None:
            self._say("The command line is copied." if done else f"{REFUSED}: select the line.")

        self._address.copy(command_line(self._run), told)

    def _say(self, words: str) -> None:
        self._word.object = f'<p class="small" role="status">{escape(words)}</p>'

    # -- files -----------------------------------------------------------------------------------------

    async def _send(self, label: str, make: Maker, _event: Any) -> None:
        """Make a file beside the page's own work, and send it."""
        self._say(f"Making: {label} …")
        try:
            name, blob = await asyncio.to_thread(make, self._run, Path(self._kept.name))
        except Exception as error:  # a lab's views may fail in any way
            self._word.object = error_html(error, f"making this file: {label}")
            return
        self._sender.data = None  # the same file a second time is a change too
        self._sender.param.update(file=io.BytesIO(blob), filename=name)
        self._sender.transfer(download=True)
        self._say(f"{name} ({style.size(len(blob))}) is in your downloads.")


def _exported(run: Run, place: Path, suffix: str) -> Path:
    """Export a run in a process of its own: drawing is no work for threads of the server."""
    target = place / f"{run.id}-{run.seconds}" / f"{file_name(run)}{suffix}"  # a resumed run has other files
    if not target.exists():
        command = [sys.executable, "-m", "workbench.cli", "export", run.id, "--to", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            cause, _, hint = done.stderr.strip().partition("\n")
            raise LabError(cause or "The export ended without a word.", hint)
    return target


def _report(run: Run, place: Path) -> tuple[str, bytes]:
    path = _exported(run, place, ".html")
    return path.name, path.read_bytes()


def _zip(run: Run, place: Path) -> tuple[str, bytes]:
    path = _exported(run, place, ".zip")
    return path.name, path.read_bytes()


def _figures(run: Run, place: Path) -> tuple[str, bytes]:
    with zipfile.ZipFile(_exported(run, place, ".zip")) as box:
        names = [name for name in box.namelist() if name.startswith("figures/")]
        found = {name.removeprefix("figures/"): box.read(name) for name in names}
    if "README.txt" in found:
        raise LabError(found["README.txt"].decode().strip())
    if not found:
        raise LabError("This run has no figures.", "The zip holds what it has.")
    return f"{file_name(run)}-figures.zip", zip_of(iter(found.items()))


def _tables(kind: str) -> Maker:
    def make(run: Run, _place: Path) -> tuple[str, bytes]:
        found = {name.partition("/")[2]: piece for name, piece in table_pieces(run, kind)}
        if not found:
            raise LabError("This run has no tables.", "The zip holds what it has.")
        return f"{file_name(run)}-{kind}.zip", zip_of(iter(found.items()))

    return make


def _notebook(run: Run, _place: Path) -> tuple[str, bytes]:
    return f"{file_name(run)}.ipynb", notebook(run).encode()


FILES: dict[str, Maker] = {
    "Report (HTML)": _report,
    "All of it (zip)": _zip,
    "Tables (CSV)": _tables("csv"),
    "Tables (Parquet)": _tables("parquet"),
    "Figures (PNG, SVG)": _figures,
    "Notebook": _notebook,
}
