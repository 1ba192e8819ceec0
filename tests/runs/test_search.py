"""Runs are found by any condition; no text breaks MLflow's grammar, and MLflow never hides a run that fits."""

import itertools

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.runs import manage
from workbench.runs.search import MOST, Query, Where, every_page, list_page, others_ran, unknown_fields
from workbench.runs.store import Store, open_store

NAMES = ("it's 100% `odd`", 'a "quoted" name', "Straße_7", "\\back; DROP TABLE runs --", "kelvin K", "plain")
EPS = (0.1, 0.5, 1, 1.0, 1e-3, 1e-7, "0.10", "1e0", "01", True, None, ["set", "it's"], -2, 0, 1e16)
SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = open_store("", str(tmp_path_factory.mktemp("listing")))
    for number, (name, eps) in enumerate(zip(itertools.cycle(NAMES), EPS, strict=False)):
        given = {"seed": number, "preset": "quick", "device": "cpu", "scheduler": "nobody"}
        run = store.create("trial", {"eps": eps, "darts": number}, name=name, user="ada" if number % 2 else "", **given)
        points = [("pi", number / 4 - 1, 0)] if number % 3 else []
        store.update(run.id, metrics=points, status="done", seconds=f"{number * 7 % 15:013.3f}")
        if number % 4 == 0:
            manage.star(store, run.id)
            manage.set_tags(store, run.id, ["good", "x-1"])
            manage.put_in_group(store, run.id, f"group {name}")
            manage.write_note(store, run.id, f"note: {name}")
    return store


def found(store, *texts, **more):
    return list(every_page(store, Query("trial", tuple(map(Where.parse, texts)), size=4, **more)))


def test_conditions_are_read_as_they_are_written():
    assert Where.parse(" params.eps<=0.1 ") == Where("params.eps", "<=", "0.1")
    assert Where.parse("name contains ' iris'") == Where("name", "contains", " iris")
    assert Where.parse("metrics.rs local > -1e-3") == Where("metrics.rs local", ">", "-1e-3")


@given(st.text(), st.sampled_from(["=", "!=", "contains"]))
def test_a_condition_written_out_reads_back(value, op):
    where = Where.make("name", op, value)
    assert Where.parse(str(where)) == where


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "is no condition"),
        ("", "is no condition"),
        ("secret = 1", "no field 'secret'"),
        ("metrics. = 1", "is no condition"),
        ("metrics.pi > high", "compares no numbers"),
        ("metrics.pi contains 3", "compares no numbers"),
        ("metrics.pi > nan", "compares no numbers"),
        ("params.eps < small", "is no number"),
        ("name > b", "is text"),
        ("params.`x` = 1", "is no condition"),
    ],
)
def test_what_is_no_condition_is_told_in_words(text, said):
    with pytest.raises(LabError, match=said):
        Where.parse(text)


def test_numbers_are_compared_as_numbers(store):
    assert {run.params["eps"] for run in found(store, "params.eps = 1") if run.params["eps"] is not True} == {1}
    assert [run.params["eps"] for run in found(store, "params.eps = 0.10")] == ["0.10", 0.1]  # as text, as a number
    assert {run.params["eps"] for run in found(store, "params.eps < 0.2")} == {0.1, 1e-3, 1e-7, -2, 0}
    assert {run.metrics["pi"] for run in found(store, "metrics.pi > 1", "metrics.pi <= 1.75")} == {1.5, 1.75}
    assert [run.seed for run in found(store, "seed = 3")] == [3]
    assert all(run.params["darts"] >= 10 for run in found(store, "params.darts >= 10"))


def test_text_is_found_whatever_is_in_it(store):
    for name in NAMES:
        assert {run.name for run in found(store, f'name = "{name}"')} == {name}
        assert {run.note for run in found(store, f"note contains {name}")} <= {f"note: {name}"}
    assert {run.name for run in found(store, "name contains QUOTED")} == {'a "quoted" name'}
    assert len(found(store, "user =")) == 8 and len(found(store, "user != ada")) == 8
    assert len(found(store, "params.eps = it's")) == 1  # one of a list
    assert len(found(store, "tag = good")) == len(found(store, starred=True)) == 4
    assert found(store, "lab = rs") == []
    assert len(found(store, "status = DONE")) == 15


texts = st.one_of(st.sampled_from([*NAMES, *map(str, EPS), "set", "ADA", "%", "_", "'", "`"]), st.text(max_size=8))
conditions = st.one_of(
    st.builds(
        Where.make,
        st.sampled_from(["name", "note", "group", "user", "tag", "status", "params.eps", "params.darts", "preset"]),
        st.sampled_from(["=", "!=", "contains"]),
        texts,
    ),
    st.builds(
        Where.make,
        st.sampled_from(["metrics.pi", "params.eps", "params.no such", "metrics.x/y", "duration", "seed"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.floats(allow_nan=False, allow_infinity=False).map(str) | st.integers(-3, 20).map(str),
    ),
)


@SLOWLY
@given(wheres=st.lists(conditions, max_size=3), size=st.integers(1, 20))
@example(wheres=[Where("params.eps", "=", "1e16")], size=3)
@example(wheres=[Where("params.eps", "=", "1.0")], size=3)
@example(wheres=[Where("name", "contains", "k")], size=3)
def test_mlflow_never_breaks_and_never_hides_a_run_that_fits(store, wheres, size):
    listed = [run.id for run in every_page(store, Query("trial", tuple(wheres), size=size))]
    assert listed == [run.id for run in store.runs("trial") if all(where.fits(run) for where in wheres)]


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("created", lambda run: run.created),
        ("name", lambda run: run.name),
        ("duration", lambda run: run.seconds),
        ("metrics.pi", lambda run: run.metrics["pi"]),
    ],
)
def test_every_order_pages_through_all_runs_once(store, order, key):
    for descending in (True, False):
        runs = found(store, order=order, descending=descending)
        assert len({run.id for run in runs}) == len(runs) == 15
        if order.startswith("metrics."):
            lacking = [run for run in runs if "pi" not in run.metrics]
            assert runs[-len(lacking) :] == lacking  # last, either way
            runs = runs[: -len(lacking)]
        assert list(map(key, runs)) == sorted(map(key, runs), reverse=descending)


def test_a_page_says_how_to_go_on(store):
    first = list_page(store, Query("trial", size=10))
    rest = list_page(store, Query("trial", size=10), first.next)
    assert (len(first.runs), len(rest.runs), bool(first.next), rest.next) == (10, 5, True, "")
    assert not first.cut
    for wrong in ("nonsense", "0:nonsense", "-1:"):
        try:
            list_page(store, Query("trial"), wrong)
        except LabError as error:
            assert error.hint == "Begin again at the first page."
    with pytest.raises(LabError, match="no order 'luck'"):
        list_page(store, Query(order="luck"))
    with pytest.raises(LabError, match="no order"):
        list_page(store, Query(order="metrics.`pi`; --"))


def test_a_search_for_a_needle_is_cut_and_says_so(store, monkeypatch):
    monkeypatch.setattr("workbench.runs.search.MOST", 4)
    monkeypatch.setattr("workbench.runs.search.CHUNK", 4)
    page, pages = list_page(store, Query("trial", (Where.parse("seed = 0"),))), 1
    assert page.cut and not page.runs and page.next
    while not page.runs:
        page, pages = list_page(store, Query("trial", (Where.parse("seed = 0"),)), page.next), pages + 1
    assert page.runs[0].seed == 0 and pages == 4 and MOST == 5000


def test_listing_touches_no_folder(store, monkeypatch):
    run = store.runs("trial", limit=1)[0]
    (run.folder / "error.json").write_text("not even JSON")
    store.update(run.id, status="failed")
    assert store.runs("trial", limit=1)[0].error is None
    assert list_page(store, Query("trial")).runs[0].status == "failed"
    store.update(run.id, status="done")


def test_only_runs_are_listed(store):
    """MLflow may hold more in the same experiment: the record of a sweep, or what somebody logged by hand."""
    made = store.client.create_run(store.experiment("trial"), run_name="no run of ours")
    assert made.info.run_id not in [run.id for run in found(store)] + [run.id for run in store.runs("trial")]
    with pytest.raises(LabError, match="There is no run"):
        store.run(made.info.run_id)
    store.client.delete_run(made.info.run_id)


def test_other_people_are_noticed(store):
    assert others_ran(store, "bob") and not others_ran(store, "ada")


def test_the_trash_is_listed_apart_also_after_a_restart(store):
    run = found(store)[0]
    manage.trash(store, run.id)
    later = Store(store.uri, store.root)
    assert [r.id for r in found(later, trash=True)] == [run.id]
    assert run.id not in [r.id for r in found(later)]
    manage.restore(store, run.id)


def test_a_field_that_no_lab_declares_is_told_with_what_is_near():
    lab = get_lab("trial")
    assert unknown_fields([Where.parse("metrics.pi > 3"), Where.parse("name = a")], lab) == ""
    assert (
        unknown_fields([Where.parse("metrics.ip > 3")], lab)
        == "No lab here declares metrics.ip. Did you mean metrics.pi?"
    )
    assert "metrics.zzzz" in unknown_fields([Where.parse("metrics.zzzz > 3")], None)
