"""Progress of a run: stage, remaining time, live curves and log."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from workbench.ui import style
from workbench.ui.palette import PALETTE, Palette

if TYPE_CHECKING:
    from workbench.engine import Live

MOST_CURVES = 8


def live_html(live: Live) -> str:
    """Return a snapshot in words: status, stage, bar, times, memory and device."""
    known = live.status == "running" and live.total > 0
    share = min(100.0, 100 * live.done / live.total) if known else 0.0
    if live.status == "queued":
        words = f"In the queue, number {live.queue_position}" if live.queue_position else "In the queue"
    elif live.stopping:
        words = "Stopping: asked softly; killed after a few seconds if it does not obey"
    else:
        words = live.stage or "Starting"
    step = f"{live.done} of {live.total}" if known else ""
    value = f'aria-valuenow="{share:.0f}" aria-valuemin="0" aria-valuemax="100"' if known else ""
    facts = {
        "Step": step,
        "Elapsed": style.seconds(live.elapsed) if live.elapsed else "",
        "Remaining": f"about {style.seconds(live.remaining)}" if live.remaining is not None else "",
        "Peak memory": style.size(live.peak_memory) if live.peak_memory else "",
        "Device": live.device,
    }
    rows = "".join(f"<div><dt>{k}</dt><dd>{escape(str(v))}</dd></div>" for k, v in facts.items() if v)
    return (
        f'<div class="row">{style.chip(live.status)} <span>{escape(words)}</span></div>'
        f'<div class="bar{"" if known else " unknown"}" role="progressbar" aria-label="Progress of the run" {value}>'
        f'<div style="width:{share:.1f}%"></div></div>'
        f'<dl class="facts">{rows}</dl>'
    )


class LivePanel:
    """Shows snapshots of one run after another; only what changed is sent to the browser."""

    def __init__(self, palette: Palette = PALETTE) -> None:
        self._words = style.html()
        self._curves = pn.FlexBox(sizing_mode="stretch_width", margin=(10, 0), gap="12px")
        self._log = style.html()
        fold = pmui.Accordion(("Log", self._log), **style.FOLD)
        self.layout = pn.Column(self._words, self._curves, fold, sizing_mode="stretch_width", visible=False, margin=0)
        self._run_id = ""
        self._sources: dict[str, ColumnDataSource] = {}
        self._palette = palette

    def show(self, live: Live) -> None:
        """Draw a snapshot."""
        if live.run_id != self._run_id:
            self._run_id = live.run_id
            self._sources.clear()
            self._curves.objects = []
        self._words.object = live_html(live)
        self._log.object = f"<pre>{escape(chr(10).join(live.log)) or 'Nothing yet.'}</pre>"
        for key, (steps, values) in live.curves.items():
            self._draw(key, list(steps), list(values))
        self.layout.visible = True

    def hide(self) -> None:
        """Hide the panel."""
        self.layout.visible = False

    def _draw(self, key: str, steps: list[float], values: list[float]) -> None:
        size = min(len(steps), len(values))  # the worker may be adding a point right now
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= MOST_CURVES:
                return
            source = self._sources[key] = ColumnDataSource({"step": steps[:size], "value": values[:size]})
            self._curves.append(self._figure(key, source, len(self._sources) - 1))
            return
        had = len(source.data["step"])
        if size < had:  # the run was resumed and does some steps again
            source.data = {"step": steps[:size], "value": values[:size]}
        elif size > had:
            source.stream({"step": steps[had:size], "value": values[had:size]})

    def recolor(self, palette: Palette) -> None:
        """Draw the curves in the colors of another theme."""
        self._palette = palette
        for index, pane in enumerate(self._curves.objects):
            for renderer in pane.object.renderers:
                renderer.glyph.update(line_color=palette.color(index))
                if hasattr(renderer.glyph, "fill_color"):
                    renderer.glyph.fill_color = palette.color(index)

    def _figure(self, key: str, source: ColumnDataSource, index: int) -> pn.pane.Bokeh:
        plot = figure(height=150, width=260, title=key, toolbar_location=None, tools="hover", tooltips="@step: @value")
        plot.line("step", "value", source=source, color=self._palette.color(index), line_width=2)
        plot.scatter("step", "value", source=source, color=self._palette.color(index), size=4)
        plot.grid.grid_line_alpha = 0.3
        plot.outline_line_color = None
        plot.axis.minor_tick_line_color = None
        plot.axis.major_label_text_font_size = "11px"
        plot.title.text_font_size = "13px"
        return pn.pane.Bokeh(plot, margin=0)
