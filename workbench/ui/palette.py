"""The color palette, after Okabe and Ito: distinguishable for color-blind readers, in light and dark."""

from __future__ import annotations

from dataclasses import dataclass

# Okabe & Ito (2008), "Color Universal Design"; black left out, since it vanishes in the dark
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILLION, YELLOW, GRAY = "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C"
# three more, as far from those as three can be, also to color-blind eyes (Machado et al. 2009)
VIOLET, BROWN, NAVY = "#7700FF", "#662200", "#110088"


@dataclass(frozen=True)
class Palette:
    """Colors by meaning; take them from here, so that a color means the same everywhere.

    Attributes
    ----------
    classes
        Categories, in the order of use; wraps around in `color`.
    markers
        A bokeh marker for each category, so that color is never the only sign.
    sequential, diverging
        Names of bokeh color maps, both safe for color-blind readers.
    good, bad, unsure, quiet
        Verdicts and states; always shown with an icon and a word too.
    """

    classes: tuple[str, ...] = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, VIOLET, BROWN, NAVY, GRAY, YELLOW)
    markers: tuple[str, ...] = (
        *("circle", "triangle", "square", "diamond", "inverted_triangle", "star", "plus", "hex"),
        *("square_pin", "triangle_pin", "circle_dot"),
    )
    sequential: str = "cividis"
    diverging: str = "PuOr"
    good: str = GREEN
    bad: str = VERMILLION
    unsure: str = ORANGE
    quiet: str = GRAY

    def color(self, index: int) -> str:
        """Return the color of the category number `index`, from 0."""
        return self.classes[index % len(self.classes)]

    def marker(self, index: int) -> str:
        """Return the bokeh marker of the category number `index`, from 0."""
        return self.markers[index % len(self.markers)]


PALETTE = Palette()
# the same colors where they are bright enough on black, and brighter ones in the place of the others
DARK = Palette(
    classes=("#3D8FD1", ORANGE, GREEN, PURPLE, "#9AD4F5", VERMILLION, "#A266FF", "#88FFDD", "#EEFFAA", GRAY, YELLOW)
)


def of_theme(dark: bool) -> Palette:
    """Return the colors for dark or for light ground."""
    return DARK if dark else PALETTE
