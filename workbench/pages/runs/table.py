"""The runs table, of one lab or of all."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import AnyWidgetComponent

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.engine.fairness import account
from workbench.pages.access import user_name
from workbench.pages.runs.filter import FilterBar, read, switch, written
from workbench.pages.runs.rows import CSS, table_html
from workbench.runs import manage
from workbench.runs.search import MOST, Page, Query, Where, list_page, others_ran, unknown_fields
from workbench.runs.store import open_store
from workbench.ui import style
from workbench.ui.deferred import soon
from workbench.ui.errors import error_html
from workbench_widgets.module import SelfContained

if TYPE_CHECKING:
    from workbench.pages.navigation import Navigation

Act = Callable[[Any, str], Any]
"""Something done to one run: ``act(store, run_id)``."""


class RunsList(SelfContained, AnyWidgetComponent):
    """Shows the table's HTML, and hears what is ticked and starred."""

    html = param.String("", doc="The table.")
    heard = param.List([], doc="What the user did, the newest last: [time (ms), verb, run id, on].")

    _esm = Path(__file__).with_name("table.js")


class RunsTable:
    """A page of runs, and what can be done with the ticked ones.

    Parameters
    ----------
    shell
        The session, whose address says what is listed.
    lab
        Show only this lab's runs, with a column for each of its first metrics.
    """

    def __init__(self, shell: Navigation, lab: Lab | None = None):
        self._shell, self._lab = shell, lab
        self.filter: dict[str, Any] = {}  # what is listed, as the address says it
        self._page = Page(())
        self._before: dict[str, str] = {}  # token of a page -> token of the page before it
        self._ticked: dict[str, str] = {}  # ids of the ticked runs -> their names
        self._thrown: list[str] = []  # what Undo brings back
        self._others = False
        self._heard = 0  # when the user did what we know of
        self._me, self._known = user_name() or account(), bool(user_name())
        self._bar = FilterBar(lambda query: shell.visit(self._place(query)), lab)
        self._note = style.html()
        self._said = style.html()
        self._table = RunsList(stylesheets=[style.CSS, CSS], sizing_mode="stretch_width", margin=0)
        self._table.param.watch(self._hear, "heard")
        self._more = style.html()
        button = functools.partial(pmui.Button, size="small", variant="outlined", margin=0)
        self._compare = button(label="Compare", icon="compare_arrows", on_click=lambda _: shell.compare(self.ticked))
        self._buttons = {
            "Star": button(label="Star", icon="star", on_click=self._doing(manage.star)),
            "Trash": button(label="Move to trash", icon="delete", on_click=self._trash),
            "Restore": button(label="Restore", icon="restore_from_trash", on_click=self._doing(manage.restore)),
            "Delete": button(label="Delete for good", icon="delete_forever", on_click=self._ask),
        }
        self._word = pmui.TextInput(label="Tag or group", size="small", width=150, margin=0)
        self._tag = button(
            label="Tag", icon="sell", on_click=self._naming(lambda s, i, w: manage.add_tags(s, i, w.split()))
        )
        self._group = button(label="Group", icon="folder", on_click=self._naming(manage.put_in_group))
        self._undo = button(label="Undo", icon="undo", visible=False, on_click=self._take_back)
        self._sure = button(label="Yes, delete for good", color="error", visible=False, on_click=self._delete)
        self._keep = button(label="Keep", visible=False, on_click=lambda _: self._asked(False))
        acts = (self._compare, *self._buttons.values(), self._word, self._tag, self._group)
        row: dict[str, Any] = {"gap": "8px", "align_items": "center", "sizing_mode": "stretch_width"}
        self._acts = pn.FlexBox(*acts, margin=(12, 0, 6, 0), **row)
        after = pn.FlexBox(self._undo, self._sure, self._keep, margin=(0, 0, 6, 0), **row)
        parts = (self._bar.layout, self._note, self._acts, self._said, after, self._table, self._more)
        self.layout = pn.Column(*parts, sizing_mode="stretch_width", margin=0)
        self._count()

    @property
    def ticked(self) -> list[str]:
        """The ids of the ticked runs, in the order in which they were ticked."""
        return list(self._ticked)

    # -- what is listed ------------------------------------------------------------------------------

    def arrive(self, filter: dict[str, Any]) -> None:
        """Take over what the address says is listed; `refresh` shows it."""
        if filter != self.filter:
            self.filter = filter
            self._ticked.clear()
            self._asked(False)

    async def refresh(self) -> None:
        """Read the store again, beside the page's own work."""
        filter = self.filter
        try:
            query = read(filter, self._lab)
            self._others, page = await asyncio.to_thread(self._read, query)
        except LabError as error:
            self._note.object = error_html(error, "listing the runs")
            self._table.html, self._more.object = "", ""
            return
        if filter is not self.filter:
            return  # the user has moved on meanwhile
        self._page = page
        self._bar.show(query, self._link, self._whose(query))
        self._note.object = "" if page.runs else f'<p class="soft">{self._nothing(query)}</p>'
        names = {run.id: run.name for run in page.runs}
        self._ticked = {run_id: names[run_id] for run_id in self._ticked if run_id in names}
        listed = table_html(page.runs, query, self._link, self._ticked, self._lab)
        self._table.html = listed if page.runs else ""
        self._more.object = self._steps(query)
        self._count(query.trash)

    def _read(self, query: Query) -> tuple[bool, Page]:
        store = open_store()
        others = others_ran(store, self._me)
        if not self._everybody and others:
            query = replace(query, where=(*query.where, Where("user", "=", self._me)))
        return others, list_page(store, query, str(self.filter.get("page", "")))

    @property
    def _everybody(self) -> bool:
        """Return True if everybody's runs are listed: chosen, else so for a visitor who has not logged in."""
        return self.filter.get("whose", "" if self._known else "everybody") == "everybody"

    def _place(self, query: Query, **more: Any) -> Any:
        """Return the place of another list, from its first page on."""
        whose = {"everybody": True, "mine": False}.get(self.filter.get("whose", ""))
        return self._shell.here.but(filter={**written(query, whose), **more})

    def _link(self, query: Query) -> str:
        return self._place(query).search or "?"

    def _whose(self, query: Query) -> str:
        if not self._others:
            return ""
        words = (("Mine", "mine", not self._everybody), ("Everybody's", "everybody", self._everybody))
        return "".join(switch(word, on, self._place(query, whose=whose).search) for word, whose, on in words)

    def _nothing(self, query: Query) -> str:
        if query.where or query.starred or self.filter.get("page"):
            cut = f" among the {MOST:,} runs looked at" * self._page.cut
            return f"No run fits{cut}. {style.escape(unknown_fields(query.where, self._lab))}"
        return "The trash is empty." if query.trash else "No runs yet. Open a lab and press Run."

    def _steps(self, query: Query) -> str:
        """Return links to the pages before and after, and which runs these are."""
        token, start = str(self.filter.get("page", "")), self.filter.get("from", 0)
        start = start if isinstance(start, int) else 0
        count, parts = len(self._page.runs), []
        if token:
            before = self._before.get(token, "")
            to = {"page": before, "from": max(0, start - query.size)} if before else {}
            word = "Previous" if before or start <= query.size else "First page"
            parts.append(f'<a href="{style.escape(self._place(query, **to).search)}">← {word}</a>')
        if count:
            parts.append(
                f"<span>{start + 1}–{start + count}{' of more' if self._page.next else f' of {start + count}'}</span>"
            )
        if self._page.cut:
            parts.append(f"<span>{MOST:,} runs were looked at.</span>")
        if self._page.next:
            self._before[self._page.next] = token
            to = {"page": self._page.next, "from": start + count}
            word = "Look further" if self._page.cut else "Next"
            parts.append(f'<a href="{style.escape(self._place(query, **to).search)}">{word} →</a>')
        return f'<nav class="row" aria-label="Pages" style="gap:18px;padding:14px 0">{"".join(parts)}</nav>'

    # -- what is done --------------------------------------------------------------------------------

    def _hear(self, event: Any) -> None:
        for when, verb, run_id, on in event.new:
            if when > self._heard:
                self._heard = when
                self._act(verb, run_id, on)

    def _act(self, verb: str, run_id: str, on: bool) -> None:
        if verb == "star":
            soon(functools.partial(self._do, lambda store, run_id: manage.star(store, run_id, bool(on)), [run_id]))
            return
        known = {run.id: run.name for run in self._page.runs}
        for key in known if verb == "all" else [run_id] if run_id in known else []:
            if on:
                self._ticked[key] = known[key]
            else:
                self._ticked.pop(key, None)
        self._count(bool(self.filter.get("trash")))

    def _count(self, trash: bool = False) -> None:
        """Show what the buttons would do."""
        chosen = len(self._ticked)
        self._compare.disabled = chosen < 2
        self._compare.label = f"Compare {chosen} runs" if chosen > 1 else "Compare: tick two runs or more"
        for name, button in self._buttons.items():
            button.visible = bool(chosen) and trash == (name in ("Restore", "Delete"))
        for widget in (self._word, self._tag, self._group):
            widget.visible = bool(chosen) and not trash
        self._compare.visible = not trash
        self._acts.visible = bool(self._page.runs)

    def _doing(self, act: Act) -> Callable[[Any], Any]:
        async def clicked(_event: Any) -> None:
            await self._do(act, self.ticked)

        return clicked

    def _naming(self, act: Callable[[Any, str, str], Any]) -> Callable[[Any], Any]:
        async def clicked(_event: Any) -> None:
            word = (self._word.value_input or self._word.value or "").strip()
            if await self._do(lambda store, run_id: act(store, run_id, word), self.ticked):
                self._word.value = ""

        return clicked

    async def _do(self, act: Act, run_ids: list[str]) -> bool:
        """Do something to some runs off the page's thread, then show what is there; say what went wrong."""

        def work() -> None:
            for run_id in run_ids:
                act(open_store(), run_id)

        self._said.object, self._undo.visible = "", False
        try:
            await asyncio.to_thread(work)
        except LabError as error:
            self._said.object = error_html(error)
        await self.refresh()
        return not self._said.object

    async def _trash(self, _event: Any) -> None:
        run_ids = self.ticked
        if await self._do(manage.trash, run_ids):
            self._thrown = run_ids
            self._said.object = f'<p role="status">{_runs(len(run_ids))} moved to the trash.</p>'
            self._undo.visible = True

    async def _take_back(self, _event: Any) -> None:
        await self._do(manage.restore, self._thrown)

    def _ask(self, _event: Any) -> None:
        names = ", ".join(list(self._ticked.values())[:3]) + ", …" * (len(self._ticked) > 3)
        self._said.object = (
            f'<div class="note bad" role="alert"><p><strong>Delete {_runs(len(self._ticked))} for good?</strong> '
            f"{style.escape(names)}</p><p>Params, numbers, pictures, models, notes and logs will be lost. "
            "There is no way back.</p></div>"
        )
        self._asked(True)

    def _asked(self, asked: bool) -> None:
        self._sure.visible = self._keep.visible = asked
        if not asked:
            self._said.object, self._undo.visible = "", False

    async def _delete(self, _event: Any) -> None:
        self._asked(False)
        count = len(self._ticked)
        if await self._do(manage.delete, self.ticked):
            self._said.object = f'<p role="status">{_runs(count)} deleted for good.</p>'


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"
