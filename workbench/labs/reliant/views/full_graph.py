"""All nodes and edges of a graph, however many: shaded as a picture that is drawn afresh for the part one looks at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
from bokeh.events import RangesUpdate, Tap

from workbench.ui.frame import plain_figure
from workbench.ui.palette import GRAY

SIZE = (900, 520)  # pixels of the picture
Span = tuple[float, float, float, float]  # x from, x to, y from, y to
WHOLE: Span = (-1.02, 1.02, -1.02, 1.02)


def shaded(ends: pd.DataFrame, nodes: pd.DataFrame, colors: list[str], span: Span = WHOLE) -> np.ndarray:
    """Return a picture (height, width) of uint32 RGBA, the lowest row first.

    Parameters
    ----------
    ends
        Edges: x0, y0, x1, y1.
    nodes
        Places x and y with ``kind``, the number of a color.
    colors
        One for each kind. Where nodes lie on one another, their colors mix by how many there are of each.
    span
        The part to draw.
    """
    import datashader as ds
    from datashader import transfer_functions as tf

    canvas = ds.Canvas(*SIZE, x_range=span[:2], y_range=span[2:])
    lines = canvas.line(ends, x=["x0", "x1"], y=["y0", "y1"], axis=1, agg=ds.count())
    kinds = pd.Categorical.from_codes(nodes["kind"], categories=range(len(colors)))
    dots = canvas.points(nodes.assign(kind=kinds), "x", "y", agg=ds.by("kind", ds.count()))
    below = tf.shade(lines, cmap=GRAY, how="eq_hist", alpha=170, min_alpha=10)
    above = tf.dynspread(tf.shade(dots, color_key=colors, min_alpha=160), threshold=0.9, max_px=4)
    return tf.stack(below, above).data


class Whole:
    """The picture of a whole graph, which can be zoomed, and clicked.

    Parameters
    ----------
    places
        (n, 2) in [-1, 1].
    edges
        (m, 2) node numbers.
    kinds, colors
        (n,) what each node is, as the number of a color; and the colors.
    clicked
        Called with the number of the node next to a click.
    later
        Calls a function on the thread that owns the document.
    """

    def __init__(
        self,
        places: np.ndarray,
        edges: np.ndarray,
        kinds: np.ndarray,
        colors: list[str],
        clicked: Callable[[int], Any],
        later: Callable[[Callable[[], Any]], Any],
    ):
        self.places, self.colors, self._clicked, self._later = places, colors, clicked, later
        self.nodes = pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "kind": kinds})
        (x0, y0), (x1, y1) = (places[edges[:, k]].T for k in (0, 1))
        self.ends = pd.DataFrame({"x0": x0, "y0": y0, "x1": x1, "y1": y1})
        self.source = bm.ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        ranges = {"x_range": bm.Range1d(*WHOLE[:2]), "y_range": bm.Range1d(*WHOLE[2:])}
        self.plot = plain_figure(SIZE[1], "pan,wheel_zoom,box_zoom,reset,save", **ranges)
        self.plot.toolbar.active_scroll = None
        self.plot.axis.visible = self.plot.grid.visible = False
        self.plot.image_rgba("image", "x", "y", "dw", "dh", source=self.source)
        self.plot.on_event(RangesUpdate, lambda event: self.look((event.x0, event.x1, event.y0, event.y1)))
        self.plot.on_event(Tap, self._tapped)
        self._busy, self._next = False, None
        self.look(WHOLE)

    def look(self, span: Span) -> None:
        """Draw a part of the graph, in a thread: the first time takes seconds, a million edges one."""
        if self._busy:
            self._next = span
            return
        self._busy, self._next = True, None
        threading.Thread(target=self._shade, args=(span,), name="shading", daemon=True).start()

    def _shade(self, span: Span) -> None:
        image = shaded(self.ends, self.nodes, self.colors, span)
        self._later(lambda: self._show(image, span))

    def _show(self, image: np.ndarray, span: Span) -> None:
        x0, x1, y0, y1 = span
        self.source.data = {"image": [image], "x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
        self._busy = False
        if self._next is not None:
            self.look(self._next)

    def _tapped(self, event: Tap) -> None:
        wide, high = (self.plot.x_range.end - self.plot.x_range.start, self.plot.y_range.end - self.plot.y_range.start)
        away = (self.places - [event.x, event.y]) / [wide / SIZE[0], high / SIZE[1]]  # in pixels
        nearest = int((away**2).sum(1).argmin())
        if (away[nearest] ** 2).sum() < 20**2:
            self._clicked(nearest)
