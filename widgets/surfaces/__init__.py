"""`Surfaces`: organs in 3-D, to be turned and looked into; WebGL 2 and nothing else.

One ES module serves Panel (`Surfaces`) and Jupyter (``jupyter_widget(Surfaces)``): ``gl.js`` draws, ``view.js`` turns.
`mesh` makes the surfaces from a label map::

    found, note = surfaces(mask, affine, {1: 5})              # organ number 1 of the legend is label 5
    Surfaces(organs=[["liver", "#E69F00", ""]], mesh=packed(found, note))

`organs` and `hidden` are those of `Slices`, so one legend serves both.
"""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained, joined
from workbench_widgets.surfaces.mesh import Surface, packed, surfaces

__all__ = ["Surface", "Surfaces", "packed", "surfaces"]

HERE = Path(__file__).parent
PARTS = ("gl", "view")


class Surfaces(SelfContained, AnyWidgetComponent):
    """The surfaces as a Panel component."""

    mesh = param.Bytes(b"", doc="The surfaces, see `packed`.")
    organs = param.List([], doc="[name, color, figure] each; number 1 is the first.")
    hidden = param.List([], item_type=int, doc="Numbers of the organs that are not shown.")
    camera = param.List([25.0, 10.0, 1.0], doc="Turn and tilt in degrees (0, 0: from the front), and zoom.")

    _esm = joined(HERE, PARTS)
