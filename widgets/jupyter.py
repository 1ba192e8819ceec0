"""The Jupyter twin of a Panel component: same module, same fields."""

from __future__ import annotations

import functools
from typing import Any

import param
from panel.custom import AnyWidgetComponent


@functools.cache
def jupyter_widget(component: type[AnyWidgetComponent]) -> type:
    """Return the component as an ``anywidget.AnyWidget`` class, for JupyterLab.

    Made on demand, because a server of pages needs no ipywidgets. A component that answers in Python to what the
    browser writes has ``_answers``: field -> function of the widget that returns the fields to change. A field of
    negative precedence stays in Python.

    Examples
    --------
    >>> from workbench_widgets import ClassHandles
    >>> jupyter_widget(ClassHandles)(rotation=30.0).rotation
    30.0
    """
    import anywidget
    import traitlets

    kinds = {
        param.Boolean: traitlets.Bool,
        param.Bytes: traitlets.Bytes,
        param.Dict: traitlets.Dict,
        param.Integer: traitlets.Int,
        param.List: traitlets.List,
        param.Number: traitlets.Float,
        param.String: traitlets.Unicode,
    }
    fields: dict[str, Any] = {"_esm": component._esm, "__doc__": component.__doc__}
    for name, declared in component.param.objects("existing").items():
        if name in vars(component) and type(declared) in kinds:
            fields[name] = kinds[type(declared)](declared.default, help=declared.doc).tag(sync=True)
        elif name in vars(component) and (declared.precedence or 0) < 0:  # Panel sends no such field either
            fields[name] = traitlets.Any(declared.default, help=declared.doc)
    for name, answer in getattr(component, "_answers", {}).items():
        fields[f"_answer_{name}"] = traitlets.observe(name)(functools.partial(_answer, answer))
    return type(f"{component.__name__}Widget", (anywidget.AnyWidget,), fields)


def _answer(answer: Any, widget: Any, _: Any) -> None:
    for name, value in answer(widget).items():
        setattr(widget, name, value)
