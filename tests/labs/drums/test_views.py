"""The views: they build from what there is, and the view that probes does what a hand asks."""

from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.labs.drums import LAB
from workbench.labs.drums.common.drumroll import BAR, WIDTH
from workbench.labs.drums.common.evaluation import HUMAN, packed_rows
from workbench.labs.drums.views.groove import kept_rows, marks, tempo
from workbench.labs.drums.views.play import GUIDE, Table, bits, unbits
from workbench.ui.link import Link


def groove(seed, bars=6):
    return np.random.default_rng(seed).random((bars * BAR, WIDTH)) < 0.3


@pytest.fixture
def result():

    players = (HUMAN, "copy two bars", "english", "none")
    prompts = [groove(k, 2) for k in range(2)]
    rows = [
        {
            "player": p,
            "prompt_number": k,
            "rows": packed_rows([np.concatenate([prompts[k], groove(10 * n + k, 4)])], 6).tobytes().hex(),
        }
        for n, p in enumerate(players)
        for k in range(2)
    ]
    tables = {
        "grooves": pd.DataFrame(rows),
        "prompts": pd.DataFrame({"name": ["first", "second"], "style": ["rock", "funk"]}),
        "bits": pd.DataFrame({"player": ["english", "none"], "seed": 0, "prompt_number": 0, "bits": 0.5}),
    }
    return Result(tables=tables)


class Asked:
    """Answers probes at once: the next bar is the last one shifted by a step, so that it shows what it was given."""

    def __init__(self):
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        future = Future()
        if request["player"] == "random":
            future.set_exception(LabError("The player sleeps.", "Wake it."))
            return future
        if request["kind"] == "next":
            import pandas as pd

            pieces = pd.DataFrame({"piece": list("abcdef"), "probability": np.linspace(0, 1, WIDTH)})
            tables = {"pieces": pieces, "rows": pd.DataFrame({"row": ["o-----"], "probability": [0.5]})}
            future.set_result(Result(tables=tables))
            return future
        rows = np.array([c == "1" for c in request["rows"]]).reshape(-1, WIDTH)
        bar = np.roll(rows[-BAR:], 1 + request["seed"], axis=0)
        future.set_result(Result(arrays={"rows": bar}, metrics={"milliseconds": 12.0}))
        return future


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def table(result, asked):
    return Table(result, Link("x", asked))


def hit(grid, step, piece, revision):
    """Do what the browser does when a hand sets a hit."""
    grid.edits = [revision, revision, [[step, piece, [[100, 0.0]]]]]


def free_cell(rows, start):
    step, piece = np.argwhere(~rows[start:])[0]
    return int(step) + start, int(piece)


def test_both_players_go_on_with_the_prompt_up_to_the_bars_asked_for(table, result, asked):
    for lane in (table.first, table.second):
        assert len(lane.rows) == 10 * BAR and lane.grid.steps == 10 * BAR
        assert (lane.rows[:GUIDE] == groove(0, 2)).all()
        assert (lane.rows[GUIDE : GUIDE + BAR] == np.roll(lane.rows[BAR:GUIDE], 1, axis=0)).all()
        assert len(lane.grid.hits) == lane.rows.sum() and lane.grid.prompt_steps == GUIDE
    assert {r["player"] for r in asked.requests} == {"english", "none"} and "12 ms" in table.first.note.object
    assert all(r["bars"] == 1 for r in asked.requests)  # bar by bar


def test_a_hit_in_the_prompt_is_answered_by_both_players(table, asked):
    step, piece = free_cell(table.first.rows, 0)
    asked.requests.clear()
    hit(table.first.grid, step, piece, 1)
    assert table.own[step, piece]
    assert table.first.rows[step, piece] and table.second.rows[step, piece]
    assert {r["player"] for r in asked.requests} == {"english", "none"} and len(asked.requests) == 16


def test_a_hit_behind_the_prompt_lets_the_upper_player_go_on_from_that_bar(table, asked):
    before, other = table.first.rows.copy(), table.second.rows.copy()
    step, piece = free_cell(before, 5 * BAR)
    asked.requests.clear()
    hit(table.first.grid, step, piece, 1)
    bar = step // BAR
    assert (table.first.rows[: bar * BAR] == before[: bar * BAR]).all() and table.first.rows[step, piece]
    assert {r["player"] for r in asked.requests} == {"english"} and len(asked.requests) == 10 - bar - 1
    assert (table.second.rows == other).all()


def test_another_take_has_another_seed_and_other_bars(table):
    before = table.first.rows.copy()
    table.again.clicks += 1
    assert table.seed.value == 1 and (table.first.rows != before).any()
    assert (table.first.rows[:GUIDE] == before[:GUIDE]).all()


def test_another_player_plays_in_its_lane_alone(table, asked):
    asked.requests.clear()
    table.second.who.value = "copy two bars"
    assert {r["player"] for r in asked.requests} == {"copy two bars"}


def test_a_refusal_is_shown_in_words(table):
    table.second.who.value = "random"
    assert "The player sleeps." in table.second.note.object


def test_what_may_stand_under_the_pointer_is_asked_behind_the_prompts_first_bar(table, asked):
    asked.requests.clear()
    table.first.grid.cursor = 3
    assert not asked.requests
    table.first.grid.cursor = 40
    assert asked.requests[0]["kind"] == "next" and asked.requests[0]["step"] == 40
    assert table.first.grid.probabilities[5] == [40, 5, 1.0] and "Bar 3, step 9" in table.likely.object


def test_the_state_comes_back_from_the_address(table, result):
    table.prompt.value = 1
    hit(table.first.grid, *free_cell(table.first.rows, 0), 1)
    table.temperature.value = 0.5
    table.bars.value = 5
    table._answer()
    again = Table(result, Link("x", Asked(), state=table.link.state))
    assert (again.own == table.own).all() and again.temperature.value == 0.5 and len(again.first.rows) == 5 * BAR


def test_without_a_page_to_ask_the_view_says_so(result):
    made = LAB.views(result)
    assert list(made) == ["Play", "Grooves", "Listen"]
    words = " ".join(str(part.object) for part in made["Play"]().select() if hasattr(part, "object"))
    assert "nobody to ask" in words


def test_peoples_groove_is_shown_from_its_prompt_on(result):
    late = np.concatenate([np.zeros((BAR, WIDTH), bool), groove(3, 4)])
    late[BAR, 0] = True
    table = result.tables["grooves"]
    table.loc[table["player"] == HUMAN, "rows"] = packed_rows([late], 5).tobytes().hex()
    assert (kept_rows(result, HUMAN, 0) == late[BAR:]).all()
    assert not len(kept_rows(result, "nobody", 0))


def test_fills_are_flagged_and_the_first_and_last_bar_have_no_d():
    rows = np.tile(groove(1, 1), (8, 1))
    rows[4 * BAR : 5 * BAR] = groove(2, 1)
    shown = marks(rows)
    assert shown["marks"] == [[4, "fill"]] and shown["curve"][0] is None and shown["curve"][-1] is None
    assert shown["curve"][4] == max(v for v in shown["curve"] if v is not None)


def test_rows_in_an_address_are_never_trusted():
    assert not unbits("<script>").any() and unbits("1" * 9999).shape == (GUIDE, WIDTH)
    assert bits(unbits("1")) == "1" + "0" * (GUIDE * WIDTH - 1)


@pytest.mark.parametrize(
    ("name", "pace"),
    [("1_239_funk-purdieshuffle_130_beat_4-4", 130.0), ("mine", 120.0), ("7_2_rock_95_fill_4-4", 95.0)],
)
def test_a_groove_begins_at_the_pace_that_its_name_says(name, pace):
    assert tempo(Result(tables={"prompts": pd.DataFrame({"name": [name]})}), 0) == pace
