"""Many tasks cut from one data set: does a measure know which of them are hard? (claim C4)"""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.rs.views import style
from workbench.ui.link import remember
from workbench.ui.palette import GRAY

COEFFICIENTS = {"Spearman (order)": "spearman", "Pearson (straight line)": "pearson"}


def tasks_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the tables `tasks` and `correlation` (claim C4)."""
    tasks = keyed(result.tables["tasks"]) if "tasks" in result.tables else None
    scores = keyed(result.tables["correlation"]) if "correlation" in result.tables else None
    groups = list(dict.fromkeys((tasks if tasks is not None else scores)["group"]))
    keys = style.ordered(
        k
        for k in (tasks.columns if tasks is not None else scores["measure"])
        if k in style.MEASURES or k in set(scores["measure"] if scores is not None else ())
    )
    classifiers = [
        k
        for k in ("mean", "lr", "svc", "knn")
        if k in (tasks.columns if tasks is not None else set(scores["classifier"]))
    ]
    group = pmui.Select(label="Tasks", options=groups, value=groups[0], width=250)
    measure = pmui.Select(label="Measure", options={style.label(k): k for k in keys}, value=keys[0], width=150)
    classifier = pmui.Select(
        label="Accuracy of", options={style.label(k): k for k in classifiers}, value=classifiers[0], width=150
    )
    coefficient = pmui.Select(label="Correlation", options=COEFFICIENTS, value="spearman", width=190)
    remember(link, tasks=group, measure=measure, classifier=classifier, coefficient=coefficient)
    panes = []
    if tasks is not None:
        panes.append(style.live(lambda g, m, c: _scatter(tasks, scores, g, m, c), group, measure, classifier))
    if scores is not None:
        panes.append(
            style.live(lambda g, m, c, r: _forest(scores, g, m, c, r), group, measure, classifier, coefficient)
        )
    return style.view(
        "Each dot is one task, for example to tell 3 from 8: the tighter the cloud follows its line, the better the "
        "measure knows how hard a task is before anything was trained.",
        pn.FlexBox(group, measure, classifier, coefficient, gap="8px", sizing_mode="stretch_width"),
        style.flow(*panes, width=380),
        style.words(
            "Above the cloud: Pearson’s r and Spearman’s ρ. The ranking holds all measures, best first, each with its "
            "95 % bootstrap interval over tasks; **RS is drawn large wherever it ranks**, and the measure of the cloud "
            "has a ring. Where intervals overlap, the order may be chance."
        ),
    )


def keyed(table: pd.DataFrame) -> pd.DataFrame:
    """Add the column `group`: set, kind and setting in words, as one selector shows them."""
    parts = [table[c].astype(str) for c in ("set", "dataset", "kind", "setting") if c in table]
    words = parts[0]
    for part in parts[1:]:
        words = words + ", " + part
    return table.assign(group=words)


def _scatter(tasks, scores, group: str, measure: str, classifier: str) -> hv.Overlay:
    rows = tasks[(tasks["group"] == group) & tasks[measure].notna() & tasks[classifier].notna()]
    x = hv.Dimension(measure, label=f"{style.label(measure)} (no unit)")
    y = hv.Dimension(classifier, label=f"accuracy, {style.label(classifier)} (0–1)")
    shown = [c for c in ("task", "classes") if c in rows]
    tool = style.hover(
        *[(c, f"@{c}") for c in shown], (x.label, f"@{measure}{{0.000}}"), ("accuracy", f"@{classifier}{{0.000}}")
    )
    color, marker = style.FAMILY[style.family(measure)]
    dots = hv.Scatter(rows, x, [y, *shown]).opts(color=color, marker=marker, size=9, alpha=0.75, tools=[tool])
    layers: list[hv.Element] = [dots]
    if len(rows) > 2 and rows[measure].std() > 0:
        slope, start = np.polyfit(rows[measure], rows[classifier], 1)
        ends = np.array([rows[measure].min(), rows[measure].max()])
        layers.insert(0, hv.Curve((ends, start + slope * ends), x, y).opts(color=GRAY, line_width=2))
    title = _correlation_words(scores, group, measure, classifier) or f"{len(rows)} tasks"
    return hv.Overlay(layers).opts(
        **style.frame_options(420, None, title=title, fontsize={"title": "12px"}, padding=0.06)
    )


def _correlation_words(scores, group: str, measure: str, classifier: str) -> str:
    if scores is None:
        return ""
    hit = scores[(scores["group"] == group) & (scores["measure"] == measure) & (scores["classifier"] == classifier)]
    if not len(hit):
        return ""
    row = hit.iloc[0]
    return "  ".join(
        f"{name} {row[key]:.2f} [{row[key + '_lo']:.2f}, {row[key + '_hi']:.2f}]"
        for name, key in (("r", "pearson"), ("ρ", "spearman"))
    )


def _forest(scores: pd.DataFrame, group: str, measure: str, classifier: str, key: str) -> pn.pane.Bokeh:
    """Draw all measures ranked by one correlation, with intervals; RS large, the selected one ringed."""
    rows = scores[(scores["group"] == group) & (scores["classifier"] == classifier)]
    rows = rows.sort_values(key, ascending=False).reset_index(drop=True)
    looks = [style.FAMILY[style.family(k)] for k in rows["measure"]]
    frame = pd.DataFrame(
        {
            "name": [f"{i + 1}. {style.label(k)}" for i, k in enumerate(rows["measure"])],
            "value": rows[key],
            "low": rows[f"{key}_lo"],
            "high": rows[f"{key}_hi"],
            "tasks": rows["n_tasks"],
            "color": [c for c, _ in looks],
            "marker": [m for _, m in looks],
            "size": [18 if k == "rs" else 11 for k in rows["measure"]],
            "width": [5 if k == "rs" else 2 for k in rows["measure"]],
            "ring": [3 if k == measure else 0 for k in rows["measure"]],
        }
    )
    plot = style.plain_figure(110 + 28 * len(frame), "save", y_range=list(reversed(frame["name"])))
    plot.x_range = bm.Range1d(min(-0.05, float(np.nanmin(frame["low"])) - 0.03), 1.03)
    plot.xaxis.axis_label = f"{key.title()} correlation, 95 % interval"
    plot.vspan(x=[0], line_color=GRAY, line_dash="dotted")
    source = style.columns(frame)
    plot.segment("low", "name", "high", "name", source=source, color="color", line_width="width", alpha=0.6)
    dots = plot.scatter("value", "name", source=source, color="color", marker="marker", size="size")
    dots.glyph.line_color, dots.glyph.line_width = GRAY, "ring"
    tips = [("", "@name"), (key, "@value{0.000} [@low{0.000}, @high{0.000}]"), ("tasks", "@tasks")]
    plot.add_tools(bm.HoverTool(renderers=[dots], tooltips=tips, visible=False))
    return pn.pane.Bokeh(plot, sizing_mode="stretch_width")
