"""The form: a widget for every kind of parameter, help from its declaration, errors at the field."""

from typing import ClassVar

import panel_material_ui as pmui
import param
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.contract.params import Params
from workbench.pages.form import Form, help_text, label_text, plain, read_widget, widget_for


class Every(Params):
    """One parameter of every kind."""

    flag = param.Boolean(True, doc="A switch.")
    count = param.Integer(3, bounds=(1, 10), doc="How many.")
    rate = param.Number(0.5, bounds=(0.01, 1.0), doc="How fast.")
    floor = param.Number(2.0, bounds=(0, None), doc="From here on.")
    maybe = param.Number(None, allow_None=True, doc="Nothing is fine.")
    kind = param.Selector(default="a", objects=["a", "b"], doc="Which one.")
    many = param.ListSelector(default=["x"], objects=["x", "y"], doc="Which ones.")
    word = param.String("hello", doc="Any text.")
    items = param.List([1, 2], doc="A list.")
    span = param.Range((0.1, 0.9), bounds=(0, 1), doc="From and to.")

    units: ClassVar = {"rate": "m/s"}
    advanced: ClassVar = ("span",)
    presets: ClassVar = {"quick": {}, "claims": {"count": 9}}


WIDGETS = {
    "flag": pmui.Switch,
    "count": pmui.IntInput,
    "rate": pmui.FloatInput,
    "floor": pmui.FloatInput,
    "maybe": pmui.FloatInput,
    "kind": pmui.Select,
    "many": pmui.MultiChoice,
    "word": pmui.TextInput,
    "items": pmui.TextInput,
    "span": pmui.TextInput,
}


@pytest.mark.parametrize("name", Every.names())
def test_every_kind_has_a_widget_that_gives_its_value_back(name):
    declared = Every.param[name]
    widget = widget_for(declared, declared.default, Every.units.get(name, ""))
    assert isinstance(widget, WIDGETS[name])
    assert plain(read_widget(declared, widget.value)) == plain(declared.default)
    Every.make(**{name: read_widget(declared, widget.value)})


def test_label_has_the_unit_and_help_has_doc_and_bounds():
    assert label_text(Every.param.rate, "m/s") == "Rate (m/s)"
    assert help_text(Every.param.rate) == "How fast · 0.01 to 1"
    assert help_text(Every.param.floor) == "From here on · 0 or more"
    assert help_text(Every.param.kind) == "Which one"


def test_lists_may_be_written_without_brackets_and_nonsense_is_told():
    assert read_widget(Every.param["items"], "a, b") == ["a", "b"]
    with pytest.raises(LabError):
        read_widget(Every.param.span, "from here to there")


@pytest.fixture
def form():
    calls = []
    form = Form(Every, lambda: calls.append(1))
    form.calls = calls
    return form


def test_changes_are_what_differs_from_the_preset(form):
    assert form.changes() == {}
    form.fields["rate"].value = 0.25
    assert form.changes() == {"rate": 0.25}
    assert form.values()["rate"] == 0.25
    assert len(form.calls) == 1


def test_preset_fills_the_fields(form):
    form.fields["rate"].value = 0.25
    form.preset.value = "claims"
    assert form.values()["count"] == 9
    assert form.changes() == {}


def test_fill_is_silent_and_leaves_out_what_the_lab_lacks(form):
    form.fill("claims", {"rate": 0.75, "gone": 1, "span": [0.2, 0.3]}, seed="7", device="quantum")
    assert form.calls == []
    assert form.changes() == {"rate": 0.75, "span": [0.2, 0.3]}
    assert form.values()["span"] == (0.2, 0.3)
    assert (form.seed.value, form.device.value) == (7, "auto")
    form.fill("no such preset")
    assert form.preset.value == "quick"


def test_a_value_out_of_bounds_is_told_at_its_field_and_mended(form):
    form.fields["count"].value = 99
    assert form.fields["count"].error_state
    assert form.fields["count"].helper_text == "A whole number, 1 to 10, is wanted."
    with pytest.raises(LabError):
        form.values()
    form.fields["count"].value = 5
    assert not form.fields["count"].error_state
    assert form.fields["count"].helper_text == "How many · 1 to 10"


@pytest.mark.parametrize("name", [name for name, lab in labs().items() if lab.state == "works"])
def test_every_lab_has_a_form_that_round_trips_its_presets(name):
    params = labs()[name].Params
    form = Form(params, lambda: None)
    for preset in params.shown_presets():
        form.fill(preset)
        assert plain(form.values()) == plain(params.make(preset).to_dict())
