"""From a result of the lab `reliant` to its pictures."""

from workbench.contract import Tab
from workbench.labs.reliant.views.card import card_view
from workbench.labs.reliant.views.graph import graph_view, has_places
from workbench.labs.reliant.views.groups import groups_view
from workbench.labs.reliant.views.probe import what_if_view
from workbench.labs.reliant.views.proxies import losses_view, proxies_view
from workbench.labs.reliant.views.thresholds import thresholds_view
from workbench.labs.reliant.views.tradeoff import tradeoff_view

TABS = (
    Tab("Who pays", groups_view, needs=("summary", "cards", "runs")),
    Tab("Trade-off", tradeoff_view, needs=("summary", "runs")),
    Tab("Thresholds", thresholds_view, needs=("summary", "cards", "runs")),
    Tab("Graph", graph_view, needs=("cards",), when=has_places),
    Tab("Proxies", proxies_view, needs=("proxies", "trails", "summary")),
    Tab("What if", what_if_view, needs=("summary",)),
    Tab("Data card", card_view, needs=("cards",)),
    Tab("Losses", losses_view, needs=("training",)),
)
