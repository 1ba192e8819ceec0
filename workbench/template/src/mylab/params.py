"""The typed parameters: each one is a field of the form, an option in the terminal and a key in the store."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base


class Params(Base):
    """How the flowers are split, and how often."""

    splits = param.Integer(default=20, bounds=(1, 10_000), doc="Random splits into training and held-out flowers.")
    held_out = param.Number(default=0.3, bounds=(0.1, 0.9), doc="Share of each species that is held out.")

    units: ClassVar[dict[str, str]] = {"held_out": "share"}
    presets: ClassVar[dict] = {"quick": {}, "claims": {"splits": 200}}
