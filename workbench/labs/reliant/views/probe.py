"""Probe: cut edges, hide the sensitive column, feed the proxies in; the saved student answers at slider speed."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.reliant.params import Question
from workbench.labs.reliant.views import style
from workbench.labs.reliant.views.graph import saved_name
from workbench.ui.controls import controls
from workbench.ui.frame import below, needs_page, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY
from workbench.ui.style import html

HOW = (
    "Change the graph or what the network sees, and it predicts all test nodes again: do edges between the groups, "
    "the sensitive column, or the proxies make the gap? The hollow marks are the unchanged network."
)
CUTS = {"none": "none", "between the groups": "across", "inside of groups": "within", "any": "any"}


def what_if_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that probes."""
    if link is None:
        return needs_page(HOW, "the students answer")
    return view(HOW, WhatIf(result, link).layout)


class WhatIf:
    """Controls, the request they make, and the answer beside that of the unchanged network."""

    def __init__(self, result: Result, link: Any):
        self.result, self.link = result, link
        self.graphs = style.graphs(result)
        names = list(self.graphs)
        self.graph = pmui.Select(label="Graph", options=names, value=names[0], width=150)
        self.arm = pmui.Select(label="Network", options=self.kept(names[0]), width=260)
        self.arm.value = self.favorite()
        alphas = self.alphas()
        self.alpha = pmui.DiscreteSlider(label="Weight α of the bias loss", options=alphas, value=alphas[-1], width=220)
        self.cut = pmui.Select(label="Edges cut", options=CUTS, value="none", width=180)
        self.share, self.hide, self.full = controls(Question, share=180, hide=290, full=220).values()
        self.limits = [
            pmui.FloatSlider(label=f"Threshold of group {v}", start=0, end=1, step=0.01, value=0.5, width=220)
            for v in (0, 1)
        ]
        remember(link, graph=self.graph, what=self.arm, cut=self.cut, share=self.share, hide=self.hide, full=self.full)
        self.note = html("Asking …")
        self.told = html("")
        self.now = bm.ColumnDataSource({"x": [], "name": [], "color": []})
        self.before = bm.ColumnDataSource({"x": [], "name": [], "color": []})
        self.base: dict[str, float] = {}
        self.figure = self._figure()
        self.graph.param.watch(self._other_graph, "value")
        self.arm.param.watch(lambda _: self._start(), "value")
        self.alpha.param.watch(lambda _: self._weigh(), "value")
        for widget in (self.cut, self.share, self.hide, self.full, *self.limits):
            widget.param.watch(lambda _: self._ask(), "value")
        self._start()

    @property
    def layout(self) -> pn.Column:
        first = pn.FlexBox(self.graph, self.arm, self.alpha, gap="4px 16px", align_items="center")
        second = pn.FlexBox(self.cut, self.share, self.hide, self.full, gap="4px 16px", align_items="center")
        third = pn.FlexBox(*self.limits, gap="4px 16px")
        parts = (first, second, third, self.note, pane(self.figure), self.told)
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"max-height": "none"})

    def kept(self, name: str) -> dict[str, str]:
        """Return the networks whose weights are kept, words -> name."""
        runs = self.graphs[name].runs
        rows = runs[(runs["seed"] == 0) & ~runs["arm"].isin(["lr", "reweighed", "full"])]
        found = {}
        for _, row in rows.iterrows():
            path = [style.NETWORKS.get(row["teacher"], "")] + (
                [] if row["arm"] == "teacher" else [style.NETWORKS[row["student"]]]
            )
            found[f"{style.arm_words(row)} ({' → '.join(path)})"] = saved_name(row)
        return found

    def favorite(self) -> str:
        """Return the network to start with: the headline RELIANT."""
        runs = self.graphs[self.graph.value].runs
        full = runs[runs["arm"] == "full"]
        options = list(self.arm.options.values())
        name = saved_name(full.iloc[0]).replace("-full-", "-reliant-") if len(full) else options[0]
        return name if name in options else options[0]

    def alphas(self) -> list[int]:
        """Return the weights with which the chosen network's arm was trained."""
        runs = self.graphs[self.graph.value].runs
        row = self._row(self.arm.value)
        if row is None:
            return [0]
        same = runs[
            (runs[["teacher", "student", "arm", "metric"]] == row[["teacher", "student", "arm", "metric"]]).all(axis=1)
        ]
        return sorted(int(a) for a in same["alpha"].unique())

    def _row(self, name: str) -> Any:
        runs = self.graphs[self.graph.value].runs
        rows = runs[[saved_name(r) == name for _, r in runs.iterrows()]]
        return rows.iloc[0] if len(rows) else None

    def _other_graph(self, event: Any) -> None:
        options = self.kept(event.new)
        keep = self.arm.value if self.arm.value in options.values() else next(iter(options.values()))
        self.arm.param.update(options=options, value=keep)
        self._start()

    def _weigh(self) -> None:
        """Take the same arm, trained with the weight of the slider."""
        row = self._row(self.arm.value)
        if row is not None and row["alpha"] != self.alpha.value:
            name = saved_name(dict(row) | {"alpha": self.alpha.value})
            if name in self.arm.options.values():
                self.arm.value = name

    def _start(self) -> None:
        """Ask the unchanged network first."""
        row = self._row(self.arm.value)
        if row is None:
            return
        alphas = self.alphas()
        self.alpha.param.update(options=alphas, value=int(row["alpha"]))
        self.alpha.disabled = len(alphas) < 2
        self.base = {}
        self.full.disabled = row["arm"] != "reliant"
        self.link.probe({"set": self.graph.value, "arm": self.arm.value}, self._started, self._refuse, channel="base")

    def _started(self, answer: Result) -> None:
        self.base = answer.metrics
        self.before.data = rates(answer.metrics)
        self._ask()

    def _ask(self) -> None:
        request = {
            "set": self.graph.value,
            "arm": self.arm.value,
            "cut": self.cut.value,
            "share": self.share.value,
            "hide": self.hide.value,
            "full": self.full.value and not self.full.disabled,
            "thresholds": [slider.value for slider in self.limits],
        }
        self.link.probe(request, self._answer, self._refuse, channel="what if")

    def _refuse(self, error: Exception) -> None:
        self.note.object = f"<p class='small'><strong>No answer.</strong> {escape(str(error))}</p>"

    def _answer(self, answer: Result) -> None:
        found = answer.metrics
        self.now.data = rates(found)
        rows = (
            ("Accuracy", "accuracy"),
            ("above majority", "above_majority"),
            ("F1", "f1"),
            ("AUC", "auc"),
            ("ΔSP", "sp"),
            ("ΔEO", "eo"),
        )
        head = "<tr><th></th><th class='num'>as asked</th><th class='num'>unchanged</th></tr>"
        size = lambda d, k: style.share(abs(d[k]) if k in ("sp", "eo") else d[k], 2) if k in d else "–"  # noqa: E731
        body = "".join(
            f"<tr><td>{t}</td><td class='num'>{size(found, k)}</td><td class='num'>{size(self.base, k)}</td></tr>"
            for t, k in rows
        )
        self.told.object = f"<table style='max-width:420px'>{head}{body}</table>"
        self.note.object = (
            f"<p class='small soft'>answered in {found['milliseconds']:.0f} ms; first training, test nodes</p>"
        )

    def _figure(self) -> Any:
        names = ["false alarms", "found of label 1", "predicted 1"]
        plot = plain_figure(230, "save", y_range=names, x_range=(0, 1))
        plot.xaxis.axis_label = "share of the group"
        plot.scatter("x", "name", source=self.before, fill_alpha=0, line_color="color", size=15, line_width=2)
        for v in (0, 1):
            view_of = bm.CDSView(filter=bm.GroupFilter(column_name="group", group=str(v)))
            look = {"color": style.GROUP[v], "marker": ("circle", "triangle")[v], "legend_label": f"group {v}"}
            plot.scatter("x", "name", source=self.now, view=view_of, size=11, **look)
        plot.ygrid.grid_line_color = GRAY
        below(plot)
        return plot


def rates(found: dict[str, float]) -> dict[str, list]:
    """Return the rates of both groups as columns of a source."""
    kinds = {"predicted 1": "selection", "found of label 1": "tpr", "false alarms": "fpr"}
    cells = [(found[f"{key} {v}"], name, style.GROUP[v], str(v)) for name, key in kinds.items() for v in (0, 1)]
    return dict(zip(("x", "name", "color", "group"), map(list, zip(*cells, strict=True)), strict=True))
