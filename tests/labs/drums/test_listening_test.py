"""Blind listening: fair pairs, choices that are kept, preferences that are counted right."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.drums.common import listening_test
from workbench.labs.drums.common.drumroll import BAR, WIDTH
from workbench.labs.drums.common.evaluation import HUMAN, packed_rows
from workbench.labs.drums.common.listening_test import Pair, choices, draw, keep, preferences
from workbench.labs.drums.views.listen import Booth

PLAYERS = [HUMAN, "english", "none"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return tmp_path


def groove(seed, bars):
    return np.random.default_rng(seed).random((bars * BAR, WIDTH)) < 0.3


@pytest.fixture
def booth():
    rows = [
        {"player": p, "prompt_number": k, "rows": packed_rows([groove(k + 10 * n, 4 + n)], 8).tobytes().hex()}
        for n, p in enumerate(PLAYERS)
        for k in range(3)
    ]
    return Booth(
        Result(tables={"grooves": pd.DataFrame(rows), "prompts": pd.DataFrame({"name": ["a"] * 10})}),
        "run",
        PLAYERS,
        np.random.default_rng(0),
    )


def test_pairs_are_heard_equally_often_in_both_orders():
    rng, heard = np.random.default_rng(0), []
    for _ in range(120):
        pair = draw(PLAYERS, [0, 1, 2], pd.DataFrame(heard, columns=["first", "second"]), rng)
        heard.append({"first": pair.first, "second": pair.second})
    table = pd.DataFrame(heard)
    assert [len(listening_test.between(table, a, b)) for a, b in ((HUMAN, "english"), (HUMAN, "none"))] == [40, 40]
    assert (table["first"] == HUMAN).sum() == pytest.approx(40, abs=15)


def test_a_choice_is_kept_and_read_again_and_a_torn_line_is_left_out(home):
    keep("a/../b", Pair(3, "none", "english"), "second")
    path = listening_test.file_of("a/../b")
    assert path.parent == home / "listening"
    with path.open("a") as file:
        file.write('{"first": "no')
    found = choices("a/../b")
    assert found[["prompt_number", "first", "second", "choice"]].values.tolist() == [[3, "none", "english", "second"]]
    with pytest.raises(ValueError, match="no choice"):
        keep("x", Pair(0, "a", "b"), "third")


def test_preferences_count_wins_in_either_order_and_ties_half():
    rows = [("a", "b", "first"), ("b", "a", "second"), ("a", "b", "neither"), ("b", "c", "first")]
    found = preferences(pd.DataFrame(rows, columns=["first", "second", "choice"])).set_index("player")
    assert found.loc["a", "share"] == pytest.approx(2.5 / 3) and found.loc["a", "heard"] == 3
    assert found.loc["b", "share"] == pytest.approx(1.5 / 4) and found.loc["c", "share"] == 0
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()


def test_a_listener_hears_hidden_players_of_one_length_chooses_and_is_told(booth):
    grids = [column[1] for column in booth.place]
    assert grids[0].steps == grids[1].steps and not any(g.marks or g.curve for g in grids)
    assert not any(style in str(booth.verdict.object) for style in ("people", "English"))
    assert booth.more.disabled and not booth.buttons["first"].disabled
    booth.buttons["second"].clicks += 1
    kept = choices("run")
    assert kept["choice"].tolist() == ["second"] and kept["first"].tolist() == [booth.pair.first]
    assert "A was" in booth.verdict.object and booth.buttons["first"].disabled and not booth.more.disabled
    booth.more.clicks += 1
    assert booth.verdict.object == "" and not booth.buttons["first"].disabled
