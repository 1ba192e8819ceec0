"""Scans in napari: right scale and orientation, organs by name, and what its menus find of us; needs a screen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.data.volumes.named import SETS, open_set
from workbench.data.volumes.organs import colors
from workbench.data.volumes.volume import Volume, write_nifti
from workbench.engine.live import Live
from workbench.viewers import volumes as shown

ROOT = Path(__file__).parents[2]
napari = pytest.importorskip("napari")
npe2 = pytest.importorskip("npe2")
screen = pytest.mark.screen
MANIFEST = npe2.PluginManifest.from_file(ROOT / "workbench" / "viewers" / "napari.yaml")


def lean() -> np.ndarray:
    """An oblique affine, (x, y, z) to RAS mm."""
    c, s = np.cos(0.2), np.sin(0.2)
    return np.array([[1.0, 0, 0, -20], [0, 2 * c, -3 * s, 5], [0, 2 * s, 3 * c, 40], [0, 0, 0, 1]])


def test_layers_place_every_voxel_where_it_is():
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), lean(), "MR", "scan")
    ((data, options, kind),) = shown.layers(volume)
    assert kind == "image" and data.shape == (4, 3, 2) and options["units"] == ("mm", "mm", "mm")
    layer = napari.layers.Image(data, **options)
    for x, y, z in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
        world = layer.data_to_world((z, y, x))
        assert layer.data[z, y, x] == volume.voxels[x, y, z]
        assert world[::-1] == pytest.approx((volume.affine @ [x, y, z, 1])[:3])
    again = shown.volume_of(layer)
    assert np.allclose(again.affine, volume.affine) and np.array_equal(again.voxels, volume.voxels)


def test_masks_carry_names_colors_and_whose_they_are():
    volume, labels = open_set("abdomen_ct")
    found = shown.layers(volume, labels, replace(labels, note="predicted"))
    assert [(options["name"], kind) for _, options, kind in found] == [
        ("abdomen_ct", "image"),
        ("organs", "labels"),
        ("prediction", "labels"),
        ("difference", "labels"),
    ]
    layer = napari.layers.Labels(found[1][0], **found[1][1])
    red, green, blue, _ = layer.get_color(6)
    assert "#{:02x}{:02x}{:02x}".format(*(round(255 * float(c)) for c in (red, green, blue))) == colors([6])[6]
    assert dict(zip(layer.features["index"], layer.features["organ"], strict=True))[6] == "liver"
    assert layer.metadata["note"].startswith("pseudo-labels") and not found[3][0].any()
    assert found[0][1]["contrast_limits"] == (-160, 240)


def test_maps_of_shares_are_hidden_layers_from_0_to_1():
    volume, _ = open_set("abdomen_ct")
    share = np.full(volume.shape, 0.5, np.float32)
    data, options, kind = shown.layers(volume, maps={"attention: liver": share})[-1]
    layer = napari.layers.Image(data, **options)
    assert kind == "image" and layer.name == "attention: liver" and not layer.visible
    assert tuple(layer.contrast_limits) == (0, 1) and layer.data.shape == volume.shape[::-1]


def test_a_mask_of_another_grid_opens_no_window():
    volume, _ = open_set("abdomen_ct")
    _, other = open_set("abdomen_mr")
    with pytest.raises(LabError, match="A mask does not fit abdomen_ct"):
        shown.show_volume(volume, other)


# what napari finds -------------------------------------------------------------------------------------------------


def test_every_command_of_the_manifest_is_there():
    MANIFEST.validate_imports()
    samples = MANIFEST.contributions.sample_data
    assert {sample.key for sample in samples} <= set(SETS) and len(samples) == 7


def test_the_manifest_is_found_by_napari():
    from importlib.metadata import entry_points

    found = [entry for entry in entry_points(group="napari.manifest") if entry.name == "workbench"]
    assert [entry.value for entry in found] == ["workbench.viewers:napari.yaml"]


def test_readers_take_what_we_read_and_leave_the_rest(tmp_path):
    from workbench.viewers import plugin

    assert plugin.get_reader(str(tmp_path / "a.tif")) is None
    assert plugin.get_reader([str(tmp_path / "a.nii"), str(tmp_path / "b.nii")]) is None
    write_nifti(tmp_path / "scan.nii.gz", np.zeros((4, 5, 6), np.int16), lean())
    write_nifti(tmp_path / "organs.nii.gz", np.ones((4, 5, 6), np.uint8), lean(), {1: "liver"})
    ((_, _, kind),) = plugin.get_reader(str(tmp_path / "scan.nii.gz"))(str(tmp_path / "scan.nii.gz"))
    assert kind == "image"
    ((data, options, kind),) = plugin.get_reader([str(tmp_path / "organs.nii.gz")])([str(tmp_path / "organs.nii.gz")])
    assert (
        kind == "labels"
        and data.shape == (6, 5, 4)
        and options["features"]["organ"].tolist()
        == [
            "background",
            "liver",
        ]
    )


# windows -----------------------------------------------------------------------------------------------------------


@screen
def test_the_window_looks_from_the_feet():
    viewer = napari.Viewer(show=True)
    try:
        volume, labels = open_set("abdomen_ct")
        shown.fill(viewer, volume, labels, labels)
        picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
        liver, spleen = (np.array([int(colors([k])[k][i : i + 2], 16) for i in (1, 3, 5)]) for k in (6, 1))
        # the outlines of the prediction are drawn in the plain colors
        columns = [np.nonzero(np.abs(picture[..., :3] - c).sum(-1) < 30)[1].mean() for c in (liver, spleen)]
        assert columns[0] < columns[1] - 50  # the patient's right, where the liver is, on the left of the picture
        assert "pseudo-labels" in viewer.canvas.overlays.text.text and viewer.canvas.overlays.scale_bar.visible
        assert viewer.layers["prediction"].contour == 1 and viewer.layers["organs"].contour == 0
        x, y, z = np.argwhere(labels.voxels == 6)[1000]
        here = (volume.affine @ [x, y, z, 1])[2::-1]
        viewer.dims.point = tuple(here)
        assert "organ: liver" in str(viewer.layers["organs"].get_status(here, dims_displayed=[1, 2], world=True))
    finally:
        viewer.close()


@screen
def test_samples_readers_and_the_widget_work_from_the_menus(tmp_path):
    manager = npe2.PluginManager.instance()
    if "workbench" not in manager:
        manager.register(MANIFEST)
    viewer = napari.Viewer(show=False)
    try:
        viewer.open_sample("workbench", "abdomen_mr")
        assert [layer.name for layer in viewer.layers] == ["abdomen_mr", "organs"]
        assert viewer.scene.camera.orientation2d == ("up", "left")
        write_nifti(tmp_path / "mine.nii.gz", np.zeros((4, 5, 6), np.int16), lean())
        viewer.open(tmp_path / "mine.nii.gz", plugin="workbench")
        assert viewer.layers[-1].data.shape == (6, 5, 4)
        (tmp_path / "bad.nii.gz").write_bytes(b"hello")
        count = len(viewer.layers)
        viewer.open(tmp_path / "bad.nii.gz", plugin="workbench")
        assert len(viewer.layers) == count
        _, widget = viewer.window.add_plugin_dock_widget("workbench", "Run a lab on this layer")
        choices = [widget.image.itemText(k) for k in range(widget.image.count())]
        assert choices == ["abdomen_mr", "mine.nii.gz"] and widget.mask.itemText(1) == "organs"
    finally:
        viewer.close()


@screen
def test_a_layer_becomes_an_own_file_with_its_mask():
    from workbench.data.volumes.own import open_own
    from workbench.pages.lab.page import OWN
    from workbench.viewers import labwidget

    volume, labels = open_set("abdomen_mr")
    image, organs, *_ = (
        getattr(napari.layers, kind.title())(data, **options) for data, options, kind in shown.layers(volume, labels)
    )
    again, mask = open_own(labwidget.keep(image, organs))
    assert np.array_equal(again.voxels, volume.voxels) and np.allclose(again.affine, volume.affine)
    assert np.array_equal(mask.voxels, labels.voxels) and mask.names == dict(labels.names)
    assert open_own(labwidget.keep(image))[1] is None and labwidget.OWN == OWN
    with pytest.raises(LabError, match="another shape"):
        labwidget.keep(image, napari.layers.Labels(np.ones((2, 2, 2), int)))


class Desk:
    """Stands for engine and store: a run that ends at the second look."""

    def __init__(self, prediction: np.ndarray):
        self.looks, self.asked, self.prediction = 0, {}, prediction

    def submit(self, lab, params, name):
        self.asked = {"lab": lab, "name": name, **params}
        return "r1"

    def live(self, run_id):
        self.looks += 1
        return Live(run_id, "running" if self.looks < 2 else "finished", stage="segmenting", done=3, total=9)

    def run(self, run_id):
        result = Result(metrics={"dsi": 0.5}, arrays={"prediction": self.prediction})
        return SimpleNamespace(id=run_id, error=None, result=result)


@pytest.fixture
def window(monkeypatch):
    """Return a window with a scan, the widget in it, and a lab that takes files."""
    from workbench.viewers import labwidget

    monkeypatch.setattr(labwidget, "takes_scans", lambda lab: lab.name == "rs")  # it takes own files too
    viewer = napari.Viewer(show=False)
    volume, labels = open_set("abdomen_mr")
    shown.fill(viewer, volume, labels)
    yield viewer, labwidget.LabWidget(viewer), volume, labels
    viewer.close()


@screen
def test_a_lab_runs_on_the_layer_and_its_prediction_comes_back(window, monkeypatch):
    from workbench.data.volumes.own import open_own
    from workbench.viewers import labwidget

    viewer, widget, volume, labels = window
    desk = Desk(np.asarray(labels.voxels))
    monkeypatch.setattr(labwidget, "open_engine", lambda: desk)
    monkeypatch.setattr(labwidget, "open_store", lambda: desk)
    widget.mask.setCurrentText("organs")
    widget.start()
    assert desk.asked["lab"] == "rs" and desk.asked["dataset"] == "own file" and not widget.button.isEnabled()
    assert widget.bar.value() == 3 and widget.word.text() == "segmenting"
    scan, mask = open_own(Path(desk.asked["file"]))
    assert np.array_equal(scan.voxels, volume.voxels) and mask.names[6] == "liver"
    widget._look()
    assert widget.button.isEnabled() and "0.5" in widget.word.text() and "workbench view r1" in widget.word.text()
    added = viewer.layers["prediction for abdomen_mr"]
    assert added.get_color(6)[3] == 1 and "liver" in set(added.features["organ"])  # seen, and by name
    assert np.array_equal(added.data, viewer.layers["organs"].data) and added.extent.world == pytest.approx(
        viewer.layers["abdomen_mr"].extent.world
    )


@screen
def test_a_run_that_fails_says_why(window, wait_for):
    from qtpy.QtWidgets import QApplication

    _, widget, *_ = window
    widget.start()  # the lab of tables gets a scan: a real engine, a real worker, a real error

    def ended():
        QApplication.processEvents()
        return widget.button.isEnabled()

    wait_for(ended, 120, "the end of the run")
    assert widget.word.text().startswith("failed: ") and ".nii" in widget.word.text()


@pytest.mark.slow
@pytest.mark.without_screen
def test_under_xvfb():
    """Run the tests that need a screen on one of their own."""
    if not shutil.which("xvfb-run"):
        pytest.skip("xvfb-run is not installed")
    command = ["xvfb-run", "-a", "-s", "-screen 0 1280x900x24", sys.executable, "-m", "pytest", "-q", "-W", "ignore"]
    done = subprocess.run([*command, __file__], cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "deselected" in done.stdout and "skipped" not in done.stdout
