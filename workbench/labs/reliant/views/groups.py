"""Rates by group: teacher, students and tables side by side, and groups within groups."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.transform import dodge

from workbench.contract import Result
from workbench.labs.reliant.common.intervals import HALF, Outcomes
from workbench.labs.reliant.views import style
from workbench.labs.reliant.views.selected_training import follow, picked, training_words
from workbench.ui.frame import below, hover, pane, paragraph, plain_figure, redraw_on_change, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY
from workbench.ui.style import html

RATES = {
    "P(ŷ=1), whose gap is ΔSP": "selection",
    "P(ŷ=1 | y=1), whose gap is ΔEO": "tpr",
    "P(ŷ=1 | y=0), false alarms": "fpr",
}
HOW = (
    "Each row is one way to predict, averaged over trainings: a gap is the difference of a rate between the two "
    "groups, so 0 is equal treatment. Read it beside the accuracy *above the majority*: who predicts one class for "
    "all is fair and useless."
)


def groups_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `summary` and the rates of both groups."""
    names = list(style.graphs(result))
    summary = result.tables["summary"]
    graph = pmui.Select(label="Graph", options=names, value=names[0], width=160)
    rate = pmui.Select(label="Rate", options=RATES, value="selection", width=300)
    weights = [int(a) for a in sorted(summary["alpha"].unique()) if a]
    chosen = int(summary.loc[summary["arm"] == "full", "alpha"].iloc[0]) if (summary["arm"] == "full").any() else 0
    alpha = pmui.Select(label="Weight α", options=weights or [0], value=chosen or (weights or [0])[0], width=120)
    remember(link, graph=graph, rate=rate, alpha=alpha)

    def table(name: str, weight: int) -> pn.pane.HTML:
        return html(summary_html(shown(summary, name, weight)))

    def bars(name: str, kind: str, weight: int) -> pn.pane.Bokeh:
        return pane(rate_plot(result, name, kind, weight))

    def confusion(name: str, weight: int) -> pn.pane.HTML:
        return html(confusion_html(result, name, weight))

    one = html("")

    def tell() -> None:
        found = picked(link, result)
        one.object = picked_html(*found) if found else ""

    tell()
    follow(link, tell)
    return view(
        HOW,
        pn.FlexBox(graph, alpha, rate, gap="8px"),
        one,
        redraw_on_change(table, graph, alpha),
        paragraph(
            "In percent; in brackets the 95 % interval over test nodes and trainings, after ± the standard deviation "
            "over trainings alone. F1 and AUC are of label 1."
        ),
        redraw_on_change(bars, graph, rate, alpha),
        redraw_on_change(confusion, graph, alpha),
        redraw_on_change(lambda name, weight: pane(within_plot(result, name, weight)), graph, alpha),
    )


def picked_html(name: str, row: pd.Series) -> str:
    """Return the one training that was picked in the trade-off, in a sentence."""
    rates = " and ".join(style.share(row[f"selection {v}"]) for v in (0, 1))
    who = f"<strong>{escape(name)}, {escape(training_words(row))}</strong>"
    gaps = f"ΔSP {style.share(abs(row['sp']))}, ΔEO {style.share(abs(row['eo']))}"
    return (
        f"<p class='small'>Picked in <em>Trade-off</em>: {who}: accuracy {style.share(row['accuracy'])}, {gaps}; "
        f"predicted 1 are {rates} percent of group 0 and 1.</p>"
    )


def shown(summary: pd.DataFrame, name: str, weight: int) -> pd.DataFrame:
    """Return the rows of one graph at one weight: those without a bias loss stand in all."""
    return summary[(summary["set"] == name) & summary["alpha"].isin([0, weight])]


def summary_html(rows: pd.DataFrame) -> str:
    """Return the table of arms."""
    head = "".join(f"<th class='num'>{h}</th>" for h in ("Accuracy", "above majority", "F1", "AUC", "ΔSP", "ΔEO"))
    body = []
    for _, row in rows.iterrows():
        teacher, student = (style.NETWORKS.get(row[k], "") for k in ("teacher", "student"))
        path = "" if row["student"] == "table" else teacher if row["arm"] == "teacher" else f"{teacher} → {student}"
        cells = [
            f"{100 * row['accuracy']:.1f} ± {100 * row['accuracy_sd']:.1f}",
            style.share(row["above_majority"]),
            *(style.share(row[k]) for k in ("f1", "auc")),
            *(
                f"{style.ranged(row[k], row[f'{k}_low'], row[f'{k}_high'])} ± {style.share(row[f'{k}_sd'])}"
                for k in ("sp", "eo")
            ),
        ]
        line = "".join(f"<td class='num'>{c}</td>" for c in cells)
        body.append(f"<tr><td>{style.arm_words(row)}</td><td class='small'>{path}</td>{line}</tr>")
    return f"<div class='scroll'><table><tr><th>Arm</th><th>Networks</th>{head}</tr>{''.join(body)}</table></div>"


def rate_plot(result: Result, name: str, kind: str, weight: int) -> Any:
    """Return the bars of a rate: two for each arm of the first teacher and student, whiskers over trainings."""
    runs = main_runs(result, name, weight)
    rows = []
    for arm, part in runs.groupby("arm", sort=False):
        for v in (0, 1):
            values = part[f"{kind} {v}"]
            rows.append({"arm": style.ARMS[arm].label, "group": v, "rate": values.mean(), "sd": values.std()})
    frame = pd.DataFrame(rows).fillna({"sd": 0.0})
    names = list(dict.fromkeys(frame["arm"]))
    plot = plain_figure(110 + 44 * len(names), "save", y_range=list(reversed(names)), x_range=(0, 1))
    plot.xaxis.axis_label = next(w for w, k in RATES.items() if k == kind)
    for v, text in enumerate(style.group_words(result, name)):
        part = frame[frame["group"] == v]
        source = bm.ColumnDataSource(
            {
                "arm": part["arm"],
                "rate": part["rate"],
                "low": part["rate"] - part["sd"],
                "high": part["rate"] + part["sd"],
            }
        )
        place = dodge("arm", 0.19 - 0.38 * v, range=plot.y_range)
        bar = plot.hbar(place, right="rate", height=0.34, source=source, color=style.GROUP[v], legend_label=text)
        plot.segment("low", place, "high", place, source=source, color=GRAY, line_width=2)
        plot.add_tools(hover(("", "@arm"), (text, "@rate{0.0%}"), renderers=[bar]))
    below(plot)
    return plot


def main_runs(result: Result, name: str, weight: int) -> pd.DataFrame:
    """Return the runs of the first teacher with its first student, and of tables, at one weight."""
    runs = style.graphs(result)[name].runs
    students = runs[~runs["student"].isin(["-", "table"])]
    if students.empty:
        return runs
    teacher, student = students.iloc[0][["teacher", "student"]]
    pair = (runs["teacher"] == teacher) & runs["student"].isin([student, "-"])
    metric = students.iloc[0]["metric"]
    fit = runs["alpha"].isin([0, weight]) & (runs["metric"].isin([metric, "-"]))
    return runs[(pair | (runs["student"] == "table")) & fit]


def confusion_html(result: Result, name: str, weight: int) -> str:
    """Return the confusion matrices of both groups: teacher, KD and RELIANT, in percent of the group."""
    found = style.graphs(result)[name]
    runs = main_runs(result, name, weight)
    told = [escape(word) for word in style.group_words(result, name)]
    parts = []
    for arm in ("teacher", "kd", "reliant"):
        rows = runs[runs["arm"] == arm]
        if rows.empty:
            continue
        cells = np.mean([confusion(found, row) for _, row in rows.iterrows()], axis=0)  # (group, y, hit)
        head = f"<tr><th>{style.ARMS[arm].label}</th><th class='num'>ŷ = 0</th><th class='num'>ŷ = 1</th></tr>"
        lines = "".join(
            f"<tr><td class='small'>{told[s]}, y = {y}</td>"
            + "".join(f"<td class='num'>{100 * cells[s, y, hit]:.1f}</td>" for hit in (0, 1))
            + "</tr>"
            for s in (0, 1)
            for y in (0, 1)
        )
        parts.append(f"<table style='flex:1 1 220px;max-width:380px'>{head}{lines}</table>")
    text = "<p class='small soft'>Confusion by group, percent of the group's test nodes.</p>"
    return f"{text}<div style='display:flex;flex-wrap:wrap;gap:16px'>{''.join(parts)}</div>"


def confusion(found: Outcomes, row: pd.Series) -> np.ndarray:
    """Return the shares (group, label, prediction) of one run, each group's summing to 1."""
    y, s = found.truth(int(row["seed"]))
    cells = np.bincount(4 * s + 2 * y + found.hits(row), minlength=8).reshape(2, 2, 2).astype(float)
    return cells / np.maximum(cells.sum((1, 2), keepdims=True), 1)


def within_plot(result: Result, name: str, weight: int) -> Any:
    """Return the selection rates of groups within groups, where a second sensitive column is known."""
    found = style.graphs(result)[name]
    cards = result.tables["cards"]
    card = cards[cards["set"] == name].iloc[0]
    two = found.groups.shape[1] > 1
    runs = main_runs(result, name, weight)
    arms = [arm for arm in ("teacher", "kd", "reliant") if (runs["arm"] == arm).any()]
    places = [(a, b) for a in (0, 1) for b in ((0, 1) if two else (0,))]
    label = lambda a, b: f"{card['sensitive']} {a}, {card['second']} {b}" if two else f"{card['sensitive']} {a}"  # noqa: E731
    names = [label(a, b) for a, b in places]
    plot = plain_figure(110 + 44 * len(names), "save", y_range=list(reversed(names)), x_range=(0, 1))
    plot.xaxis.axis_label = "P(ŷ=1) in groups within groups; the number is that of test nodes"
    for k, arm in enumerate(arms):
        rates, sizes = [], []
        for a, b in places:
            cells = [inside(found, row, a, b if two else None) for _, row in runs[runs["arm"] == arm].iterrows()]
            rates.append(np.nanmean([r for r, _ in cells]) if any(n for _, n in cells) else np.nan)
            sizes.append(int(np.mean([n for _, n in cells])))
        one = style.ARMS[arm]
        source = bm.ColumnDataSource(
            {"name": names, "rate": rates, "size": sizes, "told": [f"n = {n:,}" for n in sizes]}
        )
        place = dodge("name", 0.25 - 0.25 * k, range=plot.y_range)
        look = {"color": one.color, "marker": one.marker, "legend_label": one.label}
        dot = plot.scatter("rate", place, source=source, size=11, **look)
        plot.add_tools(hover(("", "@name"), (one.label, "@rate{0.0%}"), ("test nodes", "@size"), renderers=[dot]))
        if k == 0:
            plot.text(1, place, "told", source=source, text_align="right", text_font_size="11px", color=GRAY)
    if arms:
        below(plot)
    return plot


def inside(found: Outcomes, row: pd.Series, a: int, b: int | None) -> tuple[float, int]:
    """Return the selection rate of one run among test nodes of a group (and a second one), and how many they are."""
    cases = found.cases[int(row["seed"])]
    mask = found.groups[cases, 0] == a
    if b is not None:
        mask &= found.groups[cases, 1] == b
    hits = found.probs[int(row["at"])][mask] >= HALF
    return (float(hits.mean()) if len(hits) else float("nan")), int(mask.sum())
