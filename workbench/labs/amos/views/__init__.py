"""From a result of the lab `amos` to its pictures."""

from workbench.contract import Tab
from workbench.labs.amos.views.board import leaderboard_view, literature_view, ranks_view, training_view
from workbench.labs.amos.views.organs import cases_view, organs_view
from workbench.labs.amos.views.probe import probe_view
from workbench.labs.amos.views.slices import slices_of_result
from workbench.toolkit.cases import has_cases

TABS = (
    Tab("Slices", slices_of_result, when=has_cases),
    Tab("Probe", probe_view, when=has_cases),
    Tab("Leaderboard", leaderboard_view, needs=("leaderboard",)),
    Tab("Organs", organs_view, needs=("scores",)),
    Tab("Cases", cases_view, needs=("scores",)),
    Tab("Ranks", ranks_view, needs=("leaderboard",)),
    Tab("Learning", training_view, needs=("training",)),
    Tab("Literature", literature_view),
)
