"""The graph itself, colored by what is asked; and one node, its neighbors and what each gave to its prediction."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.palettes import Cividis256
from bokeh.transform import linear_cmap

from workbench.contract import Result
from workbench.labs.reliant.common.intervals import HALF, slug
from workbench.labs.reliant.views import style
from workbench.labs.reliant.views.full_graph import Whole
from workbench.ui.frame import hover, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY, GREEN, PALETTE, VERMILLION
from workbench.ui.style import html

COLORS = {"group": "group", "label": "label", "prediction": "prediction", "error": "error", "first proxy": "proxy"}
ARMS = (
    ("teacher", None),
    ("kd", None),
    ("reliant", None),
    ("kd", "plp"),
    ("reliant", "plp"),
)  # None: the first student
UNTOLD = "not a test node"
BANDS = 64  # shades of a continuous value
MOST_VALUES = (0.02, 0.98)  # quantiles between which they change


def has_places(result: Result) -> bool:
    """Return True if the drawing of a graph is there: it is kept with the last tables only."""
    return any(f"places_{slug(name)}" in result.arrays for name in result.tables["cards"]["set"])


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
        self.arm = pmui.Select(label="Prediction of", options=arm_options(result), value="reliant", width=200)
        self.all = pmui.Switch(label="All nodes and edges", value=False, disabled=link is None)
        self.placed: dict[str, dict[str, np.ndarray]] = {}  # places and edges of whole graphs, by name
        remember(link, graph=self.graph, color=self.color, arm=self.arm, all=self.all)
        self.note = html("")
        self.why = pn.Column(sizing_mode="stretch_width")
        self.holder = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        for widget in (self.graph, self.color, self.arm, self.all):
            widget.param.watch(lambda _: self._draw(), "value")
        self._draw()

    @property
    def layout(self) -> pn.Column:
        controls = pn.FlexBox(self.graph, self.color, self.arm, self.all, gap="8px", align_items="center")
        return pn.Column(
            controls, self.holder, self.note, self.why, sizing_mode="stretch_width", styles={"max-height": "none"}
        )

    def _array(self, kind: str) -> np.ndarray:
        return self.result.arrays[f"{kind}_{slug(self.graph.value)}"]

    @property
    def kind(self) -> str:
        """Meaning of the colors: the group, where the first proxy is asked for and the graph has none."""
        has = f"proxies_{slug(self.graph.value)}" in self.result.arrays
        return "group" if self.color.value == "proxy" and not has else self.color.value

    def _proxy(self) -> np.ndarray:
        return self._array("proxies")[:, 0].astype(float)

    def predictions(self) -> np.ndarray:
        """Return the first training's prediction for every node: 1, 0, or -1 where it was not a test node."""
        told = np.full(len(self._array("labels")), -1)
        found = style.graphs(self.result).get(self.graph.value)
        if found is not None:
            row = self._training(found)
            if row is not None:
                told[found.cases[int(row["seed"])]] = found.probs[int(row["at"])] >= HALF
        return told

    def _training(self, found: Any) -> pd.Series | None:
        """Return the first training of the chosen arm, and of the chosen student."""
        arm, _, student = self.arm.value.partition(" ")
        runs = found.runs[(found.runs["arm"] == arm) & (found.runs["seed"] == found.runs["seed"].min())]
        if student:
            runs = runs[runs["student"] == student]
        return runs.iloc[0] if len(runs) else None

    def _told(self, nodes: np.ndarray) -> pd.DataFrame:
        """Return what is known of nodes, in words."""
        labels, groups, told = self._array("labels"), self._array("groups")[:, 0], self.predictions()
        words = np.array(style.group_words(self.result, self.graph.value))
        frame = pd.DataFrame({"node": nodes, "group": words[groups[nodes]]})
        frame["label"] = np.array(["0", "1", "unknown"])[labels[nodes]]
        frame["prediction"] = np.array(["0", "1", UNTOLD])[told[nodes]]
        frame["error"] = np.where(told < 0, UNTOLD, np.where(told == labels, "right", "wrong"))[nodes]
        return frame

    def _draw(self) -> None:
        self.why[:] = []
        if self.all.value:
            self._draw_all()
            return
        nodes, places, labels = self._array("nodes"), self._array("places"), self._array("labels")
        frame = self._told(nodes).assign(x=places[:, 0], y=places[:, 1])
        links = self._array("links")
        plot = plain_figure(520, "tap,pan,wheel_zoom,box_zoom,reset,save", match_aspect=True)
        plot.toolbar.active_scroll = None
        plot.axis.visible = plot.grid.visible = False
        ends = {f"{axis}{k}": places[links[:, k], j] for k in (0, 1) for j, axis in enumerate("xy")}
        plot.segment(
            "x0", "y0", "x1", "y1", source=bm.ColumnDataSource(ends), color=GRAY, line_alpha=0.12, line_width=0.6
        )
        source = bm.ColumnDataSource(frame)
        if self.kind == "proxy":
            source.data["value"] = values = self._proxy()[nodes]
            mapper = linear_cmap("value", "Cividis256", *np.quantile(values, MOST_VALUES).tolist())
            dots = plot.scatter("x", "y", source=source, color=mapper, size=6, line_color=None)
            plot.add_layout(dots.construct_color_bar(width=10), "right")
        else:
            dots = self._categories(plot, source, frame[self.kind], self.kind)
        tips = [(k, f"@{k}") for k in ("node", "group", "label", "prediction", "error")]
        plot.add_tools(hover(*tips, renderers=[dots]))
        picked = lambda _a, _o, new: self._ask(int(nodes[new[0]])) if new else None  # noqa: E731
        source.selected.on_change("indices", picked)
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

    def _draw_all(self) -> None:
        name = self.graph.value
        if name not in self.placed:
            self.note.object = "<p class='small'>Placing all nodes …</p>"
            self.link.probe(
                {"set": name, "whole": True}, lambda answer: self._place(name, answer), self._refuse, "whole"
            )
            return
        places, edges = (self.placed[name][key] for key in ("places", "edges"))
        kinds, colors, legend = self._kinds(self._told(np.arange(len(places))))
        whole = Whole(places, edges, kinds, colors, self._ask, self.link.later)
        self.holder[:] = [pane(whole.plot)]
        self.note.object = (
            f"<p class='small'>{legend}</p><p class='small soft'>All {len(places):,} nodes and {len(edges):,} edges; "
            "zoom in, and the part is drawn afresh. Places are the two main directions of the twice propagated "
            "features, by rank; where nodes lie on one another, colors mix. A click asks about the nearest node.</p>"
        )

    def _place(self, name: str, answer: Result) -> None:
        self.placed[name] = answer.arrays
        if self.all.value and self.graph.value == name:
            self._draw()

    def _kinds(self, frame: pd.DataFrame) -> tuple[np.ndarray, list[str], str]:
        """Return of every node the number of its color, the colors, and the legend."""
        if self.kind == "proxy":
            values = self._proxy()
            low, high = np.quantile(values, MOST_VALUES)
            bands = np.clip((values - low) / max(high - low, 1e-12) * BANDS, 0, BANDS - 1).astype(int)
            colors = list(Cividis256[:: 256 // BANDS])
            ends = f"{swatch(colors[0])} {low:.2g} and less to {swatch(colors[-1])} {high:.2g} and more"
            return bands, colors, f"First proxy: {ends}."
        looks = {word: color for word, (color, _) in self._looks().items() if (frame[self.kind] == word).any()}
        numbers = frame[self.kind].map({word: k for k, word in enumerate(looks)}).to_numpy()
        words = (
            f"{swatch(color)} {self.kind + ' ' if word in ('0', '1') else ''}{escape(word)}"
            for word, color in looks.items()
        )
        return numbers, list(looks.values()), " · ".join(words)

    def _categories(self, plot: Any, source: bm.ColumnDataSource, values: pd.Series, kind: str) -> Any:
        """Draw categories by color and marker, with a legend of one line each."""
        looks = self._looks()
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

    def _looks(self) -> dict[str, tuple[str, str]]:
        """Return color and marker of every category."""
        looks = {
            "right": (GREEN, "circle"),
            "wrong": (VERMILLION, "x"),
            UNTOLD: (GRAY, "dot"),
            "unknown": (GRAY, "dot"),
        }
        looks |= {"0": (style.GROUP[0], "circle"), "1": (style.GROUP[1], "triangle")}
        groups = style.group_words(self.result, self.graph.value)
        return looks | {word: (style.GROUP[k], PALETTE.markers[k]) for k, word in enumerate(groups)}

    def _ask(self, node: int) -> None:
        if self.link is None:
            self.why[:] = [html("<p class='small'>This page is a record: there is nobody to ask about a node.</p>")]
            return
        self.why[:] = [html(f"<p class='small'>Asking about node {node} …</p>")]
        row = self._training(style.graphs(self.result)[self.graph.value])
        request = {"set": self.graph.value, "node": node} | ({} if row is None else {"arm": saved_name(row)})
        self.link.probe(request, lambda answer: self._explain(answer, node), self._refuse, channel="node")

    def _refuse(self, error: Exception) -> None:
        self.why[:] = [html(f"<p class='small'><strong>No answer.</strong> {escape(str(error))}</p>")]

    def _explain(self, answer: Result, node: int) -> None:
        frame = answer.tables["neighbors"]
        words = [*style.group_words(self.result, self.graph.value), "its own features"]
        groups = np.append(self._array("groups")[:, 0], 2)  # the last is the perceptron of a PLP student, "node" -1
        colors = [*style.GROUP, GRAY]
        own = frame.iloc[0]
        frame = frame.reindex(frame["gives"].abs().sort_values(ascending=False).index).head(14)
        names = [{node: f"itself ({node})", -1: "its own features"}.get(n, f"node {n}") for n in frame["node"]]
        plot = plain_figure(90 + 22 * len(frame), "save", y_range=list(reversed(names)))
        plot.xaxis.axis_label = f"what it gives to P(ŷ=1) of node {node}, which is {own['p']:.2f}"
        data = {"name": names, "gives": frame["gives"], "told": [words[g] for g in groups[frame["node"]]]}
        data["color"] = [colors[g] for g in groups[frame["node"]]]
        data["share"] = [f"{v:.1%}" for v in frame["share"]] if "share" in frame else ["–"] * len(frame)
        bar = plot.hbar(
            "name", right="gives", height=0.7, source=bm.ColumnDataSource(data), color="color", legend_field="told"
        )
        plot.add_tools(
            hover(("", "@name"), ("", "@told"), ("gives", "@gives{+0.000}"), ("share", "@share"), renderers=[bar])
        )
        plot.legend.update(border_line_color=None, background_fill_alpha=0, label_text_font_size="12px")
        plot.add_layout(plot.legend[0], "below")
        text = (
            "How P(ŷ=1) changes without each part of the last step of label propagation; parts have learned shares: "
            "of each neighbor's scores, and of what the node's own features say."
            if "share" in frame
            else "How P(ŷ=1) changes when the features of one node are set to the mean of all, among the node and its "
            "neighbors alone."
        )
        self.why[:] = [html(f"<p class='small soft'>{text}</p>"), pane(plot)]


def arm_options(result: Result) -> dict[str, str]:
    """Return the arms whose predictions can be shown: words -> arm, and student where it is not the first."""
    there = set(map(tuple, result.tables["runs"][["arm", "student"]].to_numpy())) if "runs" in result.tables else set()
    another = any(arm == "kd" and student != "plp" for arm, student in there)  # else PLP is the first student itself
    arms = [one for one in ARMS if one[1] is None or (another and one in there)]
    named = {None: ""} | {key: f", {words}" for key, words in style.NETWORKS.items()}
    return {style.ARMS[arm].label + named[student]: " ".join(filter(None, (arm, student))) for arm, student in arms}


def swatch(color: str) -> str:
    """Return a small square of a color, for a legend."""
    return f"<span style='display:inline-block;width:10px;height:10px;background:{color}'></span>"


def saved_name(row: pd.Series) -> str:
    """Return under which name a run's weights are kept: what the probe calls an arm."""
    if row["arm"] == "teacher":
        return f"teacher-{row['teacher']}"
    return f"{row['teacher']}-{row['student']}-{row['arm']}-{row['alpha']:g}-{row['metric']}"
