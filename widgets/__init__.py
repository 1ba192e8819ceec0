"""Browser components, usable in JupyterLab (anywidget) and in Panel."""

from workbench_widgets.class_handles import ClassHandles, flat
from workbench_widgets.jupyter import jupyter_widget
from workbench_widgets.scene import Scene3D
from workbench_widgets.slices import Side, Slices, slices_of
from workbench_widgets.step_grid import StepGrid, hit_list
from workbench_widgets.surfaces import Surfaces

__all__ = [
    "ClassHandles",
    "Scene3D",
    "Side",
    "Slices",
    "StepGrid",
    "Surfaces",
    "flat",
    "hit_list",
    "jupyter_widget",
    "slices_of",
]
