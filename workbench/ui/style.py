"""Theme of the Material components, style sheet, and small HTML elements."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import panel as pn

from workbench.ui.palette import BLUE, PALETTE, SKY

CSS = Path(__file__).with_name("style.css").read_text(encoding="utf-8")

_COMMON: dict[str, Any] = {
    "shape": {"borderRadius": 8},
    "typography": {"h3": {"fontSize": "1.15rem", "fontWeight": 700, "letterSpacing": "-0.01em"}},
    "components": {
        "MuiButton": {"styleOverrides": {"root": {"textTransform": "none"}}},
        "MuiTab": {"styleOverrides": {"root": {"textTransform": "none", "minHeight": 44, "fontSize": "0.95rem"}}},
        "MuiAppBar": {"defaultProps": {"elevation": 0}},
        "MuiAccordion": {"defaultProps": {"elevation": 0}},
    },
}
THEME = {
    "light": {
        **_COMMON,
        "palette": {
            "primary": {"main": BLUE, "contrastText": "#ffffff"},
            "background": {"default": "#ffffff", "paper": "#ffffff"},
            "text": {"primary": "#1c2329", "secondary": "#57626c"},
        },
    },
    "dark": {
        **_COMMON,
        "palette": {
            "primary": {"main": SKY, "contrastText": "#14181c"},
            "background": {"default": "#14181c", "paper": "#14181c"},
            "text": {"primary": "#e8ecef", "secondary": "#a3aeb8"},
        },
    },
}
# a quiet bar in the page's own color; "contrastText" and "main" are the pair that Page knows as such
PAGE_SX = {
    ".MuiAppBar-root": {
        "bgcolor": "primary.contrastText",
        "color": "primary.main",
        "borderBottom": "1px solid var(--mui-palette-divider)",
    },
    ".MuiAppBar-root .title": {"color": "var(--mui-palette-text-primary) !important"},
}

# a fold within the page: a quiet line with a word, not a card
FOLD: dict[str, Any] = {
    "title_variant": "body2",
    "elevation": 0,
    "disable_gutters": True,
    "dynamic": True,  # what is folded costs nothing until it is opened
    "sizing_mode": "stretch_width",
    "margin": (8, 0),
    "sx": {
        ".MuiAccordion-root": {"border": "1px solid var(--mui-palette-divider)", "boxShadow": "none"},
        ".MuiAccordion-root::before": {"display": "none"},
    },
}

# status or verdict -> (icon, tone); the icon and the word carry the meaning, the color only helps
SIGNS = {
    "queued": ("◷", "quiet"),
    "running": ("▶", "info"),
    "done": ("✓", "good"),
    "stopped": ("■", "unsure"),
    "failed": ("✕", "bad"),
    "lost": ("⚠", "bad"),
    "recorded": ("●", "info"),
    "holds": ("✓", "good"),
    "does not hold": ("✕", "bad"),
    "within noise": ("≈", "unsure"),
    "not tested": ("–", "quiet"),
    "works": ("✓", "good"),
    "planned": ("◷", "quiet"),
    "broken": ("⚠", "bad"),
}


def html(text: str = "", **params: Any) -> pn.pane.HTML:
    """Return a pane of our own HTML, styled; the caller escapes what users and labs wrote."""
    params = {"sizing_mode": "stretch_width", "margin": 0, **params}
    return pn.pane.HTML(text, stylesheets=[CSS], sanitize_html=False, **params)


def chip(word: str) -> str:
    """Return a status or verdict as icon and word on a tinted ground."""
    icon, tone = SIGNS.get(word, ("•", "quiet"))
    return f'<span class="chip {tone}"><span aria-hidden="true">{icon}</span><span>{escape(word)}</span></span>'


def seconds(value: float | None) -> str:
    """Return a duration as text: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if value is None or value != value:
        return "–"
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float | None) -> str:
    """Return a number of bytes as text."""
    if not count:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


CSS = CSS.replace("$GOOD", PALETTE.good).replace("$BAD", PALETTE.bad).replace("$UNSURE", PALETTE.unsure)
