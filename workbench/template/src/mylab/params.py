"""The typed parameters of a run, and the question that a finished run can be asked."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion


class Params(Base):
    """Splits of the flowers; each parameter is a field of the form and an option in the terminal."""

    splits = param.Integer(default=20, bounds=(1, 10_000), doc="Random splits into training and held-out flowers.")
    held_out = param.Number(default=0.3, bounds=(0.1, 0.9), doc="Share of each species that is held out.")

    units: ClassVar[dict[str, str]] = {"held_out": "share"}
    presets: ClassVar[dict] = {"quick": {}, "claims": {"splits": 200}}


class Question(BaseQuestion):
    """A question about a flower: which species is nearest to it."""

    flower = param.List(
        default=[5.8, 3.0, 4.4, 1.4],
        bounds=(4, 4),
        item_type=(int, float),
        doc="Sepal length, sepal width, petal length and petal width.",
    )

    units: ClassVar[dict[str, str]] = {"flower": "cm"}
