"""From a result of the lab `drums` to its pictures."""

from workbench.contract import Tab
from workbench.labs.drums.views.groove import grooves_view
from workbench.labs.drums.views.listen import listen_view
from workbench.labs.drums.views.measures import copies_view, measures_view, training_view
from workbench.labs.drums.views.play import play_view

TABS = (
    Tab("Play", play_view),
    Tab("Grooves", grooves_view, needs=("grooves", "prompts")),
    Tab("Measures", measures_view, needs=("summary",)),
    Tab("Copies", copies_view, needs=("measures",)),
    Tab("Learning", training_view, needs=("training",)),
    Tab("Listen", listen_view, needs=("grooves", "prompts")),
)
