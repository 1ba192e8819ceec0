"""The place in the workbench as a URL, and the component that keeps the browser's address up to date.

Panel's own ``state.location`` never hears the back button, so the address has a component of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained

PAGES = ("gallery", "lab", "runs", "compare", "sweep", "data")


@dataclass(frozen=True)
class Place:
    """Everything that a link restores.

    Attributes
    ----------
    page
        One of `PAGES`; a place with a lab is on the page ``"lab"``.
    lab, run, tab
        Names of the lab, the shown run and the open tab; empty for the page's own choice.
    runs
        On the page ``"compare"``: the ids of the runs, with commas between them.
    sweep
        On the page ``"sweep"``: its id.
    preset, params, seed, device
        The form: the preset, the values that differ from it, and the rest; empty for the defaults.
    view
        What the views remember: cursors, selections, sliders.
    filter
        What the runs table lists: conditions, order and page; what the comparison folds.
    """

    page: str = "gallery"
    lab: str = ""
    run: str = ""
    tab: str = ""
    runs: str = ""
    sweep: str = ""
    preset: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    seed: str = ""
    device: str = ""
    view: dict[str, Any] = field(default_factory=dict)
    filter: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, search: str) -> Place:
        """Read a URL's query; what it does not understand, it leaves out."""
        known = {f.name for f in fields(cls)}
        read: dict[str, Any] = {k: v for k, v in parse_qsl(search.lstrip("?")) if k in known}
        for name in ("params", "view", "filter"):
            read[name] = _dict(read.get(name, ""))
        read["page"] = "lab" if read.get("lab") else read.get("page", "gallery")
        if read["page"] not in PAGES or (read["page"] == "lab" and not read.get("lab")):
            read["page"] = "gallery"
        return cls(**read)

    @property
    def search(self) -> str:
        """The URL's query; the same place gives the same text."""
        parts: dict[str, str] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "page" and (value == "gallery" or self.lab):
                continue
            if isinstance(value, dict):
                value = json.dumps(value, separators=(",", ":"), sort_keys=True) if value else ""
            if value:
                parts[f.name] = value
        return "?" + urlencode(parts) if parts else ""

    def but(self, **changes: Any) -> Place:
        """Return this place with some parts changed."""
        return replace(self, **changes)


def _dict(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def href(**parts: Any) -> str:
    """Return a link to a place: ``href(lab="rs", run="ab12")``."""
    if parts.get("lab"):
        parts["page"] = "lab"
    return Place(**parts).search or "?"


class Address(SelfContained, AnyWidgetComponent):
    """Writes the browser's address, title and theme cookie; hears links and the back button.

    It is an AnyWidgetComponent although it needs no Jupyter: Panel 1.9 keeps one render module for JSComponent and
    AnyWidgetComponent, so that the two kinds cannot stand on one page, and the labs' widgets are of the latter.
    """

    heard = param.List([], doc="[count, search, back]: where a link or the back button leads.")
    copied = param.List([], doc="[count, text, done]: what was to be copied, and whether the browser did it.")

    prefers_dark = param.Integer(0, doc="How often was said: the system is dark, and no theme was chosen by hand.")

    _esm = Path(__file__).with_name("address.js")

    def __init__(self, visit: Callable[[Place, bool], Any], **params: Any):
        super().__init__(width=0, height=0, margin=0, **params)
        self._visit = visit
        self._last: str | None = None
        self._told: Callable[[str, bool], Any] = lambda text, done: None
        self.param.watch(self._hear, "heard")
        self.param.watch(lambda event: self._told(*event.new[1:]), "copied")

    def _hear(self, event: param.parameterized.Event) -> None:
        _count, search, back = event.new
        if back:
            self._last = search
        self._visit(Place.parse(search), back)

    def write(self, place: Place, title: str, push: bool) -> None:
        """Write a place into the address bar; `push` makes a step for the back button."""
        if place.search != self._last:
            self._last = place.search
            # the pathname alone clears the query: "" would be no change for the browser's history
            self._send_msg({"search": place.search, "push": push, "title": title})

    def copy(self, text: str, told: Callable[[str, bool], Any]) -> None:
        """Copy a text to the clipboard; one that begins with "?" is a place, and becomes a whole address.

        `told` is called with the text, and whether the browser let it be copied.
        """
        self._told = told
        self._send_msg({"copy": text})

    def heard_dark(self) -> None:
        """Acknowledge the browser's preference for dark colors, so that it is not sent again."""
        self._send_msg({"dark": True})

    def remember_theme(self, dark: bool) -> None:
        """Keep the theme in the browser, where the next session finds it."""
        self._send_msg({"theme": "dark" if dark else "default"})
