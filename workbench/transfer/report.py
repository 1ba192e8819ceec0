"""The report of a run: one HTML page that needs no server and no network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.models import ColorBar, LayoutDOM, Legend, Plot, Spacer
from bokeh.resources import INLINE, Resources

from workbench.contract.lab import Lab, get_lab
from workbench.runs.describe import format_value
from workbench.runs.record import Run
from workbench.runs.reproduce import base_preset, changes, command_line, notebook
from workbench.transfer.bundle import file_name
from workbench.transfer.static_view import Row, static_parts
from workbench.ui import style
from workbench.ui.claims import claims_html
from workbench.ui.errors import error_html
from workbench.ui.palette import PALETTE
from workbench.ui.reading import method_html, metrics_html

HERE = Path(__file__).parent
FIRST_ROWS = 8  # of a table; all of them are in the CSV behind its link
MOST_CSV = 5_000_000  # bytes of one table kept inside the page
MEDIA = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml", "gif": "image/gif", "wav": "audio/wav"}
MEDIA |= {"mp3": "audio/mpeg", "ogg": "audio/ogg"}
TEMPLATE = """
{% block preamble %}<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{{ css }}</style>{% endblock %}
{% block css_resources %}{% endblock %}
{% block js_resources %}{% for script in scripts %}<script>{{ script }}</script>{% endfor %}{% endblock %}
{% block contents %}
<main>{% for part in parts %}{% if part is string %}{{ part }}{% else %}{{ embed(roots[part]) }}{% endif %}
{% endfor %}</main>
{% endblock %}
{% block postamble %}<script>{{ js }}</script>{% endblock %}
"""


def report_html(run: Run) -> str:
    """Return a finished run as a page of its own.

    It holds Bokeh's script once, the figures of every view, the tables, the log and the method; it makes no request.
    """
    lab = get_lab(run.lab)
    figures: list[LayoutDOM] = []
    parts: list[str | int] = [_head(run, lab)]
    parts += [section("What came out", _notes(run) + metrics_html(lab, run.result))]
    parts += [section("What the paper claims", claims_html(run, lab))]
    parts += list(_views(run, lab, figures))
    parts += [section("What was asked", _params(run, lab))]
    parts += [section("The method", method_html(lab))]
    parts += [section("Tables", _tables(run) + _pieces(run))]
    parts += [section("The same numbers again", _again(run))]
    parts += [section("Made with", _provenance(run))]
    parts += [section("Log", f"<pre>{escape(run.log) or 'The run has left no log.'}</pre>")]
    if not figures:  # Bokeh wants one
        figures.append(Spacer(width=0, height=0))
        parts.append(0)
    merged: list[str | int] = []  # the template's loop is over as few parts as there can be
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    css = style.CSS.replace(":host", ":root") + (HERE / "report.css").read_text(encoding="utf-8")
    document = Document(title=f"{lab.title}: {run.name}")
    with document.models.freeze():  # else Bokeh would count all models again for each figure
        for figure in figures:
            document.add_root(figure)
    words = {"parts": merged, "css": css, "js": (HERE / "report.js").read_text(encoding="utf-8")}
    words["scripts"] = bokeh_scripts(document)
    return file_html(document, INLINE, template=TEMPLATE, template_variables=words, suppress_callback_warning=True)


def bokeh_scripts(document: Document) -> list[str]:
    """Return the text of the parts of BokehJS that a document needs.

    Bokeh's own choice would add links to what Panel has loaded, which nobody serves here.
    """
    kinds = {type(model).__module__ for model in document.models}
    parts = ["bokeh"]
    parts += ["bokeh-widgets"] if any(kind.startswith("bokeh.models.widgets") for kind in kinds) else []
    parts += ["bokeh-tables"] if any("widgets.tables" in kind for kind in kinds) else []
    parts += ["bokeh-gl"] if any(getattr(m, "output_backend", "") == "webgl" for m in document.models) else []
    parts += ["bokeh-mathjax"] if "$$" in json.dumps(document.to_json(), default=str) else []
    return Resources(mode="inline", components=parts).js_raw


def section(title: str, body: str) -> str:
    """Return a section of the page."""
    return f'<section id="{slug(title)}"><h2>{escape(title)}</h2>{body}</section>'


def slug(words: str) -> str:
    """Return words as a part of a file name.

    >>> slug("Where they fail: ε = 1")
    'where-they-fail-1'
    """
    return "-".join(re.findall(r"[a-z0-9]+", words.lower())) or "figure"


# -- the sections --------------------------------------------------------------------------------------------------


def _head(run: Run, lab: Lab) -> str:
    paper = f"{lab.paper.authors}: <em>{escape(lab.paper.title)}</em>, {lab.paper.year}" if lab.paper.year else ""
    link = f' <a href="{escape(lab.paper.link)}">{escape(lab.paper.link)}</a>' if lab.paper.link else ""
    facts = {
        "Run": f"<code>{escape(run.id)}</code>",
        "Preset": escape(run.preset) or "none",
        "Seed": run.seed,
        "Device": escape(run.device),
        "Made": f"{run.created:%d %b %Y, %H:%M} UTC",
        "Took": style.seconds(run.seconds),
        "Code": escape(_code(run)),
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    error = error_html(run.error, "running this") if run.error else ""
    return (
        f'<header><div class="row">{style.chip(run.status)} <span class="soft">{escape(run.name)}</span></div>'
        f'<h1>{escape(lab.title)}</h1><p class="lead">{escape(lab.summary)}</p>'
        f'<p class="small soft">{paper}{link}</p><dl class="facts">{rows}</dl>{error}</header>'
    )


def _code(run: Run) -> str:
    known = run.provenance
    commit = (
        f", commit {known['commit'][:10]}{' with changes' if known.get('dirty') else ''}" if known.get("commit") else ""
    )
    return f"workbench {known.get('version', 'unknown')}{commit}"


def _notes(run: Run) -> str:
    if run.status == "stopped":
        yes = '<p class="note unsure">Stopped before its end: what was ready by then is shown.</p>'
    else:
        yes = ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in run.result.notes)
    return yes + (f'<div class="note quiet"><p>To know about this result:</p><ul>{notes}</ul></div>' if notes else "")


def _views(run: Run, lab: Lab, figures: list[LayoutDOM]) -> Iterator[str | int]:
    """Yield the views: HTML, and the number of each figure where it stands."""
    yield '<section id="pictures"><h2>Pictures</h2>'
    try:
        makers = lab.views(run.result, None)
    except Exception as error:  # an old or a partial result may be too little for a lab's views
        makers = {}
        yield error_html(error, "looking for views of this result")
    for title, build in makers.items():
        yield f'<article id="view-{slug(title)}"><h3>{escape(title)}</h3>'
        try:
            yield from _parts(static_parts(build()), slug(title), figures)
        except Exception as error:  # one view may fail in any way; the others go on
            yield error_html(error, f"drawing “{title}”")
        yield "</article>"
    yield "</section>"


def _parts(parts: Any, name: str, figures: list[LayoutDOM]) -> Iterator[str | int]:
    for part in parts:
        if isinstance(part, Row):
            yield '<div class="flow">'
            for one in part.parts:
                yield "<div>"
                yield from _parts([one], name, figures)
                yield "</div>"
            yield "</div>"
        elif isinstance(part, str):
            yield part
        else:
            figures.append(_plain(part))
            stem = f"{name}-{sum(1 for f in figures if f.name and f.name.startswith(f'{name}-')) + 1}"
            part.name = stem
            buttons = "".join(f'<button data-save="{kind}">{kind.upper()}</button>' for kind in ("png", "svg"))
            yield f'<figure data-figure="{stem}" data-id="{part.id}">'
            yield len(figures) - 1
            yield f'<figcaption class="save">{buttons}</figcaption></figure>'


def _plain(figure: LayoutDOM) -> LayoutDOM:
    """Make a figure take its colors from the page, and do without the part of BokehJS that needs a graphics card."""
    for plot in figure.select({"type": Plot}):
        plot.output_backend = "canvas"
    for bar in figure.select({"type": ColorBar}):  # takes none from the page: gray reads on both grounds
        bar.major_label_text_color = bar.title_text_color = PALETTE.quiet
        bar.background_fill_alpha = 0
    for legend in figure.select({"type": Legend}):  # takes its color before it stands in the page
        legend.stylesheets = [*legend.stylesheets, ".bk-label, .bk-title { color: var(--text) !important; }"]
    return figure


def _params(run: Run, lab: Lab) -> str:
    preset = base_preset(lab.Params, run)
    differ, rows = changes(lab.Params, preset, run.params), []
    for name, value in run.params.items():
        known = name in lab.Params.names()
        doc, unit = (lab.Params.param[name].doc if known else ""), lab.Params.units.get(name, "")
        mark = f' <span class="chip info">not as in {escape(preset)}</span>' if name in differ else ""
        rows.append(
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(format_value(value)) or '–'} "
            f'<span class="soft">{escape(unit)}</span>{mark}</td><td class="small soft">{escape(doc or "")}</td></tr>'
        )
    head = "<tr><th>Parameter</th><th>Value</th><th>What it is</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _tables(run: Run) -> str:
    parts = []
    for name, table in run.result.tables.items():
        first = table.head(FIRST_ROWS).to_html(index=False, border=0, float_format="{:.4g}".format, na_rep="–")
        csv = table.to_csv(index=False).encode()
        if len(csv) <= MOST_CSV:
            kept = _download(f"{name}.csv", "text/csv", csv, f"All rows as CSV ({style.size(len(csv))})")
        else:
            kept = f"The CSV has {style.size(len(csv))}, too much for this page: it is in the zip of this run."
        parts.append(
            f"<details><summary>{escape(name)}: {len(table):,} rows, {len(table.columns)} columns</summary>"
            f'<div class="scroll small">{first}</div><p>{kept}</p></details>'
        )
    return "".join(parts) or '<p class="soft">This run has no tables.</p>'


def _pieces(run: Run) -> str:
    """Return the media, which browsers show, and what the arrays are."""
    parts = []
    for name, blob in run.result.media.items():
        kind = MEDIA.get(name.rsplit(".", 1)[-1].lower(), "")
        source = f'src="{_data(kind, blob)}"' if kind and len(blob) <= MOST_CSV else ""
        if source and kind.startswith("image"):
            parts.append(f'<figure><img alt="{escape(name)}" {source}><figcaption>{escape(name)}</figcaption></figure>')
        elif source:
            parts.append(f"<figure><audio controls {source}></audio><figcaption>{escape(name)}</figcaption></figure>")
        else:
            parts.append(f"<p>{escape(name)}, {style.size(len(blob))}: it is in the zip of this run.</p>")
    for name, array in run.result.arrays.items():
        shape = " × ".join(map(str, array.shape))
        parts.append(f"<p>Array {escape(name)}: {shape} of {array.dtype}; it is in the zip of this run.</p>")
    return "".join(parts)


def _again(run: Run) -> str:
    line = command_line(run)
    book = _download(f"{file_name(run)}.ipynb", "application/x-ipynb+json", notebook(run).encode(), "the notebook")
    file = run.params.get("file")
    needs = f"<p>It needs the file <code>{escape(str(file))}</code>, which this page does not hold.</p>" if file else ""
    return (
        f"<p>In a terminal:</p><pre>{escape(line)}</pre>"
        f'<p><button data-copy="{escape(line)}">Copy</button></p><p>Or open {book}, which runs it and compares every '
        f"headline number. The same seed gives the same numbers on the same kind of device.</p>{needs}"
    )


def _provenance(run: Run) -> str:
    known = run.provenance
    data = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(str(digest))}</code></td></tr>"
        for name, digest in known.get("data", {}).items()
    )
    data = (
        f'<h3>Data, with the SHA-256 of what was read</h3><div class="scroll"><table>{data}</table></div>'
        if data
        else ""
    )
    facts = {"Python": known.get("python"), "System": known.get("platform"), "Device": known.get("device")}
    facts |= {"Memory": style.size(run.peak_memory)}
    rows = "".join(f"<div><dt>{name}</dt><dd>{escape(str(value or '–'))}</dd></div>" for name, value in facts.items())
    packages = ", ".join(f"{escape(name)} {escape(v)}" for name, v in known.get("packages", {}).items())
    return f'<dl class="facts">{rows}</dl>{data}<h3>Packages</h3><p class="small">{packages or "not known"}</p>'


def _data(kind: str, blob: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(blob).decode()}"


def _download(name: str, kind: str, blob: bytes, words: str) -> str:
    return f'<a download="{escape(name)}" href="{_data(kind, blob)}">{escape(words)}</a>'
