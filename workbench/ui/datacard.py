"""The frame of a data card: name, figures, what was done on reading, and warnings."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def card_frame(
    name: str,
    facts: dict[str, str],
    sha256: str = "",
    warnings: Iterable[str] = (),
    notes: Iterable[str] = (),
    above: str = "",
    below: str = "",
) -> str:
    """Return a data card as HTML.

    Parameters
    ----------
    name, facts
        Of what was read, as plain text.
    sha256
        Of the file; its beginning is shown.
    warnings, notes
        What a model may stumble over, and what was done on reading, as plain text.
    above, below
        HTML before the figures and at the end.
    """
    rows = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items())
    rows += f"<div><dt>SHA-256</dt><dd><code>{sha256[:12]}</code></dd></div>" if sha256 else ""
    minds = "".join(f'<li><span aria-hidden="true">⚠</span> {escape(warning)}</li>' for warning in warnings)
    told = "".join(f'<li class="soft">{escape(note)}</li>' for note in notes)
    return (
        f'<div class="note{" unsure" if minds else ""}"><p><strong>{escape(name)}</strong></p>{above}'
        f'<dl class="facts">{rows}</dl><ul class="small plain">{minds}{told}</ul>{below}</div>'
    )


def pictures_row(pictures: Iterable[str]) -> str:
    """Return pictures (HTML) beside each other, for `above`."""
    return f'<p style="display:flex;gap:6px;flex-wrap:wrap">{"".join(pictures)}</p>'
