"""`ClassHandles`: a scatter whose class means, spreads and rotation can be dragged.

One ES module (``class_handles.js``) serves both worlds: `ClassHandles` for Panel and ``jupyter_widget(ClassHandles)``
for Jupyter. Both have the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained

MODULE = Path(__file__).with_suffix(".js")


class ClassHandles(SelfContained, AnyWidgetComponent):
    """The handles as a Panel component."""

    means = param.List([[-2.0, 0.0], [2.0, 0.0]], doc="Mean of each class, (x, y) in data units; moved by the reader.")
    stds = param.List([[1.0, 1.0], [1.0, 1.0]], doc="Standard deviations (along both axes) of each class, data units.")
    rotation = param.Number(0.0, doc="By how much means and spreads are turned about the origin, degrees.")
    settled = param.Integer(0, doc="How many moves were finished: goes up when a handle is let go.")
    drawn = param.Integer(0, doc="How many times the handles were drawn anew in a browser.")
    points = param.List([], doc="The points, flat: x, y, class index, x, y, class index, ...; see `flat`.")
    labels = param.List([], item_type=str, doc="Name of each class.")
    colors = param.List(["#0072B2", "#E69F00"], item_type=str, doc="Color of each class.")
    extent = param.Number(6.0, bounds=(0.1, None), doc="Half of the shorter side of the picture, data units.")
    movable = param.Boolean(True, doc="Show the handles.")

    _esm = MODULE


def flat(x: Sequence[float], y: Sequence[float], label: Sequence[Any]) -> tuple[list[float], list[str]]:
    """Return the points as ``ClassHandles.points`` wants them, and the names of the classes.

    Parameters
    ----------
    x, y
        Coordinates (n,), data units.
    label
        Class of each point (n,).

    Returns
    -------
    points, names
        Flat list (3 n) of x, y and class index, rounded to three decimals; class names, sorted.

    Examples
    --------
    >>> flat([0, 1], [2, 3.14159], ["b", "a"])
    ([0.0, 2.0, 1.0, 1.0, 3.142, 0.0], ['a', 'b'])
    """
    names, index = np.unique(np.asarray(label).astype(str), return_inverse=True)
    stacked = np.stack([np.asarray(x, float), np.asarray(y, float), index.astype(float)], axis=1)  # (n, 3)
    return np.round(stacked, 3).ravel().tolist(), [str(n) for n in names]
