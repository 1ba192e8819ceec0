"""The text of a sweep's page: progress, how to read the plot, and the list of runs."""

from __future__ import annotations

from html import escape

from workbench.contract.lab import Metric, get_lab
from workbench.engine.live import Live
from workbench.runs.describe import format_number, format_params
from workbench.runs.record import Run
from workbench.sweeps.points import name_of
from workbench.sweeps.record import SweepRecord
from workbench.sweeps.spec import Spec
from workbench.sweeps.table import axis_value
from workbench.ui import style
from workbench.ui.address import href
from workbench.ui.reading import paper_text

LISTED = 200  # runs in the list; the runs table has all of them


def head_html(found: SweepRecord, counts: dict[str, int]) -> str:
    """Return what the sweep is, and how far it is."""
    spec = found.spec
    ended = sum(counts[status] for status in ("done", "failed", "lost", "stopped"))
    share = 100 * ended / spec.runs
    told = [f"{count:,} {status}" for status, count in counts.items() if count]
    where = f'<a href="{escape(href(lab=spec.lab))}">{escape(get_lab(spec.lab).title)}</a>'
    axes = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(', '.join(map(str, map(axis_value, values))))}</dd></div>"
        for name, values in spec.axes.items()
    )
    seeds = ", ".join(map(str, spec.seeds))
    facts = [
        f"preset {spec.preset}",
        format_params(spec.base),
        f"{spec.search} search",
        f"user {spec.user}" if spec.user else "",
    ]
    notes = ""
    if found.retried:
        notes += (
            f"<p>{len(found.retried)} of its runs lost their worker on the way and were resumed once, "
            "from their checkpoints.</p>"
        )
    if found.status == "lost":
        notes += "<p>The process that led it is gone. <strong>Continue</strong> goes on with what is missing.</p>"
    elif not found.active and counts["done"] < spec.runs:
        notes += "<p>Not every run is done. <strong>Continue</strong> takes up those that stopped, failed or wait.</p>"
    if found.error:
        notes += f"<p>{escape(found.error)}</p>"
    note = f'<div class="note {"bad" if found.error else "unsure"}">{notes}</div>' if notes else ""
    return (
        f'<h1>{escape(found.name)}</h1><div class="row">{style.chip(found.status)} <span>{where}</span>'
        f'<span class="soft small">{found.created.astimezone():%d %b %Y, %H:%M}</span></div>'
        f'<div class="bar" role="progressbar" aria-label="Progress of the sweep" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share:.0f}"><div style="width:{share:.1f}%"></div></div>'
        f'<p><strong>{ended:,} of {spec.runs:,} runs have ended</strong> <span class="soft small">'
        f'{escape(" · ".join(told))}</span></p><dl class="facts">{axes}<div><dt>seeds</dt><dd>{seeds}</dd></div></dl>'
        f'<p class="soft small">{escape(" · ".join(filter(None, facts)))}</p>{note}'
    )


def under_html(metric: Metric, by: list[str]) -> str:
    """Return what stands below the picture: the metric's definition, the paper's value, how to read it."""
    unit = f" ({metric.unit})" if metric.unit else ""
    spread = "the mean over seeds and the axes not drawn; point at it for the standard deviation and the count"
    shape = "Each cell is" if len(by) == 2 else "Bars are the standard deviation; each point is"
    dashed = " (the dashed line)" if metric.paper is not None and len(by) == 1 else ""
    return (
        f'<p class="small"><strong>{escape(metric.label)}{escape(unit)}.</strong> {escape(metric.definition)} '
        f"<strong>The paper{dashed}:</strong> {escape(paper_text(metric))}.</p>"
        f'<p class="soft small">{shape} {spread}. A click opens the run, or tells which there are.</p>'
    )


def runs_html(found: SweepRecord, runs: list[Run], lives: dict[str, Live]) -> str:
    """Return the list of the runs, those under way first."""
    metric, spec = found.spec.declared, found.spec
    order = sorted(runs, key=lambda run: run.finished)
    rows = []
    for run in order[:LISTED]:
        live = lives.get(run.id)
        told = ""
        if live is not None and live.status == "running" and live.total:
            told = f"{live.stage} {live.done} of {live.total}"
        elif live is not None and live.queue_position:
            told = f"number {live.queue_position} in the queue"
        elif run.error:
            told = run.error["cause"]
        elif run.finished:
            told = style.seconds(run.seconds).replace(" ", "\u00a0")
        value = format_number(run.metrics.get(metric.key)) if run.status == "done" else "–"
        rows.append(
            f'<tr><td>{style.chip(run.status)}</td><td>{run_link(run, spec)}</td><td class="num">{value}</td>'
            f'<td class="small soft">{escape(told)}</td></tr>'
        )
    if not rows:
        return '<h2>Runs</h2><p class="soft">None has been sent yet.</p>'
    rest = f'<p class="soft small">{len(order) - LISTED} more are on the Runs page.</p>' if len(order) > LISTED else ""
    head = f'<tr><th>Status</th><th>Run</th><th class="num">{escape(metric.label)}</th><th></th></tr>'
    return f'<h2>Runs</h2><div class="scroll"><table>{head}{"".join(rows)}</table></div>{rest}'


def run_link(run: Run, spec: Spec | None = None) -> str:
    word = name_of({name: run.params[name] for name in spec.axes}, run.seed) if spec else run.name
    return f'<a href="{escape(href(lab=run.lab, run=run.id))}">{escape(word)}</a>'
