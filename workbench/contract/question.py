"""The question of a lab's probe, declared like its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import param

from workbench.contract.errors import LabError
from workbench.contract.params import Params


class Question(Params):
    """Fields of a question to a finished run: `param` parameters with bounds and a one-line ``doc``, as in `Params`.

    A field whose value is None or an empty text stands for what the run itself has: its own parameter, its first case.
    A lab with several kinds of question declares a selector ``kind`` that says which fields count.

    >>> class Point(Question):
    ...     x = param.Number(0.0, bounds=(0, 1), doc="Where.")
    >>> Point.read({"x": 0.5}).x
    0.5
    """

    @classmethod
    def read(cls, request: Mapping[str, Any]) -> Question:
        """Return the question of a request (JSON values, or NumPy's).

        A value out of its bounds is refused, never moved into them.

        Raises
        ------
        LabError
            If a field is unknown, or a value does not fit or is not finite.
        """
        known = cls.names()
        if unknown := sorted(set(map(str, request)) - set(known)):
            raise LabError(f"A question has no field {unknown[0]!r}.", f"Its fields are {', '.join(known)}.")
        values = {name: _plain(value) for name, value in request.items()}
        for name, value in values.items():
            if not _finite(value):
                raise LabError(f"{cls.param[name].label} ({name}) holds a number that is not finite.", cls._hint(name))
            if isinstance(cls.param[name], param.Integer) and isinstance(value, float) and value == int(value):
                values[name] = int(value)  # JSON knows no whole numbers
        try:
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise cls._misfit(values, error) from error

    def filled(self, **own: Any) -> Question:
        """Return the question with what the run itself has (`own`) where a field is None or an empty text."""
        values = self.to_dict()
        return type(self)(**values | {name: value for name, value in own.items() if values[name] in (None, "")})


def _plain(value: Any) -> Any:
    """Return arrays and tuples as lists, and NumPy's numbers as Python's."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
