"""What the pictures of this lab share: names and colors of the players."""

from __future__ import annotations

from workbench.labs.drums.common.evaluation import HUMAN
from workbench.labs.drums.params import TUNED, UNTAUGHT
from workbench.ui.palette import BLUE, BROWN, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, VIOLET

# A color and a marker for each player; people green, networks by what they read, those that only count gray.
LOOK = {
    HUMAN: (GREEN, "star"),
    "english": (BLUE, "circle"),
    "english smaller": (SKY, "circle"),
    "none": (VERMILLION, "square"),
    "shuffled": (ORANGE, "triangle"),
    "nested": (PURPLE, "diamond"),
    TUNED: (VIOLET, "square_pin"),
    UNTAUGHT: (BROWN, "triangle_pin"),
    "n-gram": (GRAY, "hex"),
    "bar chain": (GRAY, "inverted_triangle"),
    "copy two bars": (GRAY, "cross"),
    "random": (GRAY, "x"),
}
WORDS = {
    HUMAN: "people",
    "english": "English first",
    "english smaller": "English first, smaller",
    "none": "nothing first",
    "shuffled": "shuffled letters first",
    "nested": "nested repetition first",
    TUNED: "language model, adapted",
    UNTAUGHT: "its random twin",
}
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
NEUTRAL = "#8C8C8C"


def look(player: str) -> tuple[str, str]:
    """Return color and marker of a player."""
    return LOOK.get(player, (NEUTRAL, "circle"))


def label(player: str) -> str:
    """Return a player's name in words."""
    return WORDS.get(player, player)
