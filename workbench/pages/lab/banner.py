"""The banner above a result: which run is shown, what must be known of it, and how the form differs from it."""

from __future__ import annotations

from html import escape

import panel as pn

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.pages.form import Form, plain
from workbench.pages.sweep.list import sweep_link
from workbench.runs.describe import format_value
from workbench.runs.record import Run
from workbench.ui import style
from workbench.ui.address import href


class RunBanner:
    """The facts of the shown run of a lab."""

    def __init__(self, lab: Lab):
        self._lab = lab
        self.layout: pn.pane.HTML = style.html()

    def show(self, run: Run | None, form: Form, touched: bool) -> bool:
        """Show the facts of a run; return whether the form, changed by its user (`touched`), asks for another one."""
        if run is None:
            self.layout.object = ""
            return False
        differs = differences(form, run)
        stale = bool(differs) and (touched or run.status != "recorded")
        parts = [self._head(run), self._hints(run)]
        if stale:
            parts.append(
                '<p role="status"><span aria-hidden="true">⟳</span> <strong>The form has changed since:</strong> '
                f"{escape('; '.join(differs))}. Press Run to bring the results up to date.</p>"
            )
        self.layout.object = f'<div class="note {"unsure" if stale else "quiet"}">{"".join(parts)}</div>'
        return stale

    def _head(self, run: Run) -> str:
        """Return status, name and facts."""
        name = f'<a href="{escape(href(lab=self._lab.name, run=run.id))}">{escape(run.name or run.id[:8])}</a>'
        facts = [
            run.created.astimezone().strftime("%d %b %Y, %H:%M"),
            f"preset {escape(run.preset)}" if run.preset else "",
            f"seed {run.seed}",
            style.seconds(run.seconds),
            sweep_link(run.group),
        ]
        return (
            f'<div class="row">{style.chip(run.status)} <span>Showing {name}</span></div>'
            f'<p class="soft small">{" · ".join(filter(None, facts))}</p>'
        )

    def _hints(self, run: Run) -> str:
        """Return what can be done next, and the notes of the result."""
        hints = ""
        if run.status == "recorded":
            hints += "<p>A recorded run that ships with the lab. Press <strong>Run</strong> for one of your own.</p>"
        elif self._lab.recorded is not None:
            there = escape(href(lab=self._lab.name, run=f"recorded-{self._lab.name}"))
            hints += f'<p class="small"><a href="{there}">The recorded run that ships with the lab</a></p>'
        if run.status == "stopped":
            hints += "<p>Stopped before its end: what was ready by then is shown. Resume goes on from there.</p>"
        if run.result.notes:
            notes = "".join(f'<p class="small">{escape(note)}</p>' for note in run.result.notes)
            hints += f"<details><summary>To know about this result ({len(run.result.notes)})</summary>{notes}</details>"
        return hints


def differences(form: Form, run: Run) -> list[str]:
    """Return "eps: 0.5 → 0.7" for each value of the form that differs from a run's."""
    try:
        now = {**plain(form.values()), "seed": form.seed.value}
    except LabError:
        return ["a value does not fit"]
    then = {**run.params, "seed": run.seed}
    if run.status == "recorded":  # it has a preset of its own; what counts is what the user has changed
        now = {name: now[name] for name in (*form.changes(), "seed")}
    return [
        f"{k}: {format_value(then.get(k))} → {format_value(v)}" for k, v in now.items() if k in then and then[k] != v
    ]
