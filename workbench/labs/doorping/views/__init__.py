"""From a result of the lab `doorping` to its pictures."""

from workbench.contract import Tab
from workbench.labs.doorping.views.ablation import ladder_view
from workbench.labs.doorping.views.card import card_view
from workbench.labs.doorping.views.defenses import defenses_view
from workbench.labs.doorping.views.heat_map import heat_view
from workbench.labs.doorping.views.images import set_view
from workbench.labs.doorping.views.leaderboard import board_view
from workbench.labs.doorping.views.stamp import stamp_view
from workbench.labs.doorping.views.trigger import has_renewals, trigger_view

TABS = (
    Tab("Ladder", ladder_view, needs=("victims", "card")),
    Tab("Synthetic set", set_view, needs=("victims", "card")),
    Tab("Trigger", trigger_view, needs=("trajectory", "card"), when=has_renewals),
    Tab("Stamp it", stamp_view, needs=("victims", "card")),
    Tab("Leaderboard", board_view, needs=("victims", "card")),
    Tab("Defenses", defenses_view, needs=("defenses", "card")),
    Tab("Settings", heat_view, needs=("victims", "card")),
    Tab("Data card", card_view, needs=("card",)),
)
