"""A view without its server: figures stay figures, widgets are told in words, the rest is told to be absent."""

import holoviews as hv
import pandas as pd
import panel as pn
import panel_material_ui as pmui
import pytest
from bokeh.models import Plot
from bokeh.plotting import figure

from workbench.transfer.static_view import Row, static_parts


def texts(parts):
    return " ".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize("view", [hv.Curve([1, 2]), figure(), pn.pane.Bokeh(figure()), pn.Column(hv.Curve([1, 2]))])
def test_a_figure_stays_a_figure(view):
    (part,) = static_parts(view)
    assert isinstance(part, Plot)


def test_words_and_pictures_become_html():
    frame = pd.DataFrame({"a": [1], "b": ["<script>"]})
    parts = static_parts(
        pn.Column(pn.pane.Markdown("# **Bold**"), pn.pane.DataFrame(frame), pn.pane.SVG("<svg></svg>"))
    )
    said = texts(parts)
    assert "<strong>Bold</strong>" in said and "<table" in said and "<script>" not in said and "<img" in said


def test_rows_stand_beside_each_other_and_columns_do_not():
    (row,) = static_parts(pn.Row(hv.Curve([1]), pn.Column(hv.Curve([2]), pn.pane.Markdown("two"))))
    assert isinstance(row, Row) and isinstance(row.parts[0], Plot) and isinstance(row.parts[1], Row)
    assert len(static_parts(pn.Column(hv.Curve([1]), hv.Curve([2])))) == 2
    assert isinstance(static_parts(pn.Tabs(("one", hv.Curve([1])), ("two", hv.Curve([2]))))[1], Plot)


def test_widgets_are_told_as_what_they_stand_at():
    select = pmui.Select(label="Tasks", options={"of <two>": 2, "of three": 3}, value=2)
    slider = pn.widgets.FloatSlider(name="Angle", start=0, end=90, value=30)
    parts = static_parts(pn.Column("How to read it.", pn.Row(select, slider), pmui.Button(label="Go"), hv.Curve([1])))
    said = texts(parts)
    assert "Tasks: of &lt;two&gt;; Angle: 30" in said and "can be changed" in said and "Go" not in said
    assert isinstance(parts[-1], Plot) and "How to read it." in parts[0]


def test_what_moves_is_told_to_be_one_state():
    moving = hv.HoloMap({i: hv.Curve([i, 2]) for i in range(3)}, "i")
    for view in (moving, hv.DynamicMap(lambda: hv.Curve([1, 2]))):
        parts = static_parts(view)
        assert isinstance(parts[0], Plot) and "One state" in texts(parts)


def test_an_alert_keeps_its_words_and_what_is_hidden_is_absent():
    said = texts(
        static_parts(pn.Column(pmui.Alert(object="Nobody to *ask*."), pn.pane.Markdown("hidden", visible=False)))
    )
    assert "<em>ask</em>" in said and "hidden" not in said


def test_what_needs_a_server_is_told_to_be_absent():
    from workbench_widgets import ClassHandles

    assert "(ClassHandles) needs a running workbench" in texts(static_parts(pn.Column(ClassHandles())))
