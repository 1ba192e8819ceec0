"""Static versions of a lab's views: pictures as Bokeh figures, the rest as HTML.

The walk knows Panel's layouts, panes and widgets, and no lab: a layout is walked through, a figure stays a figure, a
widget is told as what it stands at, and what only a server can answer is told in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh  # noqa: F401 - registers the backend
import panel as pn
from bokeh.models import LayoutDOM, Plot
from markdown_it import MarkdownIt
from panel.models.markup import HTML as HtmlModel


class WidgetValue(str):
    """Value of a widget as text."""


Part = str | LayoutDOM  # HTML, or a figure


@dataclass(frozen=True)
class Row:
    """Parts that stand beside each other where there is room."""

    parts: tuple[Part | Row, ...]


def static_parts(view: Any) -> list[Part | Row]:
    """Return what a view shows, from top to bottom.

    Parameters
    ----------
    view
        Anything that a lab's view may be: a Panel object, a HoloViews or a Bokeh one.
    """
    parts = list(_walk(pn.panel(view)))
    shown = [part for part in parts if not isinstance(part, WidgetValue)]
    asked = "; ".join(part for part in parts if isinstance(part, WidgetValue))
    if asked:
        said = f'<p class="soft small">Shown with {asked}. In the workbench this can be changed.</p>'
        shown.insert(1, said)  # below the sentence that says how to read the view
    return shown


def _walk(item: Any) -> Iterator[Part | Row]:
    """Yield the parts of a Panel object; what widgets say comes first, whatever row they stand in."""
    if not getattr(item, "visible", True):
        return
    if isinstance(item, pn.widgets.base.WidgetBase):
        yield from _widget(item)
    elif isinstance(item, pn.pane.HoloViews):
        yield from _holoviews(item.object)
    elif isinstance(item, pn.pane.PaneBase):
        yield from _pane(item)
    elif isinstance(item, pn.layout.base.ListLike | pn.layout.base.NamedListLike):
        if isinstance(words := getattr(item, "object", None), str) and words:  # an alert: words in a frame
            yield f'<div class="note">{MarkdownIt("commonmark", {"html": False}).render(words)}</div>'
        yield from _layout(item)
    else:
        yield _absent(item)


def _layout(item: Any) -> Iterator[Part | Row]:
    found = [list(_walk(child)) for child in item]
    yield from (part for parts in found for part in parts if isinstance(part, WidgetValue))
    columns = [[part for part in parts if not isinstance(part, WidgetValue)] for parts in found]
    columns = [parts for parts in columns if parts]
    if isinstance(item, pn.Row | pn.FlexBox) and len(columns) > 1:
        yield Row(tuple(parts[0] if len(parts) == 1 else Row(tuple(parts)) for parts in columns))
    else:
        yield from (part for parts in columns for part in parts)


def _holoviews(drawn: Any) -> Iterator[Part]:
    yield hv.render(drawn, backend="bokeh")
    if isinstance(drawn, hv.HoloMap):  # a DynamicMap is one too
        yield '<p class="soft small">One state of a picture that the workbench draws anew as one moves.</p>'


def _pane(pane: pn.pane.PaneBase) -> Iterator[Part]:
    """Yield a pane by what it becomes in the page: a figure or HTML; anything else needs its server."""
    if isinstance(pane, pn.pane.Bokeh):
        yield pane.object
        return
    model = pane.get_root()
    if isinstance(model, Plot):
        yield model
    elif isinstance(model, HtmlModel):
        yield f'<div class="prose">{unescape(model.text)}</div>'
    else:
        yield _absent(pane)


def _widget(widget: Any) -> Iterator[Part]:
    """Yield the name of a widget and the words for its value; a button only acts, so it is left out."""
    value = getattr(widget, "value", None)
    if isinstance(widget, pn.widgets.Tabulator | pn.widgets.DataFrame):
        yield f'<div class="scroll">{value.head(20).to_html(border=0)}</div>'
        return
    if not hasattr(widget, "value") or "clicks" in widget.param:
        return
    options = getattr(widget, "options", None)
    words = {repr(v): k for k, v in options.items()} if isinstance(options, dict) else {}
    values = value if isinstance(value, list | tuple) else [value]
    name = getattr(widget, "label", "") or widget.name
    yield WidgetValue(f"{escape(str(name))}: {escape(', '.join(str(words.get(repr(v), v)) for v in values))}")


def _absent(item: Any) -> str:
    return (
        f'<p class="soft">A part of this view ({escape(type(item).__name__)}) needs a running workbench and is not in '
        "this document.</p>"
    )
