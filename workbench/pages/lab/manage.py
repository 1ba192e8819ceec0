"""Management of the shown run: star, name, tags, note and trash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.runs import manage
from workbench.runs.record import Run
from workbench.runs.store import Store, open_store
from workbench.ui import style
from workbench.ui.errors import error_html

# the label of a text area would stand in its text, which comes after it
LABEL = {
    ".MuiInputLabel-root": {
        "transform": "translate(10px, -9px) scale(0.75)",
        "backgroundColor": "background.default",
        "padding": "0 5px",
    }
}


class ManagePanel:
    """Shows how a run is kept, and lets its user change that.

    Parameters
    ----------
    kept
        Called with the run as it is after each change.
    """

    def __init__(self, kept: Callable[[Run], Any]):
        self._kept, self._run = kept, None
        small: dict[str, Any] = {"size": "small", "margin": 0}
        line = {**small, "sizing_mode": "stretch_width", "max_width": 560}
        self._said, self._wrong = style.html(), style.html()
        self._star = pmui.Button(label="Star", icon="star_border", variant="text", on_click=self._turn, **small)
        self._edit = pmui.Button(label="Name, tags, note", icon="edit", variant="text", on_click=self._open, **small)
        self._trash = pmui.Button(label="Move to trash", icon="delete", variant="text", on_click=self._throw, **small)
        self._name = pmui.TextInput(label="Name", **line)
        self._tags = pmui.TextInput(label="Tags: short words with spaces between", **line)
        self._note = pmui.TextAreaInput(label="Note", auto_grow=True, max_rows=8, sx=LABEL, **line)
        self._save = pmui.Button(label="Save", icon="check", variant="outlined", on_click=self._write, **small)
        self._fields = pn.Column(
            self._name, self._tags, self._note, self._save,
            sizing_mode="stretch_width", margin=(6, 0, 10, 0), visible=False, styles={"gap": "12px"},
        )  # fmt: skip
        buttons = pn.FlexBox(self._star, self._edit, self._trash, gap="4px", sizing_mode="stretch_width", margin=(4, 0))
        self.layout = pn.Column(
            self._said, buttons, self._wrong, self._fields, sizing_mode="stretch_width", margin=0, visible=False
        )

    def show(self, run: Run) -> None:
        """Show how a run is kept; the recorded one belongs to its lab, so there is nothing to change."""
        if self._run is None or self._run.id != run.id:
            self._fields.visible, self._wrong.object = False, ""
        self._run = run
        self.layout.visible = run.status != "recorded"
        self._star.label = "Starred" if run.star else "Star"
        self._star.icon = "star" if run.star else "star_border"
        self._trash.label = "Restore" if run.trashed else "Move to trash"
        self._trash.icon = "restore_from_trash" if run.trashed else "delete"
        self._star.visible = self._edit.visible = not run.trashed
        self._said.object = kept_html(run)

    def _open(self, _event: Any) -> None:
        run = self._run
        self._name.value, self._tags.value, self._note.value = run.name, " ".join(run.tags), run.note
        self._fields.visible = not self._fields.visible

    async def _turn(self, _event: Any) -> None:
        run = self._run
        await self._do(lambda store: manage.star(store, run.id, not run.star))

    async def _throw(self, _event: Any) -> None:
        run = self._run
        await self._do(lambda store: (manage.restore if run.trashed else manage.trash)(store, run.id))
        self._fields.visible = False

    async def _write(self, _event: Any) -> None:
        run_id, name, tags, note = self._run.id, self._name.value, self._tags.value, self._note.value

        def write(store: Store) -> Run:
            manage.set_tags(store, run_id, (tags or "").replace(",", " ").split())
            manage.write_note(store, run_id, note or "")
            return manage.rename(store, run_id, name or "")

        if await self._do(write):
            self._fields.visible = False

    async def _do(self, act: Callable[[Store], Run]) -> bool:
        """Change something off the page's thread, and show the run as it is then."""
        self._wrong.object = ""
        try:
            run = await asyncio.to_thread(lambda: act(open_store()))
        except LabError as error:
            self._wrong.object = error_html(error, "keeping this run")
            return False
        self.show(run)
        self._kept(run)
        return True


def kept_html(run: Run) -> str:
    """Return a run's tags and note, and whether it lies in the trash; nothing for a run without any."""
    parts = []
    if run.trashed:
        parts.append('<p role="status"><strong>This run lies in the trash.</strong> Restore it to go on with it.</p>')
    if run.tags:
        parts.append(
            f'<p class="row small">{"".join(f"<span class=chip>{escape(tag)}</span>" for tag in run.tags)}</p>'
        )
    if run.note:
        parts.append(f'<p class="small" style="white-space:pre-wrap">{escape(run.note)}</p>')
    return f'<div style="padding-top:8px">{"".join(parts)}</div>' if parts else ""
