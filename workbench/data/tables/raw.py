"""A table as it stands in its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd


@dataclass
class Raw:
    """A table as it stands in the file, with what the format itself says of it.

    Attributes
    ----------
    frame
        The columns: numbers, or text where a cell is no plain number (`cells.read_cells` reads those).
    notes
        Sentences on what was found.
    target, class_names
        Name of the class column and names of the classes, if the format gives them.
    comma
        What a comma within a number is where its digits leave that open: "decimal", "thousands", or "open" where other
        numbers of the table have to tell.
    line
        Row number of the frame -> line of a text file, from 1.
    """

    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    target: str | None = None
    class_names: list[str] | None = None
    comma: str = "thousands"
    line: Callable[[int], int] | None = None
