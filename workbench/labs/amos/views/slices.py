"""Slices of validation cases: scan, reference, prediction, and where they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, Volume, count_voxels
from workbench.labs.amos.views import style
from workbench.toolkit.cases import stored_cases
from workbench.ui import frame
from workbench.ui.link import remember
from workbench.ui.plots.volumes import side, slices_view


def volume_of(name: str, arrays: dict[str, np.ndarray], note: str) -> Volume:
    """Return the scan of a kept case."""
    modality = arrays["modality"].tobytes().decode().strip()
    return Volume(arrays["image"], arrays["affine"], modality, name, note)


def labels(voxels: np.ndarray, affine: np.ndarray, note: str = "") -> Labels:
    """Return a mask in AMOS's numbers, its names those of the organs it holds."""
    return Labels(voxels, affine, {k: AMOS.get(k, f"label {k}") for k in count_voxels(voxels)}, note)


def teams_in(arrays: dict[str, np.ndarray]) -> list[str]:
    """Return the networks and arms whose mask of a case is kept."""
    return [key.removeprefix("mask ") for key in arrays if key.startswith("mask ")]


def slices_of_result(result: Result, link: Any = None) -> pn.Column:
    """Draw a kept case with the masks of one or two networks on one cursor."""
    cases = stored_cases(result)
    case = pmui.Select(label="Case", options=list(cases), value=next(iter(cases)), width=180)
    names = list(dict.fromkeys(t for arrays in cases.values() for t in teams_in(arrays)))
    team = pmui.Select(label="Network, arm", options=names, value=names[0], width=240)
    other = pmui.Select(label="Beside it", options=["nothing", *names], value="nothing", width=240)
    remember(link, case=case, left=team, right=other)
    simulated = "SIMULATED" if any(n.startswith("SIMULATED") for n in result.notes) else ""

    def draw(case: str, team: str, other: str) -> pn.Column:
        arrays = cases[case]
        volume = volume_of(case, arrays, simulated if case != "own scan" else "")
        affine = volume.affine
        truth = labels(arrays["truth"], affine) if "truth" in arrays else None
        masks = {t: labels(arrays[f"mask {t}"], affine) for t in teams_in(arrays)}
        twin = side(volume, truth, masks[other], name=f"{case}, {other}") if other in masks else None
        name = f"{case}, {team}" if twin else case
        return slices_view(
            volume,
            truth,
            masks.get(team),
            name=name,
            twin=twin,
            link=link,
            key="slices",
            figures=figures(result, case, team),
        )

    return frame.view(
        "Click, drag, wheel or use the arrow keys: the three slices follow one crosshair. *Difference* marks "
        "what was missed, "
        "what is too much, and where one organ was taken for another. Figures in the legend: DSC / NSD of this case.",
        pn.FlexBox(case, team, other),
        frame.redraw_on_change(draw, case, team, other),
        frame.paragraph(style.rules(result)),
    )


def figures(result: Result, case: str, team: str) -> dict[str, str]:
    """Return DSC and NSD of a case by organ, for the legend."""
    if "scores" not in result.tables:
        return {}
    rows = result.tables["scores"]
    rows = rows[(rows["case"] == case) & (rows["seed"] == 0) & (rows["network"] + ", " + rows["arm"] == team)]
    return {r.name: f"{r.dsc:.2f} / {r.nsd:.2f}" for r in rows.dropna(subset=["dsc"]).itertuples(index=False)}
