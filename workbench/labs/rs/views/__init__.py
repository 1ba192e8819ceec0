"""From a result of the lab `rs` to its pictures."""

from workbench.contract import Tab
from workbench.labs.rs.views.failures import fail_view
from workbench.labs.rs.views.graded import graded_view
from workbench.labs.rs.views.one_set import epsilon_view, set_view
from workbench.labs.rs.views.probe import move_the_classes
from workbench.labs.rs.views.residuals import residuals_view
from workbench.labs.rs.views.tasks import tasks_view
from workbench.labs.rs.views.training import layers_view, loss_view

TABS = (
    Tab("Set", set_view, any_of=("set", "measures")),
    Tab("Epsilon", epsilon_view, any_of=("epsilon", "bias")),
    Tab("Graded", graded_view, needs=("graded",)),
    Tab("Where they fail", fail_view, any_of=("classic", "failures", "local")),
    Tab("Tasks", tasks_view, any_of=("tasks", "correlation")),
    Tab("Layers", layers_view, needs=("layers",)),
    Tab("Residuals", residuals_view, any_of=("ranking", "adjusted", "judging")),
    Tab("RS as a loss", loss_view, needs=("loss",)),
    Tab("Move the classes", move_the_classes),
)
