"""`Slices`: a volume in three linked slices, with organs over it, of one or two sides on one cursor.

Its parts are joined to one ES module, which serves Panel (`Slices`) and Jupyter (``jupyter_widget(Slices)``):
``paint.js`` how gray and organs become pixels, ``panes.js`` the pictures and what pointer, finger and keyboard do to
them, ``tools.js`` the controls and the legend, ``view.js`` the entry, which asks for slices. `cut` cuts them.

The volume stays in Python. The browser writes ``want``: which slices, at which size in pixels and with which window.
The answer, ``picture``, is gray and the number of the organ, a byte a pixel each; color, opacity, outline, the choice
of organs and the difference of truth and prediction are the browser's, so they cost no question. One question is under
way at a time, and the newest one waits: a drag never piles up.

For a lab use `workbench.ui.plots.volumes.slices_view`. In a notebook of your own::

    from workbench_widgets import Side, Slices, jupyter_widget, slices_of
    jupyter_widget(Slices)(**slices_of(Side(ct.voxels, ct.affine, "CT", truth=mask, truth_names={1: "liver"})))
"""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import AnyWidgetComponent

from workbench_widgets.module import SelfContained, joined
from workbench_widgets.slices.answers import answered, jumped, worst_slices
from workbench_widgets.slices.sides import COLORS, Side, slices_of

__all__ = ["COLORS", "MODES", "Side", "Slices", "slices_of", "worst_slices"]

HERE = Path(__file__).parent
PARTS = ("paint", "panes", "tools", "view")
MODES = ("truth", "prediction", "difference", "none")


class Slices(SelfContained, AnyWidgetComponent):
    """The slices as a Panel component; take its fields from `slices_of`."""

    sides = param.Parameter([], precedence=-1, doc="One or two `Side`; never sent to the browser.")
    grids = param.List([], item_type=dict, doc="What the browser knows of each side.")
    organs = param.List([], doc="[name, color, figure] each; number 1 is the first.")

    cursor = param.List([0, 0, 0], doc="Voxel of the first side under the crosshair; written once a hand rests.")
    windows = param.List([], doc="[level, width] of each side.")
    mode = param.String("truth", doc="One of " + ", ".join(MODES) + ".")
    opacity = param.Number(0.45, bounds=(0, 1), doc="Of the organs' fill.")
    outline = param.Boolean(True, doc="Whether organs have an outline.")
    hidden = param.List([], item_type=int, doc="Numbers of the organs that are not shown.")

    want = param.Dict({}, doc="From the browser: the slices it wants, see `answered`.")
    jump = param.List([], doc="From the browser: [count, organ, side], to the organ's worst slice.")
    picture = param.Bytes(b"", doc="To the browser: the slices, see `answered`.")

    _esm = joined(HERE, PARTS)
    _rename = {"sides": None}  # to Panel: no property of the browser's
    _debounce = 1  # ms that Panel waits before it hears; its 50 are half of what a slice may take

    @param.depends("want", watch=True)
    def _cut(self) -> None:
        self.param.update(answered(self))

    @param.depends("jump", watch=True)
    def _jump(self) -> None:
        self.param.update(jumped(self))

    _answers = {"want": answered, "jump": jumped}  # the same, for `jupyter_widget`
