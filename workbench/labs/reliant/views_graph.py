"""The graph itself, colored by what is asked; and one node, its neighbors and what each gave to its prediction."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.transform import linear_cmap

from workbench.labs.reliant import views_style as style
from workbench.labs.reliant.intervals import HALF, slug
from workbench.result import Result
from workbench.ui.frame import hover, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY, GREEN, PALETTE, VERMILLION
from workbench.ui.style import html

COLORS = {"group": "group", "label": "label", "prediction": "prediction", "error": "error", "first proxy": "proxy"}
ARMS = ("teacher", "kd", "reliant")


def graph_view(result: Result, link: Any = None) -> pn.Column:
    """Return the drawing of a graph, or of the part of it that is kept."""
    how = (
        "Nodes are people, lines are edges; like nodes that lie together are linked more often than chance. Choose "
        "what the colors mean, and click a node: a bar for each neighbor shows how much it raised or lowered that "
        "node's prediction."
    )
    return view(how, Drawing(result, link).layout)


class Drawing:
    """A drawn graph, its selected node, and the probe that explains it."""

    def __init__(self, result: Result, link: Any = None):
        self.result, self.link = result, link
        self.names = [n for n in result.tables["cards"]["set"] if f"places_{slug(n)}" in result.arrays]
        self.graph = pmui.Select(label="Graph", options=self.names, value=self.names[0], width=160)
        self.color = pmui.Select(label="Color", options=COLORS, value="group", width=170)
        arms = {style.ARMS[a][0]: a for a in ARMS}
        self.arm = pmui.Select(label="Prediction of", options=arms, value="reliant", width=170)
        remember(link, graph=self.graph, color=self.color, arm=self.arm)
        self.note = html("")
        self.why = pn.Column(sizing_mode="stretch_width")
        self.holder = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        for widget in (self.graph, self.color, self.arm):
            widget.param.watch(lambda _: self._draw(), "value")
        self._draw()

    @property
    def layout(self) -> pn.Column:
        controls = pn.FlexBox(self.graph, self.color, self.arm, gap="8px")
        return pn.Column(
            controls, self.holder, self.note, self.why, sizing_mode="stretch_width", styles={"max-height": "none"}
        )

    def _array(self, kind: str) -> np.ndarray:
        return self.result.arrays[f"{kind}_{slug(self.graph.value)}"]

    def predictions(self) -> np.ndarray:
        """Return the first training's prediction for every node: 1, 0, or -1 where it was not a test node."""
        told = np.full(len(self._array("labels")), -1)
        found = style.graphs(self.result).get(self.graph.value)
        if found is not None:
            runs = found.runs[(found.runs["arm"] == self.arm.value) & (found.runs["seed"] == found.runs["seed"].min())]
            if len(runs):
                row = runs.iloc[0]
                told[found.cases[int(row["seed"])]] = found.probs[int(row["at"])] >= HALF
        return told

    def _draw(self) -> None:
        nodes, places = self._array("nodes"), self._array("places")
        labels, groups, told = self._array("labels"), self._array("groups")[:, 0], self.predictions()
        words = style.group_words(self.result, self.graph.value)
        frame = pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "node": nodes})
        frame["group"] = [words[g] for g in groups[nodes]]
        frame["label"] = [{1: "1", 0: "0", -1: "unknown"}[int(v)] for v in labels[nodes]]
        frame["prediction"] = [{1: "1", 0: "0", -1: "not a test node"}[int(v)] for v in told[nodes]]
        wrong = np.where(told < 0, "not a test node", np.where(told == labels, "right", "wrong"))
        frame["error"] = wrong[nodes]
        kind = self.color.value
        links = self._array("links")
        plot = plain_figure(520, "tap,pan,wheel_zoom,box_zoom,reset,save", match_aspect=True)
        plot.toolbar.active_scroll = None
        plot.axis.visible = plot.grid.visible = False
        ends = {f"{axis}{k}": places[links[:, k], j] for k in (0, 1) for j, axis in enumerate("xy")}
        plot.segment(
            "x0", "y0", "x1", "y1", source=bm.ColumnDataSource(ends), color=GRAY, line_alpha=0.12, line_width=0.6
        )
        source = bm.ColumnDataSource(frame)
        if kind == "proxy" and f"proxies_{slug(self.graph.value)}" in self.result.arrays:
            values = self._array("proxies")[nodes, 0].astype(float)
            source.data["value"] = values
            mapper = linear_cmap(
                "value", "Cividis256", float(np.quantile(values, 0.02)), float(np.quantile(values, 0.98))
            )
            dots = plot.scatter("x", "y", source=source, color=mapper, size=6, line_color=None)
            plot.add_layout(dots.construct_color_bar(width=10), "right")
        else:
            kind = "group" if kind == "proxy" else kind
            dots = self._categories(plot, source, frame[kind], kind)
        tips = [(k, f"@{k}") for k in ("node", "group", "label", "prediction", "error")]
        plot.add_tools(hover(*tips, renderers=[dots]))
        source.selected.on_change("indices", lambda _a, _o, new: self._ask(frame.iloc[new[0]]) if new else None)
        self.holder[:] = [pane(plot)]
        total, edges = len(labels), len(links)
        part = (
            "The whole graph"
            if len(nodes) == total
            else f"{len(nodes):,} of {total:,} nodes, one with its surroundings"
        )
        self.note.object = (
            f"<p class='small soft'>{part}; {edges:,} lines are drawn. Predictions are those of the first training.</p>"
        )
        self.why[:] = []

    def _categories(self, plot: Any, source: bm.ColumnDataSource, values: pd.Series, kind: str) -> Any:
        """Draw categories by color and marker, with a legend of one line each."""
        looks = {
            "right": (GREEN, "circle"),
            "wrong": (VERMILLION, "x"),
            "not a test node": (GRAY, "dot"),
            "unknown": (GRAY, "dot"),
        }
        looks |= {"0": (style.GROUP[0], "circle"), "1": (style.GROUP[1], "triangle")}
        looks |= {
            w: (style.GROUP[k], PALETTE.markers[k])
            for k, w in enumerate(style.group_words(self.result, self.graph.value))
        }
        source.data["color"] = [looks[v][0] for v in values]
        source.data["marker"] = [looks[v][1] for v in values]
        source.data["words"] = [f"{kind} {v}" if v in ("0", "1") else v for v in values]
        dots = plot.scatter(
            "x", "y", source=source, marker="marker", color="color", size=7, line_width=0.5, legend_field="words"
        )
        legend = plot.legend[0]
        legend.update(
            border_line_color=None, background_fill_alpha=0, label_text_font_size="12px", ncols=3, margin=4, padding=2
        )
        plot.add_layout(legend, "below")
        return dots

    def _ask(self, row: pd.Series) -> None:
        if self.link is None:
            self.why[:] = [html("<p class='small'>This page is a record: there is nobody to ask about a node.</p>")]
            return
        self.why[:] = [html(f"<p class='small'>Asking about node {row['node']} …</p>")]
        found = style.graphs(self.result)[self.graph.value]
        runs = found.runs[found.runs["arm"] == self.arm.value]
        key = saved_name(runs.iloc[0]) if len(runs) else None
        request = {"set": self.graph.value, "node": int(row["node"])} | ({"arm": key} if key else {})
        self.link.probe(request, lambda answer: self._explain(answer, row), self._refuse, channel="node")

    def _refuse(self, error: Exception) -> None:
        self.why[:] = [html(f"<p class='small'><strong>No answer.</strong> {escape(str(error))}</p>")]

    def _explain(self, answer: Result, row: pd.Series) -> None:
        frame = answer.tables["neighbors"]
        if frame["gives"].isna().all():
            text = "The scores of this student travel over several steps: no share of a single neighbor is told."
            self.why[:] = [html(f"<p class='small'>{text}</p>")]
            return
        words = style.group_words(self.result, self.graph.value)
        groups = self._array("groups")[:, 0]
        own = frame.iloc[0]
        frame = frame.reindex(frame["gives"].abs().sort_values(ascending=False).index).head(14)
        names = [f"itself ({n})" if n == row["node"] else f"node {n}" for n in frame["node"]]
        plot = plain_figure(90 + 22 * len(frame), "save", y_range=list(reversed(names)))
        plot.xaxis.axis_label = f"what it gives to P(ŷ=1) of node {row['node']}, which is {own['p']:.2f}"
        data = {"name": names, "gives": frame["gives"], "told": [words[g] for g in groups[frame["node"]]]}
        data["color"] = [style.GROUP[g] for g in groups[frame["node"]]]
        bar = plot.hbar(
            "name", right="gives", height=0.7, source=bm.ColumnDataSource(data), color="color", legend_field="told"
        )
        plot.add_tools(hover(("", "@name"), ("", "@told"), ("gives", "@gives{+0.000}"), renderers=[bar]))
        plot.legend.update(border_line_color=None, background_fill_alpha=0, label_text_font_size="12px")
        plot.add_layout(plot.legend[0], "below")
        text = (
            "How P(ŷ=1) changes when the features of one node are set to the mean of all, among the node and its "
            "neighbors alone."
        )
        self.why[:] = [html(f"<p class='small soft'>{text}</p>"), pane(plot)]


def saved_name(row: pd.Series) -> str:
    """Return under which name a run's weights are kept: what the probe calls an arm."""
    if row["arm"] == "teacher":
        return f"teacher-{row['teacher']}"
    return f"{row['teacher']}-{row['student']}-{row['arm']}-{row['alpha']:g}-{row['metric']}"
