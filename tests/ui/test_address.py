"""Places: every part survives the URL, and no link can do harm."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.ui.address import Place, href

words = st.text(max_size=20)
values = st.recursive(st.none() | st.booleans() | st.integers() | words, lambda inner: st.lists(inner, max_size=3))
dicts = st.dictionaries(words, values, max_size=3)


@given(run=words, tab=words, preset=words, params=dicts, seed=words, view=dicts)
def test_a_place_survives_the_url(run, tab, preset, params, seed, view):
    place = Place(page="lab", lab="rs", run=run, tab=tab, preset=preset, params=params, seed=seed, view=view)
    assert Place.parse(place.search) == place


@given(st.text())
def test_any_text_is_some_place(search):
    assert Place.parse(search).page in ("gallery", "lab", "runs", "data")


def test_short_addresses():
    assert Place().search == ""
    assert href() == "?"
    assert href(page="runs") == "?page=runs"
    assert href(lab="rs", run="ab") == "?lab=rs&run=ab"


def test_what_is_not_understood_is_left_out():
    assert Place.parse("?page=nowhere&params=[1]&view={&evil=1") == Place()
    assert Place.parse("?page=lab") == Place()
