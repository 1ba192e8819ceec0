"""Move the classes: drag two clouds of points, and every measure and classifier answers at once."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.rs.params import Question
from workbench.labs.rs.views import style
from workbench.labs.rs.views.one_set import NOT_COMPARABLE, MeasureDots, chosen_eps
from workbench.ui.controls import controls
from workbench.ui.frame import needs_page, paragraph
from workbench.ui.palette import GREEN
from workbench_widgets import ClassHandles, flat

START = {
    "set": "gaussians",
    "means": [[-2.0, 0.0], [2.0, 0.0]],
    "std": [[1.0, 1.0], [1.0, 1.0]],
    "rotation": 0.0,
    "label_noise": 0.0,
    "dimension": 2,
    "n": 1000,
    "eps": 0.5,
}
FIXED = {"null": 20, "seed": 0}  # the rest of a request; one seed, so that only what is moved changes
SETS = {
    "two Gaussians": "gaussians",
    "moons": "moons",
    "circles": "circles",
    "spirals": "spirals",
    "XOR": "xor",
    "blobs": "blobs",
    "random labels": "random",
}


def move_the_classes(result: Result, link: Any = None) -> pn.Column:
    """Return the view that probes: handles and sliders in, measures and classifiers out; it begins with the run's ε."""
    how = (
        "Drag a class by its numbered knob, widen it by the small ones, turn everything with the gray one (or focus a "
        "knob and use the arrow keys): every measure and three classifiers answer for the set you made."
    )
    if link is None:
        return needs_page(how, "this picture answers")
    return style.view(how, Mover(link, chosen_eps(result)).layout)


class Mover:
    """The state of the view: one dict of settings, its history, and the widgets that show and change it.

    Parameters
    ----------
    link
        Where to ask, and where to remember the settings (`workbench.ui.link.Link`).
    eps
        The distortion of the run, with which the view starts.
    """

    def __init__(self, link: Any, eps: float | None = None):
        self.link = link
        self.start = START | ({} if eps is None else {"eps": eps})
        self.settings = self.start | dict(link.state.get("classes") or {})
        self.base = self.settings  # the settings after the last finished move
        self.past: list[dict] = []
        self.future: list[dict] = []
        self._showing = False
        self.dots: MeasureDots | None = None
        self.accuracy = bm.ColumnDataSource({"name": [], "value": [], "text": []})
        self.note = paragraph("Asking …", margin=(8, 5))
        self.answers = pn.Column(sizing_mode="stretch_width")
        self.handles = ClassHandles(colors=[style.look(i)[0] for i in range(2)], sizing_mode="stretch_width")
        self.sliders = _sliders()
        self.undo, self.redo, self.reset = (
            pmui.Button(label=word, icon=icon, variant="text", size="small")
            for word, icon in (("Undo", "undo"), ("Redo", "redo"), ("Reset", "restart_alt"))
        )
        self._wire()
        self._show()
        self._ask()

    @property
    def layout(self) -> pn.Column:
        """The view: handles and controls on one side, answers on the other."""
        controls = pn.FlexBox(*self.sliders.values(), gap="4px 16px", sizing_mode="stretch_width")
        buttons = pn.FlexBox(self.undo, self.redo, self.reset, self.note, align_items="center")
        left = pn.Column(self.handles, buttons, sizing_mode="stretch_width")
        both = style.flow(left, self.answers, width=400)  # on a phone the answers come before the sliders
        return pn.Column(both, controls, style.words(NOT_COMPARABLE), sizing_mode="stretch_width")

    def _wire(self) -> None:
        self.handles.param.watch(self._dragged, ["means", "stds", "rotation"])
        self.handles.param.watch(lambda _: self._finish(), "settled")
        self.handles.param.watch(lambda _: self._drawn(), "drawn")
        for key, widget in self.sliders.items():
            widget.param.watch(lambda event, key=key: self._slid(key, event.new), "value")
            finished = "value_throttled" if "value_throttled" in widget.param else "value"
            widget.param.watch(lambda _: self._finish(), finished)
        self.undo.on_click(lambda _: self._travel(self.past, self.future))
        self.redo.on_click(lambda _: self._travel(self.future, self.past))
        self.reset.on_click(lambda _: self._restart())

    def _dragged(self, *_: Any) -> None:
        if not self._showing:
            moved = {"means": self.handles.means, "std": self.handles.stds, "rotation": self.handles.rotation}
            self._change(moved)

    def _slid(self, key: str, value: Any) -> None:
        if self._showing:
            return
        if key == "distance":
            self._change({"means": apart(self.settings["means"], value)})
        elif key.startswith("spread"):
            std = list(self.settings["std"])
            std[int(key[-1])] = rescaled(std[int(key[-1])], value)
            self._change({"std": std})
        else:
            self._change({key: value})

    def _change(self, values: dict) -> None:
        self.settings = self.settings | values
        self._show()
        self._ask()

    def _finish(self) -> None:
        """Put a finished move into the history."""
        if self._showing or self.settings == self.base:
            return
        self.past.append(self.base)
        self.future.clear()
        self._keep()

    def _travel(self, source: list[dict], target: list[dict]) -> None:
        if source:
            target.append(self.settings)
            self._change(source.pop())
            self._keep()

    def _restart(self) -> None:
        self._change(dict(self.start))
        self._finish()

    def _keep(self) -> None:
        self.base = self.settings
        self.link.state["classes"] = {k: v for k, v in self.settings.items() if v != self.start[k]}
        self.undo.disabled, self.redo.disabled = not self.past, not self.future

    def _show(self) -> None:
        """Show the settings in every widget, without handling the events this causes."""
        now, self._showing = self.settings, True
        free = now["set"] == "gaussians"  # only these have means and spreads to move
        first, second = now["means"][:2]
        shown = now | {"distance": float(np.hypot(second[0] - first[0], second[1] - first[1]))}
        shown |= {f"spread{k}": width(now["std"][k]) for k in (0, 1)}
        try:
            self.handles.param.update(means=now["means"], stds=now["std"], rotation=now["rotation"], movable=free)
            for key, widget in self.sliders.items():
                limits = (widget.start, widget.end) if "start" in widget.param else None
                widget.value = type(widget.value)(np.clip(shown[key], *limits)) if limits else shown[key]
                widget.disabled = key not in now and not free
            self.undo.disabled, self.redo.disabled = not self.past, not self.future
        finally:
            self._showing = False

    def _ask(self) -> None:
        self.link.probe(self.settings | FIXED, self._answer, self._refuse, channel="classes")

    def _drawn(self) -> None:
        """Ask again once the view is in the browser: an answer that overtakes it on the way there is lost."""
        self.dots = None
        self._ask()

    def _refuse(self, error: Exception) -> None:
        self.note.object = f"**No answer.** {error}"

    def _answer(self, result: Result) -> None:
        points = result.tables["points"]
        values, names = flat(points["x"], points["y"], points["label"])
        far = float(points[["x", "y"]].abs().max().max()) * 1.1
        extent = 6.0 if self.handles.movable else max(far, 0.5)  # a fixed frame while classes are dragged
        self.handles.param.update(points=values, labels=names, extent=extent)
        self._draw(result.tables["measures"], result.tables["classifiers"])
        self.note.object = f"answered in **{result.metrics['milliseconds']:.0f} ms**"

    def _draw(self, measures: pd.DataFrame, classifiers: pd.DataFrame) -> None:
        values = classifiers["accuracy"].to_numpy(float)
        names = [style.label(k) for k in classifiers["classifier"]]
        self.accuracy.data = {"name": names, "value": values, "text": [f"{v:.3f}" for v in values]}
        if self.dots is not None and self.dots.keys == style.ordered(measures["measure"]):
            self.dots.update(measures)
            return
        self.dots = MeasureDots(measures)
        self.answers[:] = [
            pn.pane.Bokeh(self.dots.plot, sizing_mode="stretch_width"),
            pn.pane.Bokeh(accuracy_dots(self.accuracy), sizing_mode="stretch_width"),
        ]


def _sliders() -> dict[str, Any]:
    def slider(label: str, start: float, end: float, step: float) -> Any:
        return pmui.FloatSlider(label=label, start=start, end=end, step=step, value=start, width=260)

    return {
        "set": pmui.Select(label="Set", options=SETS, value="gaussians", width=260),
        "distance": slider("Distance of the means (units)", 0.0, 12.0, 0.05),
        "spread0": slider("Spread of class 1 (units)", 0.05, 6.0, 0.05),
        "spread1": slider("Spread of class 2 (units)", 0.05, 6.0, 0.05),
    } | controls(Question, **dict.fromkeys(("rotation", "label_noise", "dimension", "n", "eps"), 260))


def width(std: list[float] | float) -> float:
    """Return one number for the spread of a class: the geometric mean of both axes."""
    return float(np.sqrt(np.prod(np.broadcast_to(std, 2))))


def rescaled(std: list[float] | float, spread: float) -> list[float]:
    """Return both axes of a class, scaled so that `width` is `spread`.

    Examples
    --------
    >>> rescaled([1.0, 4.0], 4.0)
    [2.0, 8.0]
    """
    return (np.broadcast_to(std, 2) * spread / width(std)).round(3).tolist()


def apart(means: list[list[float]], distance: float) -> list[list[float]]:
    """Return the first two means moved to a new distance, along their line and about their middle.

    Examples
    --------
    >>> apart([[-1.0, 0.0], [1.0, 0.0]], 6.0)
    [[-3.0, 0.0], [3.0, 0.0]]
    """
    first, second = np.asarray(means[0], float), np.asarray(means[1], float)
    line = second - first
    length = np.linalg.norm(line)
    half = (line / length if length > 1e-9 else np.array([1.0, 0.0])) * distance / 2
    middle = (first + second) / 2
    return [(middle - half).round(3).tolist(), (middle + half).round(3).tolist(), *means[2:]]


def accuracy_dots(source: bm.ColumnDataSource) -> bm.Plot:
    """Return the picture of the classifiers' accuracies (columns name, value, text)."""
    names = list(source.data["name"])
    plot = style.plain_figure(80 + 32 * len(names), "save", y_range=list(reversed(names)), x_range=(0, 1.15))
    plot.xaxis.axis_label = "accuracy on held-out points (0–1)"
    plot.segment(0, "name", "value", "name", source=source, color=GREEN, line_width=2, alpha=0.5)
    plot.scatter("value", "name", source=source, marker="square", size=12, color=GREEN)
    words = {"text_font_size": "12px", "text_baseline": "middle", "x_offset": 10, "color": GREEN}
    plot.text("value", "name", "text", source=source, **words)
    return plot
