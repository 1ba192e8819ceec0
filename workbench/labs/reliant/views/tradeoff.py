"""Accuracy against gap over all arms and weights, the frontier, the single trainings, and the authors' logs."""

from __future__ import annotations

import asyncio
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.reliant.common.published import SETS, logs
from workbench.labs.reliant.common.results import KEYS
from workbench.labs.reliant.views import style
from workbench.labs.reliant.views.selected_training import pick, training_words
from workbench.runs.record import Run
from workbench.runs.store import open_store
from workbench.ui.address import href
from workbench.ui.deferred import soon
from workbench.ui.frame import below, hover, pane, paragraph, plain_figure, redraw_on_change, view
from workbench.ui.link import remember
from workbench.ui.open_run import open_on_click
from workbench.ui.palette import GRAY
from workbench.ui.style import html

MOST = 200  # of your own runs that are drawn


def tradeoff_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `summary` as points of accuracy and gap, and the authors' logs beside it."""
    summary = result.tables["summary"]
    names = list(style.graphs(result))
    graph = pmui.Select(label="Graph", options=names, value=names[0], width=160)
    measure = pmui.Select(label="Gap", options=style.MEASURES, value="sp", width=200)
    quality = pmui.Select(
        label="Quality", options={"accuracy": "accuracy", "AUC": "auc", "F1": "f1"}, value="accuracy", width=140
    )
    single = pmui.Switch(label="Each training", value=False)
    networks = pmui.Select(label="Networks", options=["first pair", "all"], value="first pair", width=130)
    remember(link, graph=graph, measure=measure, quality=quality, single=single, networks=networks)
    note = html("")
    others: list[Run] = []
    holder = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"}, margin=0)

    def draw() -> None:
        name, gap, good = graph.value, measure.value, quality.value
        rows = compared(summary[summary["set"] == name], networks.value == "all").reset_index(drop=True)
        plot, source, trainings, dots = points(rows, gap, good, result, name, single.value)

        def arm(_attr: str, _old: list[int], new: list[int]) -> None:
            if new:
                show(runs_of(result, name, rows.iloc[new[0]]).iloc[0])

        def training(_attr: str, _old: list[int], new: list[int]) -> None:
            if new:
                show(trainings.iloc[new[0]])

        def show(row: pd.Series) -> None:
            note.object = trainings_html(result, name, row)
            pick(link, name, row)

        source.selected.on_change("indices", arm)
        if dots is not None:
            dots.selected.on_change("indices", training)
        other_runs(plot, others, name, gap, good)
        holder[:] = [pane(plot)]

    async def look() -> None:
        others[:] = await asyncio.to_thread(stored, link.run_id)
        if others:
            link.later(draw)

    for widget in (graph, measure, quality, single, networks):
        widget.param.watch(lambda _: draw(), "value")
    draw()
    if link is not None:
        soon(look)
    return view(
        "Each point is one arm at one weight α, averaged over its trainings; the upper left is best (right often, "
        "equal in its treatment). The line joins the arms that no other one beats in both. Click a point to see its "
        "trainings; the first of them, or the small dot that you click under *Each training*, is then shown in *Who "
        "pays* and *Thresholds* too. Hollow marks are RELIANT in other runs on this graph: a click opens "
        "that run.",
        pn.FlexBox(graph, measure, quality, networks, single, gap="8px", align_items="center"),
        holder,
        note,
        redraw_on_change(lambda name: logs_pane(name, summary), graph),
    )


def stored(run_id: str) -> list[Run]:
    """Return the finished runs of this lab in the store but the shown one; it takes a moment: call it in a thread."""
    return [run for run in open_store().runs("reliant", MOST, ("done",)) if run.id != run_id]


def other_runs(plot: Any, runs: list[Run], name: str, gap: str, good: str) -> None:
    """Draw RELIANT of other runs on the same graph, as far as they have both numbers; a click opens the run."""
    keys = f"reliant_{gap}", f"reliant_{good}"
    runs = [run for run in runs if run.params.get("dataset") == name and all(key in run.metrics for key in keys)]
    if not runs:
        return
    data = {"x": [100 * run.metrics[keys[0]] for run in runs], "y": [100 * run.metrics[keys[1]] for run in runs]}
    data |= {"name": [run.name for run in runs], "link": [href(lab=run.lab, run=run.id) for run in runs]}
    source = bm.ColumnDataSource(data)
    one = style.ARMS["reliant"]
    dots = plot.scatter(
        "x", "y", source=source, marker=one.marker, size=13, line_color=one.color, line_width=2, fill_color=None,
        legend_label="RELIANT in other runs", nonselection_alpha=1.0,
    )  # fmt: skip
    open_on_click(plot, [dots], [("", "@name"), ("gap", "@x{0.0}"), ("quality", "@y{0.0}")])


def compared(rows: pd.DataFrame, every: bool) -> pd.DataFrame:
    """Return the arms to compare: of the first teacher and student and of tables, or of all networks.

    The proxies fed in at inference are left out: they are an ablation, far below, that would press all others together.
    """
    rows = rows[rows["arm"] != "full"]
    students = rows[~rows["student"].isin(["-", "table"])]
    if every or students.empty:
        return rows
    teacher, student = students.iloc[0][["teacher", "student"]]
    return rows[rows["teacher"].isin([teacher, "-"]) & rows["student"].isin([student, "-", "table"])]


def points(
    rows: pd.DataFrame, gap: str, good: str, result: Result, name: str, each: bool
) -> tuple[Any, bm.ColumnDataSource, pd.DataFrame, bm.ColumnDataSource | None]:
    """Return the figure, the source of its points in the order of the rows; and of single trainings, with `each`."""
    looks = [style.ARMS[arm] for arm in rows["arm"]]
    frame = pd.DataFrame(
        {
            "x": 100 * rows[gap],
            "y": 100 * rows[good],
            "low": 100 * rows[f"{gap}_low"],
            "high": 100 * rows[f"{gap}_high"],
            "name": [style.arm_words(row) for _, row in rows.iterrows()],
            "path": [
                f"{style.NETWORKS.get(r['teacher'], '–')} → {style.NETWORKS.get(r['student'], '–')}"
                for _, r in rows.iterrows()
            ],
            "alpha": rows["alpha"],
            "text": [f"{a:g}" if a else "" for a in rows["alpha"]],
            "color": [one.color for one in looks],
            "marker": [one.marker for one in looks],
            "words": [one.label for one in looks],
        }
    )
    plot = plain_figure(440, "tap,box_zoom,reset,save")
    plot.xaxis.axis_label = f"{next(w for w, k in style.MEASURES.items() if k == gap)}, points of percent"
    plot.yaxis.axis_label = f"{good if good != 'auc' else 'AUC'}, percent"
    runs, small = style.graphs(result)[name].runs.merge(rows[KEYS], on=KEYS), None
    if each:
        colors = [style.ARMS[arm].color for arm in runs["arm"]]
        small = bm.ColumnDataSource(
            {
                "x": 100 * runs[gap].abs(),
                "y": 100 * runs[good],
                "color": colors,
                "n": [training_words(r) for _, r in runs.iterrows()],
            }
        )
        tiny = plot.scatter("x", "y", source=small, size=6, color="color", alpha=0.45)
        plot.add_tools(hover(("", "@n"), ("gap", "@x{0.0}"), ("quality", "@y{0.0}"), renderers=[tiny]))
    best = frontier(frame["x"].to_numpy(), frame["y"].to_numpy())
    plot.line(frame["x"].iloc[best], frame["y"].iloc[best], color=GRAY, line_dash="dashed", line_width=2)
    source = bm.ColumnDataSource(frame)
    plot.segment("low", "y", "high", "y", source=source, color="color", alpha=0.35, line_width=2)
    dots = plot.scatter("x", "y", source=source, marker="marker", color="color", size=12, legend_field="words")
    plot.text("x", "y", "text", source=source, x_offset=8, y_offset=-4, text_font_size="10px", text_color="color")
    tips = (("", "@name"), ("", "@path"), ("gap", "@x{0.0} (@low{0.0} to @high{0.0})"), ("quality", "@y{0.0}"))
    plot.add_tools(hover(*tips, renderers=[dots]))
    below(plot, 2)
    plot.legend.click_policy = "none"  # one glyph draws them all
    return plot, source, runs, small


def frontier(gap: np.ndarray, quality: np.ndarray) -> list[int]:
    """Return the points that no other one beats in both, by rising gap.

    >>> frontier(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.9]))
    [0, 2]
    """
    order = np.lexsort((-quality, gap))
    kept, best = [], -np.inf
    for k in order:
        if quality[k] > best:
            kept.append(int(k))
            best = quality[k]
    return kept


def runs_of(result: Result, name: str, row: pd.Series) -> pd.DataFrame:
    """Return the trainings of an arm, by seed."""
    runs = style.graphs(result)[name].runs
    return runs[(runs[KEYS[1:]] == row[KEYS[1:]]).all(axis=1)].sort_values("seed")


def trainings_html(result: Result, name: str, row: pd.Series) -> str:
    """Return the trainings of one arm as a table."""
    runs = runs_of(result, name, row)
    heads = ("seed", "accuracy", "f1", "auc", "ΔSP", "ΔEO")
    head = "".join(f"<th class='num'>{h}</th>" for h in heads)
    body = "".join(
        "<tr>"
        + f"<td class='num'>{one['seed']}</td>"
        + "".join(f"<td class='num'>{100 * one[k]:.1f}</td>" for k in ("accuracy", "f1", "auc"))
        + "".join(f"<td class='num'>{100 * one[k]:+.1f}</td>" for k in ("sp", "eo"))
        + "</tr>"
        for _, one in runs.iterrows()
    )
    text = f"<p class='small'><strong>{style.arm_words(row)}</strong>; gaps with their sign: group 0 less group 1.</p>"
    return f"{text}<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"


def logs_pane(name: str, summary: pd.DataFrame) -> pn.Column:
    """Return the authors' logs of this graph beside ours; for a graph they did not use, all of them."""
    frame = logs()
    own = frame[frame["set"] == SETS.get(name)]
    rows = own if len(own) else frame
    head = "<tr><th>Authors' log</th><th>lowers</th>" + "".join(
        f"<th class='num'>{w}</th>" for w in ("teacher acc.", "ΔSP", "ΔEO", "student acc.", "ΔSP", "ΔEO")
    )
    keys = ("teacher_accuracy", "teacher_sp", "teacher_eo", "accuracy", "sp", "eo")
    line = lambda text, metric, values: (  # noqa: E731
        f"<tr><td>{text}</td><td>{metric.upper()}</td>"
        + "".join(f"<td class='num'>{style.share(v, 2)}</td>" for v in values)
        + "</tr>"
    )
    body = [
        line(f"{r['set']}, {r['framework']} of {r['teacher']}", r["metric"], [r[k] for k in keys])
        for _, r in rows.iterrows()
    ]
    ours = summary[(summary["set"] == name) & summary["student"].isin(["plp", "akd"]) & (summary["arm"] == "reliant")]
    for _, r in ours.iterrows() if len(own) else ():
        teacher = summary[
            (summary["set"] == name) & (summary["arm"] == "teacher") & (summary["teacher"] == r["teacher"])
        ]
        told = [teacher.iloc[0][k] if len(teacher) else np.nan for k in ("accuracy", "sp", "eo")]
        framework = {"plp": "CPF", "akd": "AKD"}[r["student"]]
        text = f"<strong>ours</strong>, {framework} of {r['teacher'].upper()}, α {r['alpha']:g}"
        body.append(line(text, r["metric"], [*told, *(r[k] for k in ("accuracy", "sp", "eo"))]))
    table = html(f"<div class='scroll'><table>{head}</tr>{''.join(body)}</table></div>")
    how = (
        "The authors' own logs, one training each, percent. They show no student without RELIANT, so they cannot say "
        "what it changes; their official split and networks differ from ours (see Method)."
    )
    return pn.Column(paragraph(how), table, sizing_mode="stretch_width", styles={"max-height": "none"})
