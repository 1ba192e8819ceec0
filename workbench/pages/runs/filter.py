"""The filter of the runs table and its form in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.runs.search import COMPARE, Query, Where, field_names
from workbench.ui import style
from workbench.ui.errors import error_html

OPS = [*sorted(COMPARE, key=len), "contains"]


def written(query: Query, everybody: bool | None = None) -> dict[str, Any]:
    """Return a query as the address keeps it: only what differs from the plain list."""
    return {
        key: value
        for key, value in {
            "where": [str(where) for where in query.where],
            "starred": query.starred,
            "trash": query.trash,
            "order": query.order if query.order != "created" else "",
            "ascending": not query.descending,
            "whose": {True: "everybody", False: "mine", None: ""}[everybody],
        }.items()
        if value
    }


def read(filter: dict[str, Any], lab: Lab | None = None) -> Query:
    """Read what the address keeps.

    Raises
    ------
    LabError
        If one of its conditions is none.
    """
    texts = filter.get("where", [])
    return Query(
        lab=lab.name if lab else "",
        where=tuple(Where.parse(str(text)) for text in (texts if isinstance(texts, list) else [texts])),
        starred=bool(filter.get("starred")),
        trash=bool(filter.get("trash")),
        order=str(filter.get("order") or "created"),
        descending=not filter.get("ascending"),
    )


class FilterBar:
    """Fields for a new condition, and links that take one away or turn a switch.

    Parameters
    ----------
    go
        Called with the query that the user wants.
    lab
        Whose params and metrics are offered; those of all labs without it.
    """

    def __init__(self, go: Callable[[Query], Any], lab: Lab | None = None):
        self._go, self._query = go, Query(lab.name if lab else "")
        small: dict[str, Any] = {"size": "small", "margin": 0}
        self._text = pmui.TextInput(label="Search names", width=200, **small)
        self._field = pmui.Select(
            label="Field", options=field_names(lab), value="status", width=190, searchable=True, **small
        )
        self._op = pmui.Select(label="Comparison", options=OPS, value="=", width=120, **small)
        self._value = pmui.TextInput(label="Value", width=130, **small)
        self._add = pmui.Button(label="Add filter", icon="filter_list", variant="outlined", **small)
        self._text.param.watch(self._search, "enter_pressed")
        self._value.param.watch(self._condition, "enter_pressed")
        self._add.on_click(self._condition)
        self._said = style.html()
        self._links = style.html()
        fields = (self._text, self._field, self._op, self._value, self._add)
        bar = pn.FlexBox(*fields, gap="10px", align_items="center", sizing_mode="stretch_width", margin=(4, 0, 10, 0))
        self.layout = pn.Column(bar, self._said, self._links, sizing_mode="stretch_width", margin=0)

    def show(self, query: Query, turn: Callable[[Query], str], whose: str = "") -> None:
        """Show what is listed.

        Parameters
        ----------
        query
            What is listed now.
        turn
            Makes the address of the same page with another query.
        whose
            Links that choose between one's own runs and everybody's, if there are others.
        """
        self._query, self._said.object = query, ""
        chips = [whose] * bool(whose)
        switches = (("★ Starred", "starred"), ("Trash", "trash"))
        for word, name in switches:
            on = getattr(query, name)
            chips.append(switch(word, on, turn(replace(query, **{name: not on}))))
        for index, where in enumerate(query.where):
            rest = replace(query, where=query.where[:index] + query.where[index + 1 :])
            chips.append(
                f'<a class="chip info" href="{escape(turn(rest))}" aria-label="Take away: {escape(str(where))}">'
                f"{escape(str(where))} <span aria-hidden=true>✕</span></a>"
            )
        self._links.object = f'<div class="row filters">{"".join(chips)}</div>'

    def _search(self, _event: Any) -> None:
        if text := self._text.value_input or self._text.value:
            self._text.value = ""
            self._with("name", "contains", text)

    def _condition(self, _event: Any) -> None:
        if self._with(self._field.value, self._op.value, self._value.value_input or self._value.value or ""):
            self._value.value = ""

    def _with(self, field: str, op: str, value: str) -> bool:
        try:
            where = Where.make(field, op, value)
        except LabError as error:
            self._said.object = error_html(error, "reading the filter")
            return False
        if where not in self._query.where:
            self._go(replace(self._query, where=(*self._query.where, where)))
        return True


def switch(word: str, on: bool, link: str) -> str:
    """Return a link that looks like a switch."""
    return (
        f'<a class="chip {"info" if on else "quiet"}" href="{escape(link)}" aria-pressed="{str(on).lower()}"'
        f' role="button">{word}{" ✓" * on}</a>'
    )
