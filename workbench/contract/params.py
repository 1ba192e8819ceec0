"""The parameters of a lab: one declaration for form, terminal, address, store and notebook."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import param

from workbench.contract.errors import LabError

TINY = "tiny"  # the preset of tests


class Params(param.Parameterized):
    """The typed parameters of a lab: one declaration for form, CLI, URL, store and notebook.

    A subclass declares `param` parameters with bounds and a one-line ``doc`` (tooltip and CLI help), and
    may name units, the rarely needed ones (`advanced`) and its presets. The preset ``tiny``, if there is one, takes
    seconds and teaches nothing: tests of stopping, resuming and repeating use it, and no page lists it.
    """

    units: ClassVar[dict[str, str]] = {}
    advanced: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[dict[str, dict[str, Any]]] = {"quick": {}}

    @classmethod
    def make(cls, preset: str = "quick", **values: Any) -> Params:
        """Return the params of a preset with some values changed.

        Raises
        ------
        LabError
            If a name is unknown or a value is out of its bounds.
        """
        if preset not in cls.presets:
            raise LabError(f"There is no preset {preset!r}.", f"Choose one of {', '.join(cls.shown_presets())}.")
        known = cls.names()
        for name in values:
            if name not in known:
                raise LabError(f"There is no parameter {name!r}.", f"The parameters are {', '.join(known)}.")
        try:
            return cls(**{**cls.presets[preset], **values})
        except (ValueError, TypeError) as error:
            raise cls._misfit({**cls.presets[preset], **values}, error) from error

    @classmethod
    def shown_presets(cls) -> list[str]:
        """Return the presets that a user may choose from, the default first."""
        return [name for name in cls.presets if name != TINY]

    @classmethod
    def _misfit(cls, values: dict[str, Any], error: Exception) -> LabError:
        """Return in the user's words what param says in its own."""
        for name, value in values.items():
            try:
                cls(**{name: value})
            except (ValueError, TypeError):
                return LabError(f"{cls.param[name].label} ({name}) = {value!r} does not fit.", cls._hint(name))
        return LabError(f"The parameters do not fit: {error}")

    @classmethod
    def _hint(cls, name: str) -> str:
        """Return what is wanted of a parameter: its values, or else what it is."""
        return accepted_values(cls.param[name]) or cls.param[name].doc or ""

    @classmethod
    def names(cls) -> list[str]:
        """Return the parameter names in the order of declaration."""
        own = [n for n in cls.param if n != "name"]
        order = [n for base in reversed(cls.__mro__) for n in vars(base) if n in own]
        return list(dict.fromkeys(order))

    @classmethod
    def parse(cls, name: str, text: str) -> Any:
        """Read one value from the text of a command line or URL.

        Raises
        ------
        LabError
            If the text is no value of that parameter's type.
        """
        if name not in cls.names():
            raise LabError(f"There is no parameter {name!r}.", f"The parameters are {', '.join(cls.names())}.")
        declared = cls.param[name]
        if isinstance(declared, param.String | param.Selector) and not isinstance(declared, param.ListSelector):
            options = {str(v): v for v in getattr(declared, "objects", [])}
            return options.get(text, text)
        if not text and declared.allow_None:
            return None
        if isinstance(declared, param.List | param.ListSelector):
            return _parse_list(declared, text)
        try:
            if isinstance(declared, param.Boolean):
                return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
            return int(text) if isinstance(declared, param.Integer) else float(text)
        except (KeyError, ValueError):
            raise LabError(f"{name} = {text!r} is no {type(declared).__name__.lower()}.", declared.doc or "") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the values by name: what JSON, the URL and the store keep."""
        return {name: getattr(self, name) for name in self.names()}


def _parse_list(declared: param.List | param.ListSelector, text: str) -> list:
    """Read ``[1, 2]``, or ``1,2``: numbers where the parameter holds numbers, else words."""
    words = isinstance(declared, param.ListSelector) or declared.item_type in (None, str)
    if words and not text.startswith("["):
        return [word for word in text.split(",") if word]
    try:
        return json.loads(text if text.startswith("[") else f"[{text}]")
    except ValueError:
        raise LabError(f"{declared.name} = {text!r} is no list.", declared.doc or "") from None


def accepted_values(declared: param.Parameter) -> str:
    """Return in a sentence which values a parameter takes; nothing where that is not known."""
    if isinstance(declared, param.Selector):
        many = "some" if isinstance(declared, param.ListSelector) else "one"
        return f"Choose {many} of {', '.join(map(str, declared.objects))}."
    if isinstance(declared, param.Number):
        kind = "A whole number" if isinstance(declared, param.Integer) else "A number"
        return f"{kind}, {bounds_text(declared) or 'any'}, is wanted."
    return ""


def bounds_text(declared: param.Parameter) -> str:
    """Return the bounds of a number as text, or nothing."""
    low, high = (isinstance(declared, param.Number) and declared.bounds) or (None, None)  # a list bounds its length
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return f"up to {high:g}" if high is not None else ""
