"""A threshold for each group: gaps answer while the sliders move, and two buttons close them."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.reliant.common.measures import evaluated
from workbench.labs.reliant.views import style
from workbench.labs.reliant.views.selected_training import follow, picked, training_words
from workbench.ui.frame import below, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY
from workbench.ui.style import html

GRID = np.arange(257)  # thresholds in steps of a byte


def thresholds_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view; it needs no probe, as the predictions are in the result."""
    how = (
        "The curves show how many of each group are predicted 1 as its threshold moves; the dots stand at your "
        "thresholds. The buttons keep group 0 where it is and move group 1 until a gap is closed: what it costs in "
        "accuracy is told below."
    )
    return view(how, Thresholds(result, link).layout)


class Thresholds:
    """The predictions of one training of an arm, cut by two thresholds."""

    def __init__(self, result: Result, link: Any = None):
        self.result, self.graphs, self.link = result, style.graphs(result), link
        names = list(self.graphs)
        self.graph = pmui.Select(label="Graph", options=names, value=names[0], width=160)
        self.arm = pmui.Select(label="Predictions of", options=self.options(names[0]), width=300)
        self.arm.value = self.first()
        self.sliders = [
            pmui.FloatSlider(label=f"Threshold of group {v}", start=0, end=1, step=1 / 256, value=0.5, width=260)
            for v in (0, 1)
        ]
        self.parity = pmui.Button(label="Close ΔSP", variant="outlined", size="small")
        self.opportunity = pmui.Button(label="Close ΔEO", variant="outlined", size="small")
        self.back = pmui.Button(label="Back to one half", variant="text", size="small")
        remember(link, graph=self.graph, predictions=self.arm, t0=self.sliders[0], t1=self.sliders[1])
        self.told = html("")
        self.curves = [bm.ColumnDataSource({"x": [], "y": []}) for _ in (0, 1)]
        self.dots = bm.ColumnDataSource({"x": [0.5, 0.5], "y": [0.0, 0.0], "color": list(style.GROUP)})
        self.figure = self._figure()
        self.graph.param.watch(lambda e: self.arm.param.update(options=self.options(e.new)), "value")
        self.graph.param.watch(lambda e: self.arm.param.update(value=self.first()), "value")
        self.arm.param.watch(lambda _: self._load(), "value")
        for slider in self.sliders:
            slider.param.watch(lambda _: self._tell(), "value")
        self.parity.on_click(lambda _: self._close("sp"))
        self.opportunity.on_click(lambda _: self._close("eo"))
        self.back.on_click(lambda _: [slider.param.update(value=0.5) for slider in self.sliders])
        self._load()
        self._picked()
        follow(link, self._picked)

    @property
    def layout(self) -> pn.Column:
        return pn.Column(
            pn.FlexBox(self.graph, self.arm, gap="8px"),
            pn.FlexBox(*self.sliders, gap="4px 16px"),
            pn.FlexBox(self.parity, self.opportunity, self.back, gap="8px"),
            self.told,
            pane(self.figure),
            sizing_mode="stretch_width",
            styles={"max-height": "none"},
        )

    def options(self, name: str) -> dict[str, int]:
        """Return words -> row of the predictions: the first training of each arm."""
        runs = self.graphs[name].runs
        first = runs[runs["seed"] == runs["seed"].min()]
        pairs = {}
        for _, row in first.iterrows():
            pair = f" ({style.NETWORKS.get(row['teacher'], '')} → {style.NETWORKS.get(row['student'], '')})"
            plain = row["arm"] in ("lr", "reweighed")
            pairs[style.arm_words(row) + ("" if plain else pair.replace(" → )", ")"))] = int(row["at"])
        return pairs

    def _picked(self) -> None:
        """Show the training that was picked in the trade-off; one that is no first training joins the menu."""
        if found := picked(self.link, self.result):
            name, row = found
            self.graph.value = name
            at = int(row["at"])
            if at not in self.arm.options.values():
                self.arm.options = self.arm.options | {training_words(row): at}
            self.arm.value = at

    def first(self) -> int:
        """Return the predictions to begin with: of plain distillation if there are any."""
        options = self.arm.options
        return next((row for words, row in options.items() if words.startswith("KD (")), next(iter(options.values())))

    def _load(self) -> None:
        if self.arm.value is None:
            return
        found = self.graphs[self.graph.value]
        row = found.runs[found.runs["at"] == self.arm.value]
        if row.empty:
            return
        self.y, self.s = found.truth(int(row.iloc[0]["seed"]))
        self.p = found.probs[self.arm.value].astype(int)
        for v, source in enumerate(self.curves):
            inside = np.sort(self.p[self.s == v])
            over = 1 - np.searchsorted(inside, GRID) / max(len(inside), 1)  # (257,) share at least the threshold
            source.data = {"x": GRID / 256, "y": over}
        self._tell()

    def _tell(self) -> None:
        limits = np.array([slider.value for slider in self.sliders]) * 256
        hit = self.p >= np.round(limits)[self.s]
        found = evaluated(np.where(hit, 0.75, 0.25), self.y, self.s)
        at_half = evaluated((self.p + 0.5) / 256, self.y, self.s)
        words = [escape(word) for word in style.group_words(self.result, self.graph.value)]
        rows = [
            ("Accuracy", "accuracy"),
            ("above majority", "above_majority"),
            ("F1", "f1"),
            ("ΔSP", "sp"),
            ("ΔEO", "eo"),
        ]
        rows += [(f"P(ŷ=1), {w}", f"selection {v}") for v, w in enumerate(words)]
        head = "<tr><th></th><th class='num'>at your thresholds</th><th class='num'>at one half</th></tr>"
        size = lambda d, k: style.share(abs(d[k]) if k in ("sp", "eo") else d[k], 2)  # noqa: E731
        body = "".join(
            f"<tr><td>{text}</td><td class='num'>{size(found, k)}</td><td class='num'>{size(at_half, k)}</td></tr>"
            for text, k in rows
        )
        self.told.object = f"<table style='max-width:460px'>{head}{body}</table>"
        self.dots.data = {
            "x": [slider.value for slider in self.sliders],
            "y": [found["selection 0"], found["selection 1"]],
            "color": list(style.GROUP),
        }

    def _close(self, gap: str) -> None:
        """Move the threshold of group 1 to where the rate of group 0 is met most nearly."""
        limit = round(self.sliders[0].value * 256)
        rows = np.ones(len(self.y), bool) if gap == "sp" else self.y == 1
        if not (rows & (self.s == 0)).any() or not (rows & (self.s == 1)).any():
            return
        target = (self.p[rows & (self.s == 0)] >= limit).mean()
        other = np.sort(self.p[rows & (self.s == 1)])
        rates = 1 - np.searchsorted(other, GRID) / len(other)
        near = np.abs(rates - target)
        ties = np.flatnonzero(near == near.min())
        self.sliders[1].value = float(ties[np.abs(ties - limit).argmin()] / 256)

    def _figure(self) -> Any:
        plot = plain_figure(320, "save", x_range=(0, 1), y_range=(0, 1.02))
        plot.xaxis.axis_label, plot.yaxis.axis_label = "threshold", "share predicted 1"
        for v, source in enumerate(self.curves):
            plot.line("x", "y", source=source, color=style.GROUP[v], line_width=2.5, legend_label=f"group {v}")
        plot.scatter("x", "y", source=self.dots, color="color", size=12)
        plot.vspan(x=[0.5], line_color=GRAY, line_dash="dotted")
        below(plot)
        return plot
