"""The list of recent sweeps, and links from a run to its sweep."""

from __future__ import annotations

import asyncio
import functools
from html import escape

from workbench.contract.errors import LabError
from workbench.runs.store import open_store
from workbench.sweeps.record import SweepRecord, listed, read
from workbench.ui import style
from workbench.ui.address import href
from workbench.ui.deferred import soon
from workbench.ui.errors import error_html

SHOWN = 5  # the rest is folded away


class SweepList:
    """The newest sweeps, read when the list is made."""

    def __init__(self) -> None:
        self.layout = style.html()
        soon(self._fill)

    async def _fill(self) -> None:
        try:
            self.layout.object = sweeps_html(await asyncio.to_thread(lambda: listed(open_store(), limit=100)))
        except LabError as error:
            self.layout.object = error_html(error, "reading the sweeps")


def sweeps_html(found: list[SweepRecord]) -> str:
    """Return the sweeps as a short list of links, the newest first; nothing when there are none."""
    if not found:
        return ""
    lines = []
    for sweep in found:
        link = f'<a href="{escape(href(page="sweep", sweep=sweep.id))}">{escape(sweep.name)}</a>'
        told = f"{sweep.spec.runs} runs · {sweep.created.astimezone():%d %b %Y, %H:%M}"
        told = f'{style.chip(sweep.status)} {link} <span class="soft small">{told}</span>'
        lines.append(f'<li class="row" style="margin-bottom: 6px">{told}</li>')
    older = ""
    if len(lines) > SHOWN:
        rest = "".join(lines[SHOWN:])
        older = f'<details><summary>{len(lines) - SHOWN} older</summary><ul class="plain">{rest}</ul></details>'
    return f'<h2>Sweeps</h2><ul class="plain">{"".join(lines[:SHOWN])}</ul>{older}<h2>All runs</h2>'


@functools.lru_cache(256)
def sweep_link(group: str) -> str:
    """Return a link to the sweep that a run belongs to, by the run's group; nothing when it is of none."""
    if not group:
        return ""
    try:
        found = read(open_store(), group)
    except LabError:  # a group that somebody named
        return f"group {escape(group)}"
    return f'of <a href="{escape(href(page="sweep", sweep=group))}">{escape(found.name)}</a>'
