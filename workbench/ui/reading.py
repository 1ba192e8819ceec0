"""Text about a run: its metrics, and the method with formulas."""

from __future__ import annotations

import functools
import math
import re
from html import escape
from typing import TYPE_CHECKING

from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from workbench.contract.lab import Lab, Metric
from workbench.contract.result import Result
from workbench.runs.describe import format_number

if TYPE_CHECKING:
    pass

# $$ over lines $$ before $ in a line $; code is left alone
_FORMULA = re.compile(r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<line>[^$\n]+?)\$", re.DOTALL)


def paper_text(metric: Metric) -> str:
    """Return the paper's value with its setting, and whether it was read or recalled."""
    if metric.paper is None:
        return "not known"
    recalled = "" if metric.paper.origin == "read" else " (recalled)"
    return f"{format_number(metric.paper.value)}{recalled}: {metric.paper.setting}"


def metric_rows(metrics: tuple[Metric, ...], result: Result) -> list[dict[str, str]]:
    """Return one row of texts for each declared metric: key, label, value, spread, unit, definition, paper."""
    rows = []
    for metric in metrics:
        spread = result.spread(metric.key)
        count = sum(math.isfinite(v) for v in result.samples.get(metric.key, ()))
        better = {True: "higher is better", False: "lower is better", None: ""}[metric.higher_is_better]
        if metric.range is not None:
            better = ", ".join(filter(None, (better, f"{metric.range[0]:g} to {metric.range[1]:g}")))
        rows.append(
            {
                "key": metric.key,
                "label": metric.label,
                "value": format_number(result.metrics.get(metric.key)),
                "spread": f"± {format_number(spread, 2)} over {count} seeds" if math.isfinite(spread) else "",
                "unit": metric.unit,
                "definition": metric.definition,
                "better": better,
                "paper": paper_text(metric),
            }
        )
    return rows


def metrics_html(lab: Lab, result: Result) -> str:
    """Return the table of metrics; a number never stands without its definition."""
    rows = "".join(
        f"<tr><td><strong>{escape(r['label'])}</strong><br>"
        f'<span class="soft small">{escape(r["definition"])}</span></td>'
        f'<td class="num"><span class="big">{escape(r["value"])}</span> {escape(r["unit"])}<br>'
        f'<span class="soft small">{escape(r["spread"])}</span></td>'
        f'<td class="small">{escape(r["better"])}</td><td class="small">{escape(r["paper"])}</td></tr>'
        for r in metric_rows(lab.metrics, result)
    )
    if not rows:
        return '<p class="soft">This lab declares no metrics.</p>'
    head = '<tr><th>Metric</th><th class="num">This run</th><th>Reading</th><th>Paper</th></tr>'
    return f'<div class="scroll"><table>{head}{rows}</table></div>'


@functools.lru_cache(32)
def readme_html(text: str) -> str:
    """Return a README as HTML with its TeX formulas as MathML, which browsers draw without any script."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        tex = match["block"] or match["line"]
        try:
            kept.append(convert(tex.strip(), display="block" if match["block"] else "inline"))
        except Exception:  # the converter does not know every macro: show the source then
            kept.append(f"<code>{escape(tex)}</code>")
        return f"MATH{len(kept) - 1}HTAM"

    # raw HTML is off: a README is text
    plain = (
        MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(_FORMULA.sub(keep, text))
    )
    for index, formula in enumerate(kept):
        plain = plain.replace(f"MATH{index}HTAM", formula)
    return f'<div class="prose">{plain}</div>'


def method_html(lab: Lab) -> str:
    """Return the lab's README; without one, the paper it reads."""
    try:
        return readme_html(lab.readme)
    except OSError:
        paper = lab.paper
        cite = f"{escape(paper.authors)} ({paper.year}). <em>{escape(paper.title)}</em>. {escape(paper.link)}"
        return f'<p>{cite}</p><p class="soft">This lab has no README yet.</p>'
