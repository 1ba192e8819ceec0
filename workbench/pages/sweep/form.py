"""The form of a sweep: parameters, values and seeds."""

from __future__ import annotations

import asyncio
import json
from html import escape
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui
import param

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.contract.params import bounds_text
from workbench.engine import open_engine
from workbench.pages.access import user_name
from workbench.pages.form import STRETCH, WHOLE, Form, label_text
from workbench.sweeps import conductor
from workbench.sweeps.notation import parse_seeds, parse_values
from workbench.sweeps.spec import SEARCHES, Spec, make_spec
from workbench.ui import style
from workbench.ui.address import Place
from workbench.ui.errors import error_html

if TYPE_CHECKING:
    from workbench.pages.navigation import Navigation

SMALL = {"size": "small", **STRETCH}
FRAME = {"border": "1px solid var(--mui-palette-divider)", "border-radius": "10px", "padding": "0 14px 10px"}


class SweepForm:
    """A button, and the fields that it shows; what the lab's own form says holds for every run.

    Parameters
    ----------
    lab
        The lab that is swept.
    form
        Its form, for the preset, the device and what does not vary.
    shell
        The session, which goes to the sweep's page once it is started.
    """

    def __init__(self, lab: Lab, form: Form, shell: Navigation):
        self._lab, self._form, self._shell = lab, form, shell
        self.button = pmui.Button(label="Sweep", icon="grid_on", color="primary", variant="outlined", **STRETCH)
        self.button.on_click(lambda _: self._toggle())
        names = {lab.Params.param[name].label: name for name in lab.Params.names()}
        self._axes = pmui.MultiChoice(
            label="Parameters that vary", options=names, value=[], visual_size="small", delete_button=True, **STRETCH
        )
        self._values: dict[str, pn.widgets.Widget] = {}  # by parameter, also of those that were taken away again
        self._fields = pn.Column(sizing_mode="stretch_width", margin=0)
        self._seeds = pmui.TextInput(label="Seeds", value="0-2", helper_text="0-4, or 0,3,7", **SMALL)
        self._search = pmui.Select(label="Search", options=list(SEARCHES), value="grid", **SMALL)
        self._count = pmui.IntInput(label="Points to choose", value=10, start=1, visible=False, **WHOLE, **SMALL)
        metrics = {metric.label: metric.key for metric in lab.metrics}
        self._metric = pmui.Select(label="Metric", options=metrics, value=next(iter(metrics.values()), None), **SMALL)
        self._word = style.html()
        self._start = pmui.Button(
            label="Start the sweep", icon="play_arrow", color="primary", variant="contained", disabled=True, **STRETCH
        )
        self._start.on_click(self._begin)
        self._axes.param.watch(lambda _: self._choose(), "value")
        for widget in (self._seeds, self._search, self._count, self._metric):
            widget.param.watch(lambda _: self._say(), "value")
        parts = [self._axes, self._fields, self._seeds, self._search, self._count, self._metric]
        self.layout = pn.Column(
            style.html("<h2 style='margin-top:8px'>Sweep</h2>"),
            *parts,
            self._word,
            self._start,
            sizing_mode="stretch_width",
            margin=(8, 0),
            visible=False,
            styles={
                "border": "1px solid var(--mui-palette-divider)",
                "border-radius": "10px",
                "padding": "0 14px 10px",
            },
        )

    def _toggle(self) -> None:
        self.layout.visible = not self.layout.visible
        if self.layout.visible:
            self._say()

    def _choose(self) -> None:
        """Show a field for the values of each parameter that varies."""
        self._axes.dropdown_open = False  # else the menu lies over the field that has just come
        for name in self._axes.value:
            if name not in self._values:
                self._values[name] = self._field(name)
                self._values[name].param.watch(lambda _: self._say(), "value")
        self._fields.objects = [self._values[name] for name in self._axes.value]
        self._say()

    def _field(self, name: str) -> pn.widgets.Widget:
        """Return the field for the values of one parameter; it starts with what the lab's form says."""
        declared, now = self._lab.Params.param[name], self._form.fields[name].value
        label = f"Values of {label_text(declared, self._lab.Params.units.get(name, ''))}"
        if isinstance(declared, param.Boolean):
            return pmui.MultiChoice(label=label, options=[True, False], value=[True, False], **STRETCH)
        if isinstance(declared, param.Selector) and not isinstance(declared, param.ListSelector):
            return pmui.MultiChoice(label=label, options=declared.get_range(), value=[now], **STRETCH)
        many = isinstance(declared, param.List | param.ListSelector)
        if many:
            now = ",".join(map(str, now if isinstance(now, list) else json.loads(now or "[]")))
        hint = "commas within a value, | between values" if many else "commas between values"
        hint = " · ".join(filter(None, (hint, bounds_text(declared))))
        return pmui.TextInput(label=label, value=str(now), helper_text=hint, **SMALL)

    def _spec(self) -> Spec:
        """Return what the fields ask for.

        Raises
        ------
        LabError
            If it makes no sense.
        """
        axes = {}
        for name in self._axes.value:
            shown = self._values[name].value
            axes[name] = shown if isinstance(shown, list) else parse_values(self._lab.Params, name, shown)
        self._form.values()  # says what is wrong in the lab's own form
        return make_spec(
            self._lab.name,
            axes,
            seeds=parse_seeds(self._seeds.value),
            preset=self._form.preset.value,
            base=self._form.changes(),
            search=self._search.value,
            count=self._count.value or 0,
            metric=self._metric.value or "",
            device=self._form.device.value,
            user=user_name(),
        )

    def _say(self) -> None:
        """Show how many runs that is, or what is wrong."""
        self._count.visible = self._search.value != "grid"
        try:
            spec = self._spec()
        except LabError as error:
            self._word.object = f'<p class="small" role="status">{escape(str(error))}</p>'
            self._start.disabled = True
            return
        kind = "" if spec.search == "grid" else f" of {spec.size}"
        parts = f"{_many(spec.points, 'point')}{kind} × {_many(len(spec.seeds), 'seed')}"
        self._word.object = f'<p role="status">{parts} = <strong>{_many(spec.runs, "run")}</strong></p>'
        self._start.disabled = False

    async def _begin(self, _event: Any) -> None:
        try:
            sweep_id = await asyncio.to_thread(conductor.start, open_engine(), self._spec())
        except LabError as error:
            self._word.object = error_html(error)
            return
        self._shell.visit(Place(page="sweep", sweep=sweep_id))


def _many(number: int, word: str) -> str:
    """Return a number with its word.

    >>> _many(1, "run"), _many(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{number:,} {word}{'s' * (number != 1)}"
