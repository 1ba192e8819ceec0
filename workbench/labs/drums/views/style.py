"""Shared style of this lab's pictures: the players and the measures."""

from __future__ import annotations

from workbench.labs.drums.common.evaluation import HUMAN
from workbench.labs.drums.params import TUNED, UNTAUGHT
from workbench.ui.palette import BLUE, BROWN, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, VIOLET
from workbench.ui.plots.series import Series, SeriesTable

# People green, networks by what they read, those that only count gray.
PLAYERS = SeriesTable(
    [
        Series(HUMAN, "people", GREEN, "star"),
        Series("english", "English first", BLUE, "circle"),
        Series("english smaller", "English first, smaller", SKY, "circle"),
        Series("none", "nothing first", VERMILLION, "square"),
        Series("shuffled", "shuffled letters first", ORANGE, "triangle"),
        Series("nested", "nested repetition first", PURPLE, "diamond"),
        Series(TUNED, "language model, adapted", VIOLET, "square_pin"),
        Series(UNTAUGHT, "its random twin", BROWN, "triangle_pin"),
        Series("n-gram", "n-gram", GRAY, "hex"),
        Series("bar chain", "bar chain", GRAY, "inverted_triangle"),
        Series("copy two bars", "copy two bars", GRAY, "cross"),
        Series("random", "random", GRAY, "x"),
    ]
)
MEASURES = {
    "mean": "stability d (edits)",
    "between": "pattern against fills (edits)",
    "within": "spread within (edits)",
    "masked_mean": "stability d, silent bars left out (edits)",
    "masked_between": "pattern against fills, silent bars left out (edits)",
    "masked_within": "spread within, silent bars left out (edits)",
    "distinct": "distinct bars (0–1)",
    "fills": "fills (bars a groove)",
    "timed": "fills before a new phrase (0–1)",
    "train": "bars copied from training (0–1)",
    "prompt": "bars copied from the prompt (0–1)",
    "hits": "hits a bar",
    "silent": "silent bars a groove",
}
