"""napari's widget "Run a lab on this layer": the layer becomes an own file, the lab runs on it in a worker."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QProgressBar, QPushButton, QWidget

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab, labs
from workbench.data.uploads import safe_name, uploads
from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, count_voxels, write_nifti
from workbench.engine import open_engine
from workbench.runs.record import ACTIVE
from workbench.runs.store import open_store
from workbench.viewers.volumes import fill_prediction, volume_of

LOOK = 300  # milliseconds between two looks at the run
NO_MASK = "none"
OWN = "own file"  # as in workbench.pages.lab.page, which brings all of the web page along


class LabWidget(QWidget):
    """Choose a layer, a mask for it, a lab and a preset; Run, and Stop.

    Once the run has ended its numbers stand below. What a lab keeps as the array ``prediction`` (X, Y, Z), in the
    numbers of AMOS and on the grid of the scan, comes back as a layer.
    """

    def __init__(self, napari_viewer: Any):
        super().__init__()
        self.viewer, self.run_id, self._source = napari_viewer, "", None
        self.image, self.mask, self.lab, self.preset = (QComboBox() for _ in range(4))
        self.button, self.stop = QPushButton("Run"), QPushButton("Stop")
        self.bar, self.word = QProgressBar(), QLabel()
        self.word.setWordWrap(True)
        self.word.setOpenExternalLinks(True)
        form = QFormLayout(self)
        rows = (("Scan", self.image), ("Mask", self.mask), ("Lab", self.lab), ("Preset", self.preset))
        for label, field in rows:
            form.addRow(label, field)
        for field in (self.button, self.stop, self.bar, self.word):
            form.addRow(field)
        self.bar.hide()
        self.stop.setEnabled(False)
        self.known = {lab.title: lab for lab in labs().values() if takes_scans(lab)}
        self.lab.addItems(list(self.known))
        self.lab.currentTextChanged.connect(self._presets)
        self.button.clicked.connect(self.start)
        self.stop.clicked.connect(lambda: open_engine().stop(self.run_id))
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            event.connect(self._layers)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self._look)
        self._layers()
        self._presets()

    def _layers(self, _event: Any = None) -> None:
        """Offer the scans and masks of the window; the choice stays while its layer does."""
        for field, kind, first in ((self.image, "image", []), (self.mask, "labels", [NO_MASK])):
            was = field.currentText()
            field.clear()
            field.addItems([*first, *(x.name for x in self.viewer.layers if x._type_string == kind and x.ndim == 3)])
            field.setCurrentText(was)

    def _presets(self, _title: str = "") -> None:
        self.preset.clear()
        if self.lab.currentText():
            self.preset.addItems(self.known[self.lab.currentText()].Params.shown_presets())
        ready = bool(self.lab.currentText())
        self.button.setEnabled(ready)
        self._say("" if ready else "No lab of CT and MR volumes works here.")

    def start(self) -> None:
        """Keep the layer as a file and submit the run; shows what is wrong."""
        try:
            if not self.image.currentText():
                raise LabError("There is no scan in this window.", "Open one, or a sample of Workbench.")
            image = self.viewer.layers[self.image.currentText()]
            chosen = self.mask.currentText()
            mask = None if chosen == NO_MASK else self.viewer.layers[chosen]
            lab, preset = self.known[self.lab.currentText()], self.preset.currentText()
            params = lab.Params.make(preset, **own_file(lab, keep(image, mask))).to_dict()
            self.run_id = open_engine().submit(lab.name, params, name=f"{image.name} from napari")
            self._source = image
        except LabError as error:
            self._say(str(error))
            return
        self.button.setEnabled(False)
        self.stop.setEnabled(True)
        self.bar.show()
        self.timer.start(LOOK)
        self._look()

    def _look(self) -> None:
        live = open_engine().live(self.run_id)
        if live is None:
            return
        self.bar.setMaximum(live.total)  # 0 of 0 is a bar that says: at work
        self.bar.setValue(live.done)
        self._say(live.stage or live.status)
        if live.status in ACTIVE:
            return
        self.timer.stop()
        self.bar.hide()
        self.stop.setEnabled(False)
        self.button.setEnabled(True)
        self._ended(live.status)

    def _ended(self, status: str) -> None:
        run = open_store().run(self.run_id)
        if run.error:
            self._say(f"{status}: {run.error['cause']} {run.error['hint']}")
            return
        shown = {m.key: m.label for m in self.known[self.lab.currentText()].metrics}
        numbers = [f"{shown.get(key, key)}: {value:.4g}" for key, value in run.result.metrics.items() if key in shown]
        self._say("<br>".join([f"{status}, run {run.id}", *numbers, f"workbench view {run.id}"]))
        prediction = run.result.arrays.get("prediction")
        if prediction is not None and np.shape(prediction) == self._source.data.shape[::-1]:
            names = {k: AMOS.get(k, f"label {k}") for k in count_voxels(prediction)}
            fill_prediction(self.viewer, self._source, Labels(prediction, volume_of(self._source).affine, names))

    def _say(self, text: str) -> None:
        self.word.setText(text)


def takes_scans(lab: Lab) -> bool:
    """Return whether a lab works on volumes and takes an own file."""
    return lab.state == "works" and lab.modality == "Volumes" and "file" in lab.Params.names()


def own_file(lab: Lab, path: Path) -> dict[str, Any]:
    """Return the params that make a lab take a file, as dropping it on the lab's page does."""
    choices = {name: getattr(lab.Params.param[name], "objects", ()) for name in lab.Params.names()}
    return {"file": str(path)} | {name: OWN for name, options in choices.items() if OWN in options}


def keep(image: Any, mask: Any = None) -> Path:
    """Write a layer, with its mask, into a folder of own files; equal layers share one. Return what a lab opens.

    Raises
    ------
    LabError
        If the layer is no volume, or the mask has another shape.
    """
    volume = volume_of(image)
    if mask is not None and np.shape(mask.data) != np.shape(image.data):
        raise LabError(f"The mask {mask.name} has another shape than {image.name}.", "Choose the one drawn on it.")
    digest = hashlib.sha256(volume.affine.tobytes())
    for layer in filter(None, (image, mask)):
        digest.update(np.ascontiguousarray(layer.data))
    folder = uploads() / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    if mask is None:
        path = folder / f"{safe_name(image.name).removesuffix('.nii.gz').removesuffix('.nii')}.nii"
        write_nifti(path, volume.voxels, volume.affine)
        return path
    write_nifti(folder / "image.nii", volume.voxels, volume.affine)
    write_nifti(folder / "labels.nii", np.asarray(mask.data).transpose(2, 1, 0), volume.affine, organ_names(mask))
    return folder


def organ_names(mask: Any) -> dict[int, str]:
    """Return the names that a labels layer carries for its numbers."""
    table = mask.features
    if not {"index", "organ"} <= set(table):
        return {}
    return {int(k): str(name) for k, name in zip(table["index"], table["organ"], strict=True) if k}
