"""From a result of the lab `eam` to its pictures."""

from workbench.contract import Tab
from workbench.labs.eam.views.classes import attention_view, correlations_view, representations_view
from workbench.labs.eam.views.dice import dice_view, has_shots, shots_view, training_view
from workbench.labs.eam.views.slices import has_attention, has_pair, probe_view, slices_of_result

TABS = (
    Tab("Dice", dice_view, needs=("scores",)),
    Tab("Annotated", shots_view, needs=("scores",), when=has_shots),
    Tab("Slices", slices_of_result, needs=("scores",), when=has_pair),
    Tab("Probe", probe_view, needs=("scores",), when=has_attention),
    Tab("Attention", attention_view, needs=("scores",), when=has_attention),
    Tab("Correlations", correlations_view, needs=("scores", "alignment", "correlations")),
    Tab("Representations", representations_view, needs=("scores", "alignment", "points")),
    Tab("Learning", training_view, needs=("training",)),
)
