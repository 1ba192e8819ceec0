"""The form of a lab, generated from its `Params`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from workbench.contract.errors import LabError
from workbench.contract.params import Params
from workbench.ui.controls import help_text, label_text, step_of
from workbench.ui.style import FOLD

STRETCH = {"sizing_mode": "stretch_width", "margin": (5, 0)}

# no plus and minus beside a number: they have no names for a screen reader, and the arrow keys do the same
PLAIN = {".MuiInputAdornment-root": {"display": "none"}, ".MuiInputBase-input": {"paddingLeft": "14px"}}
WHOLE = {"sx": PLAIN, "format": "0"}  # with its default, "2,000" turns into "2000" under the typing hand


def widget_for(declared: param.Parameter, value: Any, unit: str = "") -> pn.widgets.Widget:
    """Return the widget for one parameter.

    Numbers get a number field, booleans a switch, selectors a menu, lists of choices a menu of many, and whatever
    else JSON can say a text field with JSON in it.
    """
    common = {"label": label_text(declared, unit), **STRETCH}
    if isinstance(declared, param.Boolean):
        return pmui.Switch(value=bool(value), description=help_text(declared), **common)
    if isinstance(declared, param.ListSelector):
        common |= {"visual_size": "small", "helper_text": help_text(declared), "delete_button": True}
        return pmui.MultiChoice(value=list(value or []), options=declared.get_range(), **common)
    common |= {"size": "small", "helper_text": help_text(declared)}
    if isinstance(declared, param.Selector):
        return pmui.Select(value=value, options=declared.get_range(), **common)
    if isinstance(declared, param.Integer):
        return pmui.IntInput(value=value, step=step_of(declared), **WHOLE, **common)
    if isinstance(declared, param.Number):
        return pmui.FloatInput(value=value, step=step_of(declared), sx=PLAIN, **common)
    text = value if isinstance(declared, param.String) else json.dumps(plain(value))
    return pmui.TextInput(value=text or "", **common)


def read_widget(declared: param.Parameter, shown: Any) -> Any:
    """Return the parameter's value from what its widget shows.

    Raises
    ------
    LabError
        If a text field of JSON holds something else.
    """
    if isinstance(declared, param.Boolean | param.Selector | param.Number | param.String):
        if shown == "" and declared.allow_None and isinstance(declared, param.String):
            return None
        return shown
    try:
        value = json.loads(shown) if shown else None
    except ValueError:
        if not isinstance(declared, param.List):
            raise LabError(f"{declared.label} is no JSON.", "Write a list as [1, 2, 3].") from None
        value = [part.strip() for part in shown.split(",") if part.strip()]
    return tuple(value) if isinstance(declared, param.Tuple) and isinstance(value, list) else value


def check_path(file: str) -> None:
    """Refuse a relative path: the server has a folder of its own, which is not the user's.

    Raises
    ------
    LabError
        If it is one.
    """
    if file and not Path(file).expanduser().is_absolute():
        raise LabError(
            f"{file!r} is no whole path.", "Write it from the root of the disk, or drop the file on the page."
        )


class Form:
    """The fields of a lab's params, with a preset menu, an "Advanced" fold, the seed and the device.

    Parameters
    ----------
    params
        The lab's `Params` class.
    changed
        Called after every change by the user.
    """

    def __init__(self, params: type[Params], changed: Callable[[], Any], devices: tuple[str, ...] = ("auto", "cpu")):
        self._class = params
        self._changed = changed
        self._quiet = False
        self._errors: dict[str, str] = {}
        first = next(iter(params.presets))
        self.preset = pmui.Select(label="Preset", options=params.shown_presets(), value=first, size="small", **STRETCH)
        start = params.make(first)
        self.fields = {
            name: widget_for(params.param[name], getattr(start, name), params.units.get(name, ""))
            for name in params.names()
        }
        self.seed = pmui.IntInput(label="Seed", value=0, size="small", **WHOLE, **STRETCH)
        self.device = pmui.Select(label="Device", options=list(devices), value="auto", size="small", **STRETCH)
        self.preset.param.watch(self._preset_chosen, "value")
        for name, widget in self.fields.items():
            widget.param.watch(lambda event, name=name: self._edited(name), "value")
        for widget in (self.seed, self.device):
            widget.param.watch(lambda event: self._tell(), "value")

    @property
    def layout(self) -> pn.Column:
        """The fields in the order of declaration, the rare ones folded."""
        rare = [n for n in self.fields if n in self._class.advanced]
        usual = [widget for name, widget in self.fields.items() if name not in rare]
        fold = pmui.Accordion(
            ("Advanced", pn.Column(*[self.fields[n] for n in rare], self.seed, self.device, **STRETCH)),
            **FOLD,
        )
        return pn.Column(*usual, fold, sizing_mode="stretch_width", margin=0)

    def values(self) -> dict[str, Any]:
        """Return the values of all fields.

        Raises
        ------
        LabError
            If a field holds no value of its type, one out of bounds, or a path that is not whole.
        """
        read = {name: read_widget(self._class.param[name], w.value) for name, w in self.fields.items()}
        check_path(read.get("file") or "")
        return self._class.make(self.preset.value, **read).to_dict()

    def changes(self) -> dict[str, Any]:
        """Return the readable values that differ from the preset: what the URL keeps."""
        base = self._class.make(self.preset.value).to_dict()
        changed = {}
        for name, widget in self.fields.items():
            try:
                value = read_widget(self._class.param[name], widget.value)
            except LabError:
                continue
            if plain(value) != plain(base[name]):
                changed[name] = plain(value)
        return changed

    def fill(self, preset: str = "", params: dict[str, Any] | None = None, seed: Any = 0, device: str = "auto") -> None:
        """Show given values without calling `changed`; names and presets that the lab lacks are left out."""
        self._quiet = True
        try:
            preset = preset if preset in self._class.shown_presets() else next(iter(self._class.presets))
            base = self._class.make(preset).to_dict()
            known = {k: v for k, v in (params or {}).items() if k in base}
            self.preset.value = preset
            for name, value in {**base, **known}.items():
                self._show(name, value)
            self.seed.value = int(seed) if str(seed).lstrip("-").isdigit() else 0
            self.device.value = device if device in self.device.options else "auto"
        finally:
            self._quiet = False
        for name in self.fields:
            self._check(name)

    def put(self, name: str, value: Any) -> None:
        """Set one field as if the user had done it."""
        self._show(name, value)

    def _show(self, name: str, value: Any) -> None:
        declared, widget = self._class.param[name], self.fields[name]
        if isinstance(widget, pmui.TextInput):
            value = (value or "") if isinstance(declared, param.String) else json.dumps(plain(value))
        try:
            widget.value = value
        except ValueError:  # an old link may hold a value of another type: keep the default
            return

    def _preset_chosen(self, event: param.parameterized.Event) -> None:
        if not self._quiet:
            self.fill(event.new, None, self.seed.value, self.device.value)
            self._changed()

    def _edited(self, name: str) -> None:
        if not self._quiet:
            self._check(name)
            self._changed()

    def _tell(self) -> None:
        if not self._quiet:
            self._changed()

    def _check(self, name: str) -> None:
        """Show at the field itself what is wrong with it."""
        declared, widget = self._class.param[name], self.fields[name]
        try:
            self._class.make(self.preset.value, **{name: read_widget(declared, widget.value)})
            wrong = ""
        except LabError as error:
            wrong = error.hint or error.cause  # the field is named beside it
        if wrong == self._errors.get(name, ""):
            return
        self._errors[name] = wrong
        if "helper_text" in widget.param:
            widget.param.update(error_state=bool(wrong), helper_text=wrong or help_text(declared))


def plain(value: Any) -> Any:
    """Return a value as JSON would give it back, so that tuples equal lists."""
    return json.loads(json.dumps(value, default=str))
