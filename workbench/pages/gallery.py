"""The first page: all labs, grouped by the kind of their input."""

from __future__ import annotations

from html import escape

from workbench.contract.lab import MODALITIES, Lab, labs
from workbench.ui.address import href
from workbench.ui.style import chip


def card_html(lab: Lab) -> str:
    """Return the card of one lab: a link when it works, words when it does not."""
    paper = f"{lab.paper.authors} {lab.paper.year}" if lab.paper.year else ""
    error = f"<pre>{escape(lab.error)}</pre>" if lab.error else ""
    body = (
        f'<div class="row between"><h3>{escape(lab.title)}</h3>{chip(lab.state)}</div>'
        f'<p class="soft">{escape(lab.summary)}</p>{error}'
        f'<div class="foot">{" · ".join(filter(None, (escape(lab.name), escape(paper))))}</div>'
    )
    if lab.state == "works":
        return f'<li><a class="card" href="{escape(href(lab=lab.name))}">{body}</a></li>'
    return f'<li><div class="card {lab.state}">{body}</div></li>'


def gallery_html() -> str:
    """Return the whole gallery."""
    groups = {modality: [lab for lab in labs().values() if lab.modality == modality] for modality in MODALITIES}
    working = sum(lab.state == "works" for lab in labs().values())
    parts = [
        f"<h1>{len(labs())} papers, {len(labs())} labs</h1>"
        '<p class="lead">Put data in, run the real model, poke at the answer. Everything stays on this machine. '
        f"{working} of {len(labs())} {'works' if working == 1 else 'work'} today; the others are planned.</p>"
    ]
    for modality, members in groups.items():
        if members:
            ordered = sorted(members, key=lambda lab: lab.state != "works")
            parts.append(f'<h2>{escape(modality)}</h2><ul class="cards">{"".join(map(card_html, ordered))}</ul>')
    return "".join(parts)
