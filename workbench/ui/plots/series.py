"""The series of a lab: what they are called and how they are drawn, the same in each of its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workbench.ui.palette import GRAY, PALETTE


@dataclass(frozen=True)
class Series:
    """A line, a row of dots or an entry of a legend.

    Attributes
    ----------
    name
        What the tables of a result call it.
    label
        What readers see.
    color, marker, dash
        Of Bokeh.
    """

    name: str
    label: str
    color: str
    marker: str = "circle"
    dash: str = "solid"


class SeriesTable(Mapping[str, Series]):
    """Series by name, in the order in which they are shown; a name that is not among them is drawn in gray."""

    def __init__(self, series: Iterable[Series]):
        self._known = {one.name: one for one in series}

    @classmethod
    def of(cls, labels: Mapping[str, str] | Iterable[str]) -> SeriesTable:
        """Return series in the colors of the palette, from name -> label, or from names that are their own labels."""
        named = labels if isinstance(labels, Mapping) else {name: name for name in labels}
        return cls(
            Series(name, label, PALETTE.color(i), PALETTE.marker(i)) for i, (name, label) in enumerate(named.items())
        )

    def __getitem__(self, name: str) -> Series:
        return self._known.get(name) or Series(name, name, GRAY)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def among(self, names: Iterable[str]) -> list[Series]:
        """Return the series of these names in the table's order, unknown ones last, each once."""
        there = dict.fromkeys(names)
        return [self[name] for name in (*(n for n in self if n in there), *(n for n in there if n not in self._known))]
