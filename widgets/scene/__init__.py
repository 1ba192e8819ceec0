"""`Scene3D`: the points of a driving scene in 3-D and boxes around what is in it; WebGL 2 and nothing else.

One ES module serves Panel (`Scene3D`) and Jupyter (``jupyter_widget(Scene3D)``): ``gl.js`` draws, ``eye.js`` is the
camera and finds the box under the pointer, ``hands.js`` is pointer, finger, wheel and keyboard, ``view.js`` the entry.
`packed` makes the bytes, without a loop over points::

    jupyter_widget(Scene3D)(
        scene=packed(points, corners, shades={"height": share}, inside=owner),
        looks=looks(["#E69F00", "#56B4E9"], np.array([True, True])),
        labels=["car", "pedestrian 0.83"],
    )

For a lab use `workbench.ui.plots.scenes.scene_view`, which shares the selection with the other pictures.
"""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained, joined
from workbench_widgets.scene.pack import BUDGET, looks, packed

__all__ = ["BUDGET", "INSIDE", "Scene3D", "looks", "packed"]

HERE = Path(__file__).parent
PARTS = ("gl", "eye", "hands", "view")
INSIDE = "what they lie in"  # the points' color that is not a shade


class Scene3D(SelfContained, AnyWidgetComponent):
    """The points and boxes as a Panel component."""

    scene = param.Bytes(b"", doc="Points and boxes, see `packed`.")
    looks = param.Bytes(b"", doc="Color of each box, and whether it is shown, see `looks`.")
    labels = param.List([], item_type=str, doc="What each box is, in a few words: class, score.")
    shade = param.String("height", doc="What points are colored by: a name of the shades, or `INSIDE`.")
    labeled = param.Boolean(False, doc="Whether every box has its label over it, and not the selected one alone.")
    selected = param.List([], item_type=int, doc="Number of the selected box, from 0; empty for none.")
    camera = param.List([], doc="Turn and tilt in degrees, distance in m, and the x, y, z looked at; empty: the start.")

    _esm = joined(HERE, PARTS, INSIDE=INSIDE)
