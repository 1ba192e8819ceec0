"""From a result of the lab `cmt` to its pictures."""

from workbench.contract import Tab
from workbench.labs.cmt.common.kept_scenes import has_scenes
from workbench.labs.cmt.views.probe import positions_view, probe_view
from workbench.labs.cmt.views.scenes import scenes_view
from workbench.labs.cmt.views.scores import arms_view, classes_view, training_view

TABS = (
    Tab("Arms", arms_view, needs=("scores",)),
    Tab("Scenes", scenes_view, when=has_scenes),
    Tab("Probe", probe_view, needs=("networks",), when=has_scenes),
    Tab("Positions", positions_view, needs=("networks",), when=has_scenes),
    Tab("Classes", classes_view, needs=("scores",)),
    Tab("Learning", training_view, needs=("training",)),
)
