"""Browser components, usable in JupyterLab (anywidget) and in Panel."""

from workbench_widgets.class_handles import ClassHandles, flat, jupyter_widget

__all__ = ["ClassHandles", "flat", "jupyter_widget"]
