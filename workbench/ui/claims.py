"""Claims of the paper as HTML: verdict, deciding numbers and rule."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from workbench.contract.lab import Lab, Verdict
from workbench.runs.describe import format_number
from workbench.toolkit.statistics import Interval, stored_intervals
from workbench.ui import style
from workbench.ui.errors import error_html

if TYPE_CHECKING:
    from workbench.runs.store import Run

WIDE, HIGH = 120, 14  # pixels of an interval's picture


def verdicts(run: Run, lab: Lab) -> dict[str, Verdict | Exception]:
    """Judge every claim by itself, so that one faulty rule does not hide the others."""
    found: dict[str, Verdict | Exception] = {}
    for claim in lab.claims:
        try:
            found[claim.key] = claim.judge(run.result)
        except Exception as error:  # a lab's rule may fail in any way on a partial result
            found[claim.key] = error
    return found


def claims_html(run: Run, lab: Lab) -> str:
    """Return the paper's claims, each with its verdict, the numbers that decide, and the rule."""
    judged, cards = verdicts(run, lab), []
    for claim in lab.claims:
        verdict = judged[claim.key]
        source = f' <span class="soft small">{escape(claim.source)}</span>' if claim.source else ""
        head = f"<p>{escape(claim.text)}{source}</p>"
        rule = f'<p class="soft small"><strong>Rule.</strong> {escape(claim.rule)}</p>'
        if isinstance(verdict, Exception):
            cards.append(f'<li class="card">{head}{error_html(verdict, "judging this claim")}{rule}</li>')
            continue
        why = f"<p>{escape(verdict.why)}</p>" if verdict.why else ""
        chip = f'<div class="row">{style.chip(verdict.verdict)} <strong>{escape(claim.key)}</strong></div>'
        cards.append(f'<li class="card">{chip}{head}{facts_html(verdict.numbers)}{why}{rule}</li>')
    if not cards:
        return '<p class="soft">This lab declares no claims.</p>'
    intro = '<p class="soft">What the paper says, judged on this run by a rule that was fixed beforehand.</p>'
    return f'{intro}<ul class="cards wide">{"".join(cards)}</ul>'


def facts_html(numbers: dict[str, float]) -> str:
    """Return the numbers of a verdict: intervals as pictures with a line where it is decided, the others as they are.

    That is at zero, or at a threshold, which is then told as well.
    """
    found, rest = stored_intervals(numbers)
    drawn = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{interval_svg(one, line)} <strong>{format_number(one[0])}</strong> "
        f"<span>{format_number(one[1])} to {format_number(one[2])}"
        f"{f', line at {format_number(line)}' if line else ''}</span></dd></div>"
        for name, (one, line) in found.items()
    )
    plain = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{format_number(value)}</dd></div>" for name, value in rest.items()
    )
    drawn = f'<dl class="facts intervals">{drawn}</dl>' if drawn else ""
    return drawn + (f'<dl class="facts">{plain}</dl>' if plain else "")


def interval_svg(found: Interval, threshold: float = 0.0) -> str:
    """Return a mean, its interval and a threshold as a small picture; nothing if one is undefined."""
    if not all(math.isfinite(v) for v in found):
        return ""
    left, right = min(*found, threshold), max(*found, threshold)
    at, low, high, line = (6 + (WIDE - 12) * (v - left) / ((right - left) or 1.0) for v in (*found, threshold))
    side = "above" if found[1] > threshold else "below" if found[2] < threshold else "on both sides of"
    words = f"the interval lies {side} {format_number(threshold) if threshold else 'zero'}"
    return (
        f'<svg class="interval" width="{WIDE}" height="{HIGH}" role="img" aria-label="{words}">'
        f'<line class="threshold" x1="{line:.1f}" x2="{line:.1f}" y1="0" y2="{HIGH}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{HIGH / 2:g}" y2="{HIGH / 2:g}"/>'
        f'<circle cx="{at:.1f}" cy="{HIGH / 2:g}" r="4"/></svg>'
    )
