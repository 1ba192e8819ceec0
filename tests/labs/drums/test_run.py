"""A run of the lab: what it refuses, what it tells, what its probe answers."""

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import LoadedRun, get_lab
from workbench.contract.result import Result
from workbench.labs.drums import run as drums
from workbench.labs.drums.common.drumroll import BAR, WIDTH
from workbench.labs.drums.method.probe import rows_of
from workbench.labs.drums.params import OWN, Params
from workbench.labs.drums.run import arms_of, fresh, steps_for
from workbench.labs.drums.views.play import bits, unbits
from workbench.runs.record import recorded_run
from workbench.toolkit.memory import MemoryContext

TINY = Params.presets["tiny"] | {"smaller": True}
PROMPT = np.random.default_rng(0).random((2 * BAR, WIDTH)) < 0.3


@pytest.fixture(scope="module")
def tiny():
    ctx = MemoryContext(3)
    return drums.run(Params.make(**TINY), ctx), ctx


@pytest.fixture(scope="module")
def loaded(loaded_run, tiny):
    result, ctx = tiny
    return loaded_run(Params.make(**TINY), ctx, result, 3)


def test_people_simple_players_and_every_arm_are_measured(tiny):
    result, ctx = tiny
    rows = result.tables["measures"]
    assert set(rows["player"]) == {
        *("human", "n-gram", "bar chain", "copy two bars", "random", "none", "english", "english smaller")
    }
    assert (rows.groupby("player").size() == 2).all()
    assert set(ctx.models) == {"none", "english", "english_smaller"}
    assert (rows["rows"][rows["player"] == "english"] == 4 * BAR).all()


def test_the_people_of_the_bundled_grooves_have_the_papers_numbers():
    """With all 37 test grooves: human 5.079, 10.345, 1.445."""
    params = Params.make(prompts=37, seeds=1)
    data, run_state = drums.material(params, MemoryContext()), drums.RunState()
    drums.add(run_state, drums.evaluation.measured("human", 0, list(data.test), list(range(37)), drums.bar_table([])))
    rows = run_state.book["measures"]
    found = [round(float(np.mean([row[key] for row in rows])), 3) for key in ("mean", "between", "within")]
    assert len(rows) == 37 and found == [5.079, 10.345, 1.445]


def test_arms_of_one_size_start_from_the_same_weights_and_the_smaller_is_a_third_as_wide():
    none, english, smaller = arms_of(Params.make(smaller=True))
    assert none.shape == english.shape and smaller.text == "english"
    assert smaller.shape.width == pytest.approx(none.shape.width / 3, abs=4)
    a, b = (fresh(arm, MemoryContext(1)).state_dict() for arm in (none, english))
    assert all(bool((a[name] == b[name]).all()) for name in a)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"width": 48, "heads": 5}, "heads"),
        ({"arms": []}, "arm"),
        ({"dataset": OWN}, "No file"),
        ({"dataset": OWN, "file": "/nowhere/x.mid"}, "x.mid"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(values, word):
    with pytest.raises(LabError, match=word):
        drums.run(Params.make(**values), MemoryContext())


def test_budgets_are_in_thousand_characters():
    assert steps_for(100, 500) == 200 and steps_for(1, 10**9) == 1


def test_the_saved_networks_foretell_what_was_recorded(loaded):
    for recorded, again in drums.recheck(loaded).values():
        assert again == pytest.approx(recorded, rel=1e-5)


# the probe --------------------------------------------------------------------------------------------------------


def ask(loaded, **request):
    return get_lab("drums").probe(loaded, {"player": "english", "rows": bits(PROMPT)} | request)


def test_bars_asked_for_one_by_one_are_those_asked_for_at_once(loaded):
    at_once = ask(loaded, kind="continue", bars=3, seed=5)
    rows = PROMPT
    for _ in range(3):
        rows = np.concatenate([rows, ask(loaded, kind="continue", rows=bits(rows), bars=1, seed=5).arrays["rows"]])
    assert (rows[2 * BAR :] == at_once.arrays["rows"]).all() and len(at_once.arrays["d"]) == 3
    assert at_once.metrics["milliseconds"] > 0
    assert (ask(loaded, kind="continue", bars=3, seed=6).arrays["rows"] != at_once.arrays["rows"]).any()


def test_the_next_row_has_a_probability_for_each_piece(loaded):
    found = ask(loaded, kind="next", step=19)
    pieces, rows = found.tables["pieces"], found.tables["rows"]
    assert pieces["probability"].between(0, 1).all() and len(pieces) == WIDTH
    assert rows["probability"].is_monotonic_decreasing and rows["probability"].sum() <= 1 + 1e-6


def test_a_simple_player_can_be_asked_too(loaded):
    found = ask(loaded, kind="continue", player="copy two bars", bars=2)
    assert (found.arrays["rows"] == PROMPT).all()


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"player": "nobody"}, "no player"),
        ({"bars": 63}, "would have 65 bars"),
        ({"temperature": -1}, "does not fit"),
        ({"rows": "01x"}, "cannot be read"),
        ({"rows": "0" * 5}, "cannot be read"),
        ({"rows": "0" * 12}, "whole bars"),
        ({"rows": "0" * (WIDTH * BAR * 65)}, "cannot be read"),
        ({"kind": "next", "step": 99}, "no step"),
        ({"kind": "next", "player": "random", "step": 3}, "cannot be asked"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(loaded, request_, word):
    with pytest.raises(LabError, match=word):
        ask(loaded, **{"kind": "continue"} | request_)


def test_rows_travel_as_a_string():
    assert (rows_of(bits(PROMPT)) == PROMPT).all() and (unbits(bits(PROMPT)) == PROMPT).all()
    assert not unbits("nonsense").any()


def test_a_run_that_kept_no_network_says_so(tmp_path):
    empty = LoadedRun("x", Params.make(), Result(), tmp_path, "cpu")
    with pytest.raises(LabError, match="kept no network"):
        get_lab("drums").probe(empty, {})


def test_a_language_model_that_is_not_here_is_not_downloaded_by_a_question(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_DATA_MIRROR", raising=False)
    kept = recorded_run("drums")
    run = LoadedRun(kept.id, Params.make(**kept.params), kept.result, kept.folder, "cpu", kept.seed)
    with pytest.raises(LabError, match="SmolLM2 is not on this machine"):
        get_lab("drums").probe(run, {"kind": "continue", "player": "language model", "rows": "000010" * 32, "bars": 1})
    assert not (tmp_path / "data").exists()
