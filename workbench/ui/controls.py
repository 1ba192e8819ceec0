"""Widgets from declared parameters: what a form, a probe and a question have in common."""

from __future__ import annotations

import math

import panel as pn
import panel_material_ui as pmui
import param

from workbench.contract.params import bounds_text
from workbench.contract.question import Question


def help_text(declared: param.Parameter) -> str:
    """Return the one-line doc with the bounds: what stands below a field."""
    doc = " ".join((declared.doc or "").split()).rstrip(".")
    return " · ".join(part for part in (doc, bounds_text(declared)) if part)


def label_text(declared: param.Parameter, unit: str = "") -> str:
    """Return the label with its unit."""
    return f"{declared.label} ({unit})" if unit else declared.label


def step_of(declared: param.Number) -> float:
    """Return the step of a number: its own, else 1 for an integer, else a power of ten near 1 % of its range."""
    if declared.step or isinstance(declared, param.Integer):
        return declared.step or 1
    low, high = declared.bounds or (None, None)
    return 10.0 ** round(math.log10((high - low) / 100)) if None not in (low, high) and high > low else 0.1


def controls(question: type[Question], **widths: int) -> dict[str, pn.widgets.Widget]:
    """Return a control for each of these fields of a question, so many pixels wide.

    A number is a slider over its soft bounds, where it has some, in its steps: a question that is asked from code may
    go as far as its bounds, and takes any value. A truth is a switch, a choice a menu.
    """
    return {name: _control(question.param[name], question.units.get(name, ""), width) for name, width in widths.items()}


def _control(declared: param.Parameter, unit: str, width: int) -> pn.widgets.Widget:
    common = {"label": label_text(declared, unit), "width": width, "description": help_text(declared)}
    if isinstance(declared, param.Boolean):
        return pmui.Switch(value=declared.default, **common)
    if isinstance(declared, param.Selector):
        return pmui.Select(value=declared.default, options=declared.get_range(), **common)
    start, end = declared.get_soft_bounds()
    kind = pmui.IntSlider if isinstance(declared, param.Integer) else pmui.FloatSlider
    value = start if declared.default is None else declared.default
    return kind(value=value, start=start, end=end, step=step_of(declared), **common)
