"""The shared pictures of volumes: three linked slices with organs over them, and the organs in 3-D on demand.

A view of a lab::

    def masks_view(result, link=None):
        ct = read_volume(...)                                        # memory-mapped: ten readers share one copy
        found = labels_of(result.arrays["prediction"], ct, ORGANS)
        return slices_view(ct, truth, found, link=link, figures={"liver": "0.95"})

Two runs on one cursor are a twin with the same volume and another prediction; a CT and an MR are a twin with another
volume. What the reader sets (cursor, windows, organs, mode, fill) goes to ``link.state[key]``, and so into the address.
To hear where the crosshair rests, watch ``view[0].param.watch(..., "cursor")``: voxel numbers of the first volume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.data.volumes.volume import Labels, Volume, matches
from workbench.ui.link import Link
from workbench.ui.palette import DARK
from workbench_widgets import Side, Slices, Surfaces, slices_of
from workbench_widgets.slices import MODES
from workbench_widgets.surfaces import packed, surfaces

KEPT = ("cursor", "windows", "mode", "opacity", "outline", "hidden")  # what a link restores
BRIGHT = [color for color in DARK.classes if color != "#8C8C8C"]  # on black; gray would be tissue


def side(volume: Volume, truth: Labels | None = None, prediction: Labels | None = None, name: str = "") -> Side:
    """Return a volume and its organs as one side of `slices_view`.

    Raises
    ------
    LabError
        If a mask does not lie on the volume's grid.
    """
    for what, labels in (("truth", truth), ("prediction", prediction)):
        if labels is not None and (reason := matches(volume, labels)):
            raise LabError(f"The {what} does not fit {volume.name}: {reason}", "Resample one to the other.")
    notes = {"": volume.note, "truth: ": truth and truth.note, "prediction: ": prediction and prediction.note}
    return Side(
        voxels=volume.voxels,
        affine=volume.affine,
        modality=volume.modality,
        name=name or volume.name,
        truth=truth and truth.voxels,
        prediction=prediction and prediction.voxels,
        truth_names=truth.names if truth else {},
        prediction_names=prediction.names if prediction else {},
        note="; ".join(f"{what}{note}" for what, note in notes.items() if note),
    )


def labels_of(voxels: np.ndarray, volume: Volume, names: Mapping[int, str], note: str = "") -> Labels:
    """Return an array of a result (X, Y, Z) as the labels of a volume, in a type that `slices_view` takes."""
    narrow = np.uint8 if max(names, default=0) < 256 else np.uint16
    return Labels(voxels.astype(narrow, copy=False), volume.affine, dict(names), note)


def organ_colors(names: list[str]) -> dict[str, str]:
    """Return a color for each organ, all bright enough to be seen on black; they repeat after ten."""
    return {name: BRIGHT[k % len(BRIGHT)] for k, name in enumerate(dict.fromkeys(names))}


def slices_view(
    volume: Volume,
    truth: Labels | None = None,
    prediction: Labels | None = None,
    *,
    name: str = "",
    twin: Side | None = None,
    link: Link | None = None,
    key: str = "slices",
    colors: Mapping[str, str] | None = None,
    figures: Mapping[str, str] | None = None,
    solid: bool = True,
) -> pn.Column:
    """Return a volume in axial, coronal and sagittal slices with one crosshair, its organs over them.

    Parameters
    ----------
    volume, truth, prediction, name
        The first side; the masks lie on the volume's grid.
    twin
        A second one beside it (or, in a narrow place, next to it) on the same cursor, from `side`.
    link
        The page; None in a notebook without a run.
    key
        Under which ``link.state`` keeps what the reader sets.
    colors, figures
        Color (``"#rrggbb"``) and a short text by organ, for the legend.
    solid
        Offer the organs in 3-D.

    Returns
    -------
    pn.Column
        The first entry is the `Slices` component.

    Raises
    ------
    LabError
        If a mask does not lie on its volume's grid, or there are more organs than can be told apart.
    """
    sides = [side(volume, truth, prediction, name), *([twin] if twin else [])]
    named = [n for s in sides for m in s.names for n in m.values()]
    try:
        fields = slices_of(*sides, colors=organ_colors(named) | dict(colors or {}), figures=figures)
    except ValueError as error:
        raise LabError(f"The slices cannot be shown: {error}.", "Show fewer organs, or check the masks.") from error
    view = Slices(**fields, sizing_mode="stretch_width", margin=(8, 0))
    _remember(view, link, key)
    layers = _layers(sides) if solid else {}
    return pn.Column(view, *([_solid(view, layers)] if layers else []), sizing_mode="stretch_width")


def _remember(view: Slices, link: Link | None, key: str) -> None:
    """Bind the view to the state in both directions; only what differs from the start is kept."""
    if link is None:
        return
    start = {name: getattr(view, name) for name in KEPT}
    kept = link.state.get(key)
    view.param.update(**_checked(view, kept if isinstance(kept, dict) else {}))

    def changed(*_: Any) -> None:
        link.state[key] = {name: value for name in KEPT if (value := getattr(view, name)) != start[name]}

    view.param.watch(changed, list(KEPT))


def _checked(view: Slices, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the kept values that fit: they come from an address, where anything may stand."""

    def numbers(values: Any, count: int) -> bool:
        return isinstance(values, list) and len(values) == count and all(_finite(v) for v in values)

    fits = {
        "cursor": lambda v: numbers(v, 3) and all(0 <= i < n for i, n in zip(v, view.grids[0]["shape"], strict=True)),
        "windows": lambda v: (
            isinstance(v, list) and len(v) == len(view.windows) and all(numbers(w, 2) and w[1] > 0 for w in v)
        ),
        "mode": lambda v: v in MODES,
        "opacity": lambda v: _finite(v) and 0 <= v <= 1,
        "outline": lambda v: isinstance(v, bool),
        "hidden": lambda v: isinstance(v, list) and all(isinstance(n, int) and 1 <= n <= len(view.organs) for n in v),
    }
    good = {name: kept[name] for name in KEPT if name in kept and fits[name](kept[name])}
    if "cursor" in good:
        good["cursor"] = [int(i) for i in good["cursor"]]
    return good


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _layers(sides: list[Side]) -> dict[str, tuple[np.ndarray, np.ndarray, Mapping[int, str], str]]:
    """Return what can be shown in 3-D, by name: labels, affine, organ by number, and note."""
    found = {}
    for one in sides:
        for word, voxels, names in zip(("Truth", "Prediction"), one.layers, one.names, strict=True):
            if voxels is not None:
                title = f"{word}, {one.name}" if len(sides) > 1 else word
                title = title if title not in found else f"{title} ({len(found) + 1})"
                found[title] = (voxels, one.affine, names, one.note)
    return found


def _solid(view: Slices, layers: dict[str, tuple[np.ndarray, np.ndarray, Mapping[int, str], str]]) -> pn.Column:
    """The button for 3-D, and where it shows; the legend of the slices says which organs are seen."""
    button = pmui.Button(label="Show in 3-D", icon="view_in_ar", variant="outlined", margin=(5, 0))
    which = pmui.Select(label="In 3-D", options=list(layers), value=next(iter(layers)), width=240, visible=False)
    place = pn.Column(sizing_mode="stretch_width")
    scene = Surfaces(organs=view.organs, hidden=view.hidden, sizing_mode="stretch_width")
    view.param.watch(lambda event: scene.param.update(hidden=event.new), "hidden")
    numbers = {organ: k for k, (organ, *_) in enumerate(view.organs, 1)}
    made: dict[str, bytes] = {}

    async def show(_: Any = None) -> None:
        title = which.value
        voxels, affine, names, said = layers[title]
        button.param.update(disabled=True, label="Making surfaces …")
        try:
            if title not in made:
                wanted = {numbers[name]: number for number, name in names.items()}
                found, note = await asyncio.to_thread(surfaces, voxels, affine, wanted)
                made[title] = packed(
                    found, f"{title}. {note} {said}" if found else "No organ of the legend is in this mask."
                )
            scene.mesh = made[title]
            place.objects = [scene]
            which.visible = len(layers) > 1
        finally:
            button.param.update(disabled=False, label="Show in 3-D", visible=not place.objects)

    button.on_click(show)
    which.param.watch(show, "value")
    return pn.Column(pn.Row(button, which), place, sizing_mode="stretch_width")
