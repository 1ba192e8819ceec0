"""Tabs that are built when first opened; an error in one does not affect the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.ui.errors import error_card
from workbench.ui.style import html

# All tabs in sight, in as many lines as it takes: a strip that scrolls hides those that a newcomer looks for
WRAP = {
    ".MuiTabs-list, .MuiTabs-flexContainer": {"flexWrap": "wrap"},
    ".MuiTabs-scroller": {"borderBottom": "1px solid var(--mui-palette-divider)"},
    ".MuiTabs-indicator": {"display": "none"},  # it knows one line only
    ".MuiTab-root": {"minWidth": 0, "minHeight": 40, "padding": "8px 14px"},
    ".MuiTab-root.Mui-selected": {"boxShadow": "inset 0 -2px 0 currentColor"},
}


class LazyTabs:
    """Tabs from title -> zero-argument function (or coroutine function) that builds the content.

    Parameters
    ----------
    makers
        The tabs in their order.
    first
        Title of the tab to open; unknown titles open the first tab.
    opened
        Called with the title when the user opens a tab.
    """

    def __init__(
        self, makers: dict[str, Callable[[], Any]], first: str = "", opened: Callable[[str], Any] = lambda title: None
    ):
        self._makers, self._opened = makers, opened
        self._places = {
            title: pn.Column(sizing_mode="stretch_width", margin=(16, 0), min_height=200) for title in makers
        }
        self._built: set[str] = set()
        self.titles = list(makers)
        self.layout = pmui.Tabs(
            *self._places.items(),
            active=self._index(first),
            sizing_mode="stretch_width",
            margin=0,
            color="primary",
            sx=WRAP,
        )
        self.layout.param.watch(self._changed, "active")
        self._build(self.titles[self.layout.active])

    def open(self, title: str) -> None:
        """Open a tab by its title."""
        self.layout.active = self._index(title)

    def rebuild(self, title: str) -> None:
        """Forget what a tab shows; it is built anew now if it is open, else when it is opened."""
        self._built.discard(title)
        if self.titles[self.layout.active] == title:
            self._build(title)

    def _index(self, title: str) -> int:
        return self.titles.index(title) if title in self.titles else 0

    def _changed(self, event: Any) -> None:
        title = self.titles[event.new]
        self._build(title)
        self._opened(title)

    def _build(self, title: str) -> None:
        if title in self._built:
            return
        self._built.add(title)
        place = self._places[title]
        place.objects = [html('<p class="soft" role="status">Drawing …</p>')]

        async def draw() -> None:
            # in a callback of its own: the tab has already changed on the screen when a view is slow to build
            try:
                made = self._makers[title]()
                place.objects = [await made if inspect.isawaitable(made) else made]
            except Exception as error:  # a view may fail in any way; the others go on
                place.objects = [error_card(error, f"drawing “{title}”")]

        pn.state.execute(draw, schedule=True)
