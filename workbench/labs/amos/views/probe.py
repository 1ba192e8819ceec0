"""The probe: put the crosshair anywhere, spoil the picture, and see what the network makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.data.volumes.volume import Volume
from workbench.labs.amos.params import Question
from workbench.labs.amos.views import style
from workbench.labs.amos.views.slices import labels, volume_of
from workbench.toolkit.cases import stored_cases
from workbench.ui import frame
from workbench.ui.controls import controls
from workbench.ui.link import remember
from workbench.ui.plots.volumes import side, slices_view

HOW = (
    "Put the crosshair anywhere in the upper slices: the first network segments that neighborhood, one window "
    "of it, below. "
    "Then make the picture worse: noise, a bias field (coil shading), thicker slices, another window; on the "
    "left the picture "
    "as it was, on the right as it is now, and in the table how DSC and NSD move."
)
SLIDERS = ("noise", "bias", "thickness", "window")  # fields of the question


def probe_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that asks."""
    cases = {name: arrays for name, arrays in stored_cases(result).items() if name != "own scan"}
    if link is None or not cases:
        return frame.needs_page(HOW, "the network answers")
    return Bench(result, cases, link).layout


class Bench:
    """A case, a crosshair, four sliders, and the answer below.

    Parameters
    ----------
    result, cases, link
        What the run gave back, the cases it keeps, and where to ask.
    """

    def __init__(self, result: Result, cases: dict[str, dict[str, np.ndarray]], link: Any):
        self.cases, self.link, self.result = cases, link, result
        self.at: list[int] | None = None
        self.case = pmui.Select(label="Case", options=list(cases), value=next(iter(cases)), width=180)
        self.sliders = controls(Question, **dict.fromkeys(SLIDERS, 300))
        remember(link, probe_case=self.case, **{f"probe_{k}": s for k, s in self.sliders.items()})
        self.note = frame.paragraph("Asking the network …")
        self.scan = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        self.found = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        self.table = pn.Column(sizing_mode="stretch_width", styles={"max-height": "none"})
        self.case.param.watch(lambda _: self.open(), "value")
        for slider in self.sliders.values():
            slider.param.watch(lambda _: self.ask(), "value_throttled")
        self.layout = frame.view(
            HOW, pn.FlexBox(self.case, *self.sliders.values()), self.note, self.table, self.found, self.scan,
            frame.paragraph(style.rules(result)),
        )  # fmt: skip
        self.open()

    def open(self) -> None:
        """Show a case, and ask about its middle."""
        arrays = self.cases[self.case.value]
        volume = volume_of(self.case.value, arrays, "")
        truth = labels(arrays["truth"], volume.affine) if "truth" in arrays else None
        view = slices_view(volume, truth, link=self.link, key="probe_slices", solid=False)
        view[0].param.watch(self._moved, "cursor")
        self.scan[:] = [frame.paragraph("**Where?** The whole scan with its reference."), view]
        self.at = None
        self.ask()

    def _moved(self, event: Any) -> None:
        self.at = [int(round(v)) for v in event.new]
        self.ask()

    def ask(self) -> None:
        """Send what the sliders and the crosshair say; only the newest question is answered."""
        request = {"case": self.case.value, "at": self.at} | {k: float(s.value) for k, s in self.sliders.items()}
        self.link.probe(request, self._take, self._fail, channel="amos probe")

    def _fail(self, error: Any) -> None:
        self.note.object = f"**No answer.** {error}"

    def _take(self, result: Result) -> None:
        arrays = result.arrays
        modality = self.cases[self.case.value]["modality"].tobytes().decode().strip()
        truth = labels(arrays["truth"], arrays["affine"])
        volume = Volume(arrays["image"], arrays["affine"], modality, "spoiled")
        where = tuple(slice(int(c), int(c) + n) for c, n in zip(arrays["corner"], arrays["image"].shape, strict=True))
        before = Volume(self.cases[self.case.value]["image"][where], arrays["affine"], modality, "as it was")
        twin = side(volume, truth, labels(arrays["prediction"], arrays["affine"]), name="as it is now")
        clean = labels(arrays["clean"], arrays["affine"])
        view = slices_view(before, truth, clean, name="as it was", twin=twin, solid=False)
        view[0].cursor = [int(v) for v in arrays["at"]]
        self.found[:] = [view]
        m = result.metrics
        self.note.object = (
            f"Neighborhood of {' x '.join(map(str, arrays['image'].shape))} voxels: DSC "
            f"**{m['dsc_clean']:.3f}** as it was, "
            f"**{m['dsc']:.3f}** now; NSD {m['nsd_clean']:.3f} and {m['nsd']:.3f}. Answered in "
            f"{m['milliseconds']:.0f} ms."
        )
        self.table[:] = [frame.table_pane(shown(result.tables["organs"]), wrap=True)]


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the organs of an answer as texts."""
    text = lambda v: f"{v:.3f}" if np.isfinite(v) else "–"  # noqa: E731
    return pd.DataFrame(
        {
            "organ": table["name"],
            "DSC before": table["dsc_clean"].map(text),
            "DSC now": table["dsc"].map(text),
            "NSD before": table["nsd_clean"].map(text),
            "NSD now": table["nsd"].map(text),
        }
    )
