"""The runs table: what a row says, where its links lead, and what the address keeps."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.pages.lab.manage import kept_html
from workbench.pages.runs.filter import read, written
from workbench.pages.runs.rows import table_html
from workbench.runs.describe import changed_params, format_params
from workbench.runs.record import Run
from workbench.runs.search import Query, Where, field_names
from workbench.ui.address import Place


def make_run(**changes):
    lab = labs()["trial"]
    known = {
        "id": "abc123",
        "lab": "trial",
        "name": "trial <1>",
        "status": "done",
        "params": lab.Params.make().to_dict(),
        "preset": "quick",
        "seed": 0,
        "device": "cpu",
        "created": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "seconds": 1.23,
        "metrics": {"pi": 3.14159},
        "folder": Path(),
    }
    return Run(**known | changes)


def turn(query):
    return Place(page="runs", filter=written(query)).search


def test_a_row_links_to_its_run_and_says_what_was_changed():
    run = make_run(params=make_run().params | {"darts": 50}, seed=3, tags=("<b>",), note="odd <i>")
    text = table_html([run], Query(), turn)
    assert 'href="?page=lab&amp;lab=trial&amp;run=abc123"' in text or 'href="?lab=trial&amp;run=abc123"' in text
    assert "trial &lt;1&gt;" in text and "quick · seed 3 · darts = 50" in text and "Pi 3.142" in text
    assert "<b>" not in text and "<i>" not in text and "&lt;b&gt;" in text
    assert ">Lab</th>" in text and ">Group</th>" not in text and ">User</th>" not in text


def test_a_lab_has_its_own_metric_columns_that_sort():
    text = table_html([make_run(), make_run(metrics={}, seconds=None)], Query("trial"), turn, lab=labs()["trial"])
    assert ">Lab</th>" not in text and "3.142" in text and ">–<" in text
    assert "metrics.pi" in text


def test_group_and_user_are_told_where_they_tell_runs_apart():
    text = table_html([make_run(group="g & 1", user="ada"), make_run(user="bob")], Query(), turn)
    assert ">Group</th>" in text and ">User</th>" in text and "g &amp; 1" in text


def test_a_head_sorts_and_turns_the_order_round():
    text = table_html([make_run()], Query(order="duration"), turn)
    assert 'aria-sort="descending"><a href="?page=runs&amp;filter=%7B%22ascending%22%3Atrue' in text
    assert text.count("aria-sort") == 1


def test_ticked_runs_and_stars_are_marked():
    text = table_html([make_run(star=True)], Query(), turn, ticked={"abc123"})
    assert " checked>" in text and 'aria-pressed="true"' in text
    assert "data-star" not in table_html([make_run(trashed=True)], Query(trash=True), turn)


def test_the_address_restores_the_list():
    where = (Where("params.eps", "<=", "0.1"), Where("name", "contains", ' it\'s "it" '))
    query = Query("trial", where, True, False, "metrics.pi", False)
    place = Place.parse(Place(page="runs", filter=written(query)).search)
    assert read(place.filter, labs()["trial"]) == query
    assert written(Query("trial")) == {}
    assert json.dumps(written(query, everybody=False)).endswith('"whose": "mine"}')


@pytest.mark.parametrize("filter", [{"where": "nonsense"}, {"where": ["secret = 1"]}, {"where": [3]}])
def test_an_address_that_makes_no_sense_is_told_in_words(filter):
    with pytest.raises(LabError):
        read(filter)


def test_every_offered_field_can_be_asked_of():
    for lab in (None, labs()["trial"]):
        for name in field_names(lab):
            assert Where.make(name, "=", "1").field == name
    assert {"params.darts", "metrics.pi", "params.eps"} <= set(field_names(None))


def test_params_of_a_lab_that_is_gone_are_all_shown():
    assert changed_params(make_run(), None) == make_run().params
    assert format_params({"a": [1, 2], "b": 0.123456}) == "a = 1, 2; b = 0.1235"


def test_tags_note_and_trash_are_told_beside_the_run():
    run = make_run(tags=("good",), note="<x>", trashed=True)
    assert "good" in kept_html(run) and "&lt;x&gt;" in kept_html(run) and "lies in the trash" in kept_html(run)
    assert kept_html(dataclasses.replace(run, tags=(), note="", trashed=False)) == ""
