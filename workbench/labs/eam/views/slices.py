"""Twin CT and MR slices with one cursor, and the probe: click a pixel, see its class in both modalities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.data.volumes.volume import Labels, Volume
from workbench.labs.eam.params import ABLATIONS, ARMS, EAM, MODALITIES
from workbench.labs.eam.views import style
from workbench.labs.eam.views.classes import classes_of, pixel_aspect
from workbench.toolkit.cases import opened_cases, stored_cases
from workbench.ui import frame
from workbench.ui.link import remember
from workbench.ui.plots.volumes import side, slices_view

HOW = (
    "Click a pixel of the upper slices. The module then says to which class that pixel belongs, asked in the words "
    "of CT and of MR (it learned two embeddings of each class); below, where that class is seen in a CT and in an MR."
)
HERE = "the one at the pixel"


def of_modality(cases: dict[str, dict[str, np.ndarray]], m: int) -> list[str]:
    """Return the names of the subjects of a modality."""
    return [name for name, arrays in cases.items() if int(arrays["modality"]) == m]


def has_pair(result: Result) -> bool:
    """Return True if a result keeps a CT and an MR subject."""
    return {0, 1} <= {int(kept["modality"]) for kept in opened_cases(result)}


def has_attention(result: Result) -> bool:
    """Return True if the external module's attention is kept besides the pair."""
    kept = [(int(case["modality"]), "attention 0" in case.files) for case in opened_cases(result)]
    return {0, 1} <= {modality for modality, _ in kept} and any(attention for _, attention in kept)


def parts(name: str, arrays: dict[str, np.ndarray], names: list[str], mask: str, note: str) -> tuple:
    """Return volume, truth and prediction of a kept subject; no prediction if that mask was not kept."""
    organs = dict(enumerate(names))
    organs.pop(0)
    volume = Volume(arrays["image"], arrays["affine"], MODALITIES[int(arrays["modality"])], name, note)
    masks = [arrays["truth"], arrays.get(f"mask {mask}")]
    return volume, *(m if m is None else Labels(m, arrays["affine"], organs) for m in masks)


def masks_in(arrays: dict[str, np.ndarray]) -> list[str]:
    """Return the trainings whose mask of a subject is kept, in the order of the arms; *joint + EAM* comes last."""
    found = [key.removeprefix("mask ") for key in arrays if key.startswith("mask ")]
    order = [*(arm for arm in (*ARMS, *ABLATIONS) if arm != EAM), EAM]
    return sorted(found, key=lambda mask: order.index(mask.rsplit(", ", 1)[0]))


def note_of(result: Result) -> str:
    """Return SIMULATED for simulated subjects."""
    return "SIMULATED" if any(n.startswith("SIMULATED") for n in result.notes) else ""


def inside(mask: np.ndarray) -> list[int]:
    """Return a voxel well inside the largest organ of a mask (X, Y, S); the middle if it holds none."""
    counts = np.bincount(mask.ravel(), minlength=2)[1:]
    if not counts.any():
        return [n // 2 for n in mask.shape]
    at = np.argwhere(mask == counts.argmax() + 1)  # (n, 3)
    return at[np.linalg.norm(at - at.mean(0), axis=1).argmin()].tolist()


def pickers(cases: dict[str, dict[str, np.ndarray]], link: Any, prefix: str) -> list[pmui.Select]:
    """Return the choices of a CT and of an MR subject."""
    found = []
    for m, modality in enumerate(MODALITIES):
        options = of_modality(cases, m)
        found.append(pmui.Select(label=modality, options=options, value=options[0], width=160))
    remember(link, **{f"{prefix}_{m.lower()}": w for m, w in zip(MODALITIES, found, strict=True)})
    return found


def slices_of_result(result: Result, link: Any = None) -> pn.Column:
    """Draw a CT and an MR subject on one cursor, with the masks of an arm."""
    cases = stored_cases(result)
    ct, mr = pickers(cases, link, "slices")
    masks = masks_in(next(iter(cases.values())))
    arm = pmui.Select(label="Arm", options=masks, value=masks[-1], width=240)
    remember(link, arm=arm)
    names, note = classes_of(result), note_of(result)

    def draw(ct: str, mr: str, arm: str) -> pn.Column:
        volume, truth, found = parts(ct, cases[ct], names, arm, note)
        twin = side(*parts(mr, cases[mr], names, arm, note), name=mr)
        return slices_view(volume, truth, found, name=ct, twin=twin, link=link, key="slices")

    return frame.view(
        "A CT and an MR of different people on one cursor: the network never saw a pair. *Difference* marks what was "
        "missed, what is too much, and where one organ was taken for another. Slices are few and thick.",
        pn.FlexBox(ct, mr, arm),
        frame.redraw_on_change(draw, ct, mr, arm),
        style.caution(result),
    )


def probe_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that asks."""
    if link is None:
        return frame.needs_page(HOW, "the network answers")
    return Bench(result, stored_cases(result), link).layout


class Bench:
    """Two subjects on one cursor, and the answer for the pixel under it.

    Parameters
    ----------
    result, cases, link
        What the run gave back, the subjects it keeps, and where to ask.
    """

    def __init__(self, result: Result, cases: dict[str, dict[str, np.ndarray]], link: Any):
        self.result, self.cases, self.link = result, cases, link
        self.names = classes_of(result)
        self.at: list[int] | None = None
        self.ct, self.mr = pickers(cases, link, "probe")
        self.of = pmui.RadioButtonGroup(label="Pixel of", options=list(MODALITIES), value="CT", size="small", width=140)
        count = sum(key.startswith("attention ") for key in next(iter(cases.values())))
        self.scale = pmui.Select(
            label="Module", options={f"scale {i + 1}": i for i in range(count)}, value=count - 1, width=120
        )
        self.organ = pmui.Select(label="Class", options=[HERE, *self.names], value=HERE, width=190)
        remember(link, probe_of=self.of, probe_scale=self.scale, probe_organ=self.organ)
        self.note = frame.paragraph("Asking the network …")
        free = {"sizing_mode": "stretch_width", "styles": {"max-height": "none"}}
        self.scan, self.found, self.table = pn.Column(**free), pn.Column(**free), pn.Column(**free)
        for widget in (self.ct, self.mr):
            widget.param.watch(lambda _: self.open(), "value")
        for widget in (self.of, self.scale, self.organ):
            widget.param.watch(lambda _: self.ask(), "value")
        row = pn.FlexBox(self.ct, self.mr, self.of, self.scale, self.organ, align_items="center")
        self.layout = frame.view(HOW, row, self.scan, self.note, self.table, self.found, style.caution(result))
        self.open()

    def open(self) -> None:
        """Show the two subjects, and ask about a pixel of the largest organ, or where the reader left the cursor."""
        note = note_of(self.result)
        volume, truth, _ = parts(self.ct.value, self.cases[self.ct.value], self.names, "", note)
        twin = side(*parts(self.mr.value, self.cases[self.mr.value], self.names, "", note), name=self.mr.value)
        view = slices_view(
            volume, truth, name=self.ct.value, twin=twin, link=self.link, key="probe_slices", solid=False
        )
        if list(view[0].cursor) == [n // 2 for n in volume.shape]:  # nobody moved it, and the middle is no organ
            view[0].cursor = inside(truth.voxels)
        view[0].param.watch(self._moved, "cursor")
        self.scan[:] = [view]
        self.at = [int(v) for v in view[0].cursor]
        self.ask()

    def _moved(self, event: Any) -> None:
        self.at = [int(round(v)) for v in event.new]
        self.ask()

    def ask(self) -> None:
        """Ask about the pixel; only the newest question is answered."""
        names = [self.ct.value, self.mr.value]
        if self.of.value == "MR":
            names.reverse()
        shape = self.cases[names[0]]["values"].shape  # the cursor is that of the CT, which may have more slices
        at = [min(v, n - 1) for v, n in zip(self.at, shape, strict=True)]
        request = {"subject": names[0], "other": names[1], "at": at, "scale": self.scale.value}
        if self.organ.value != HERE:
            request["organ"] = self.organ.value
        self.link.probe(request, self._take, self._fail, channel="eam probe")

    def _fail(self, error: Any) -> None:
        self.note.object = f"**No answer.** {error}"

    def _take(self, result: Result) -> None:
        m, table = result.metrics, result.tables["classes"]
        name = self.names[int(m["class"])]
        at = result.arrays["at"]
        self.note.object = (
            f"Pixel ({at[0] + 1}, {at[1] + 1}), slice {at[2] + 1} of the {self.of.value}. Shown below: **{name}**. "
            f"Answered in {m['milliseconds']:.0f} ms."
        )
        asked = {"network alone": "network", "module, asked as CT": "by_ct", "module, asked as MR": "by_mr"}
        texts = {title: table[key].map("{:.3f}".format) for title, key in asked.items()}
        self.table[:] = [frame.table_pane(pd.DataFrame({"class": table["class"], **texts}))]
        plots = []
        for modality, subject in zip(MODALITIES, (self.ct.value, self.mr.value), strict=True):
            short = modality.lower()
            mark = (at[0], at[1]) if modality == self.of.value else None
            plots.append(
                style.slice_figure(
                    result.arrays[f"image_{short}"],
                    result.arrays[f"attention_{short}"],
                    f"{name} in {subject}",
                    mark,
                    pixel_aspect(self.cases[subject]["affine"]),
                )
            )
        self.found[:] = [frame.flow(*map(frame.pane, plots), width=300)]
