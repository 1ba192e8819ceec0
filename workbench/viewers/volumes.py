"""A scan, its organs, a prediction and where the two differ, in napari: in mm, as a radiologist sees them.

World coordinates are those of the scan, RAS mm, in napari's order (z, y, x). The window looks from the feet: the
patient's right is on the left, the front is up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.volumes.card import window
from workbench.data.volumes.organs import DIFFERENCES, colors, difference
from workbench.data.volumes.volume import Labels, Volume, guess_modality, matches
from workbench.ui.palette import PALETTE
from workbench.viewers import desktop, no_screen

BACKWARD = np.eye(4)[[2, 1, 0, 3]]  # (x, y, z) to (z, y, x)


def show_volume(
    volume: Volume,
    truth: Labels | None = None,
    prediction: Labels | None = None,
    save: Path | None = None,
    title: str = "",
    maps: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Show a scan with its masks until the window is closed; for a lab's ``viewers.py``.

    Parameters
    ----------
    volume, truth, prediction
        On one grid. With both masks, a layer shows where they differ.
    save
        Draw once into this PNG instead.
    title
        Of the window; by default the volume's name.
    maps
        Name -> shares (X, Y, Z) from 0 to 1 on the volume's grid: layers that are hidden at first.

    Raises
    ------
    LabError
        If a mask lies on another grid, napari is not installed, or there is no screen.
    """
    for labels in filter(None, (truth, prediction)):
        if reason := matches(volume, labels):
            raise LabError(f"A mask does not fit {volume.name}: {reason}", "Resample one to the other.")
    napari = desktop("napari")
    try:
        # shown even to be saved: a canvas that never was stays black
        viewer = napari.Viewer(title=title or volume.name, show=True)
    except Exception as error:  # Qt without a screen ends the process, or raises what its platform plugin likes
        raise no_screen("napari") from error
    viewer.window.resize(1280, 900)
    fill(viewer, volume, truth, prediction, maps)
    if save is None:
        napari.run()
    else:
        desktop("qtpy.QtWidgets").QApplication.processEvents()
        viewer.screenshot(str(save), canvas_only=False, flash=False)
        viewer.close()


def fill(
    viewer: Any,
    volume: Volume,
    truth: Labels | None = None,
    prediction: Labels | None = None,
    maps: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Add a scan, its masks and maps to a napari viewer, and orient it."""
    for data, options, kind in layers(volume, truth, prediction, maps):
        layer = getattr(viewer, f"add_{kind}")(data, **options)
        if layer.name == "prediction" and truth is not None:
            layer.contour = 1  # an outline, so that both are seen
    face(viewer)
    notes = [volume.note, *(labels.note for labels in (truth, prediction) if labels is not None)]
    overlays = viewer.canvas.overlays
    overlays.text.text = "\n".join(dict.fromkeys(filter(None, (volume.name, *notes))))
    overlays.text.visible = overlays.scale_bar.visible = True
    seen = truth if truth is not None else prediction
    middle = fullest(seen.voxels) if seen is not None else volume.shape[2] // 2
    center = np.array([*(np.array(volume.shape[:2]) // 2), middle, 1])
    viewer.dims.point = tuple((volume.affine @ center)[2::-1])
    viewer.reset_view()


def face(viewer: Any) -> None:
    """Orient napari's axes: up to the head or the front, left to the patient's right."""
    viewer.dims.axis_labels = ("z", "y", "x")
    viewer.scene.camera.orientation = ("towards", "up", "left")


def layers(
    volume: Volume,
    truth: Labels | None = None,
    prediction: Labels | None = None,
    maps: Mapping[str, np.ndarray] | None = None,
) -> list[tuple[np.ndarray, dict[str, Any], str]]:
    """Return napari's layers (data, options, kind): the image, each mask, their difference, and each map of shares."""
    place = placed(volume.affine)
    image = {
        "name": volume.name,
        "colormap": "gray",
        "contrast_limits": window(volume),
        "metadata": note_metadata(volume.note),
    }
    found = [(backward(volume.voxels), image | place, "image")]
    if truth is not None:
        found.append((backward(truth.voxels), mask_options(truth, "organs") | place | {"opacity": 0.45}, "labels"))
    if prediction is not None:
        options = mask_options(prediction, "prediction") | place | {"opacity": 1.0 if truth is not None else 0.45}
        found.append((backward(prediction.voxels), options, "labels"))
    if truth is not None and prediction is not None:
        differs = Labels(difference(truth.voxels, prediction.voxels), volume.affine, DIFFERENCES)
        shades = dict(zip(DIFFERENCES, (PALETTE.unsure, PALETTE.bad, "#CC79A7"), strict=True))
        options = mask_options(differs, "difference", shades) | place | {"visible": False}
        found.append((backward(differs.voxels), options, "labels"))
    for name, share in (maps or {}).items():
        look = {"name": name, "colormap": "yellow", "blending": "additive", "contrast_limits": (0, 1), "visible": False}
        found.append((backward(share), look | place, "image"))
    return found


def placed(affine: np.ndarray) -> dict[str, Any]:
    """Return the options of a layer that put it where an affine (x, y, z) to RAS mm says."""
    return {"affine": BACKWARD @ affine @ BACKWARD, "units": ("mm", "mm", "mm")}


def volume_of(layer: Any) -> Volume:
    """Return a napari image layer as a volume, its world coordinates taken as (z, y, x) in RAS mm.

    Raises
    ------
    LabError
        If it has not three axes, or is of colors.
    """
    if layer.ndim != 3 or getattr(layer, "rgb", False) or getattr(layer, "multiscale", False):
        raise LabError(f"The layer {layer.name} is no volume.", "Choose a layer of three axes and plain values.")
    origin, *ends = (np.array(layer.data_to_world(point)) for point in np.vstack([np.zeros(3), np.eye(3)]))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.array([end - origin for end in ends]).T, origin
    voxels = np.asarray(layer.data).transpose(2, 1, 0)
    note = str(layer.metadata.get("note", ""))
    return Volume(voxels, BACKWARD @ affine @ BACKWARD, guess_modality(voxels), layer.name, note)


def fill_prediction(viewer: Any, layer: Any, labels: Labels) -> None:
    """Lay a mask over the image layer that it was predicted for."""
    options = mask_options(labels, f"prediction for {layer.name}") | placed(labels.affine)
    viewer.add_labels(backward(labels.voxels), opacity=0.45, **options)


def mask_options(labels: Labels, name: str, shades: Mapping[int, str] | None = None) -> dict[str, Any]:
    """Return how napari shows a mask: a color an organ, and its name under the pointer."""
    import pandas as pd

    shades = shades or colors(labels.names)
    colormap = desktop("napari.utils.colormaps").DirectLabelColormap(
        color_dict={None: "transparent", 0: "transparent", **shades}
    )
    names = pd.DataFrame({"index": [0, *labels.names], "organ": ["background", *labels.names.values()]})
    return {"name": name, "colormap": colormap, "features": names, "metadata": note_metadata(labels.note)}


def note_metadata(note: str) -> dict[str, str]:
    return {"note": note} if note else {}


def fullest(voxels: np.ndarray) -> int:
    """Return the axial slice of a mask (X, Y, Z) with most organ in it."""
    return int(np.argmax([np.count_nonzero(voxels[:, :, z]) for z in range(voxels.shape[2])]))


def backward(voxels: np.ndarray) -> np.ndarray:
    """(X, Y, Z) to (Z, Y, X): a view, in which an axial slice lies in one piece."""
    return voxels.transpose(2, 1, 0)
