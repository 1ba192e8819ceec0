"""The data page: the catalog, with the state of each entry on this machine."""

from __future__ import annotations

from html import escape

from workbench.contract.lab import MODALITIES
from workbench.data.catalog.catalog import Entry, catalog
from workbench.ui.style import size

STATES = {
    "here": "✓ on this machine",
    "mirror": "✓ in your mirror",
    "fetch": "↓ fetched at first use",
    "asked": "↓ fetched if you ask for it",
    "absent": "– absent",
}


def row_html(entry: Entry) -> str:
    """Return the table row of one data set."""
    terms = escape(entry.licence)
    state = entry.state
    if entry.noncommercial:
        state = "asked" if state == "fetch" else state
        terms += '<br><span class="chip unsure"><span aria-hidden="true">⚠</span> non-commercial use only</span>'
    return (
        f"<tr><td><strong>{escape(entry.title)}</strong><br><code>{escape(entry.name)}</code></td>"
        f'<td class="small">{escape(entry.what)}</td><td class="small">{terms}</td>'
        f'<td class="num">{size(entry.size)}</td>'
        f'<td class="small">{STATES.get(state, escape(state))}</td></tr>'
    )


def data_html() -> str:
    """Return the catalog as tables, one for each modality; reads the disk, so call it off the page's thread."""
    parts = [
        "<h1>Data</h1>",
        '<p class="lead">What the labs can use. <code>workbench data fetch NAME</code> gets one ahead of time; your '
        "own files are dropped on a lab's page and stay on this machine.</p>",
    ]
    head = '<tr><th>Data set</th><th>What it is</th><th>Licence</th><th class="num">Size</th><th>State</th></tr>'
    entries = list(catalog().values())
    order = [*MODALITIES, *sorted({e.modality for e in entries} - set(MODALITIES))]
    for modality in order:
        members = [e for e in entries if e.modality == modality]
        if members:
            body = "".join(map(row_html, members))
            parts.append(f'<h2>{escape(modality)}</h2><div class="scroll"><table>{head}{body}</table></div>')
    return "".join(parts)
