"""Widgets and selections follow the state of a page, and the state follows them."""

import bokeh.models as bm
import panel as pn
import panel_material_ui as pmui
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.ui.link import Link, State, packed, remember, remember_selection, unpacked


def link(**state):
    return Link("run", lambda request: None, state=State(state))


def test_widgets_stand_where_the_state_says_and_it_follows_them():
    page = link(tasks="b", angle=30, shown=["x"])
    select = pmui.Select(options={"A": "a", "B": "b"}, value="a")
    slider = pmui.FloatSlider(start=0, end=90, value=0)
    several = pmui.MultiChoice(options=["x", "y"], value=["y"])
    remember(page, tasks=select, angle=slider, shown=several)
    assert (select.value, slider.value, several.value) == ("b", 30, ["x"])
    select.value, slider.value, several.value = "a", 45, ["x", "y"]
    assert page.state == {"tasks": "a", "angle": 45, "shown": ["x", "y"]}


@pytest.mark.parametrize("kept", ["c", 5, None, ["a"], {"a": 1}, True])
def test_what_does_not_fit_is_left_alone(kept):
    """Links are written by anybody."""
    select = pmui.Select(options=["a", "b"], value="a")
    several = pmui.MultiChoice(options=["a", "b"], value=["b"])
    slider = pmui.FloatSlider(start=10, end=90, value=20)
    box = pn.widgets.Checkbox(value=False)
    remember(link(one=kept, two=kept, three=kept, four=kept), one=select, two=several, three=slider, four=box)
    assert select.value == "a" and slider.value == 20
    assert several.value == (["a"] if kept == ["a"] else ["b"]) and box.value == (kept is True)


def test_without_a_page_nothing_is_remembered():
    select = pmui.Select(options=["a", "b"], value="b")
    remember(None, tasks=select)
    remember_selection(None, "rows", bm.ColumnDataSource(), 5)
    assert select.value == "b"


def test_a_selection_is_kept_and_comes_back():
    page, source = link(), bm.ColumnDataSource({"x": list(range(2000))})
    remember_selection(page, "rows", source, 2000)
    source.selected.indices = [5, 7, 1999]
    again = bm.ColumnDataSource({"x": list(range(2000))})
    remember_selection(page, "rows", again, 2000)
    assert again.selected.indices == [5, 7, 1999]
    source.selected.indices = []
    assert page.state["rows"] == ""


@given(st.sets(st.integers(0, 5000)))
def test_packed_rows_survive_and_stay_short(rows):
    text = packed(sorted(rows))
    assert unpacked(text, 5001) == sorted(rows) and len(text) < 1000


@given(st.text() | st.integers() | st.none() | st.lists(st.integers()))
def test_any_other_text_is_no_selection_and_no_error(text):
    assert all(0 <= row < 100 for row in unpacked(text, 100))


def test_a_packed_bomb_stays_small():
    assert len(unpacked(packed(list(range(2_000_000))), 100)) == 100
