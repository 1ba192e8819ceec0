"""The views: they build from what there is, choices draw anew, and the stamp's view asks and shows the answer."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.doorping import LAB
from workbench.labs.doorping.common.sheets import opened, sheet
from workbench.labs.doorping.views.ablation import bars, rungs_of
from workbench.labs.doorping.views.heat_map import cells
from workbench.labs.doorping.views.images import END, at_time, times
from workbench.labs.doorping.views.leaderboard import board
from workbench.labs.doorping.views.stamp import OWN, Stamp
from workbench.labs.doorping.views.style import patch_on
from workbench.toolkit.memory import MemoryContext
from workbench.ui.link import Link

from .test_run import SMALL

TITLES = ["Ladder", "Synthetic set", "Trigger", "Stamp it", "Leaderboard", "Defenses", "Settings", "Data card"]


@pytest.fixture(scope="module")
def ran(loaded_run):
    few = {"iterations": 3, "unrolled": 2, "epochs": 10, "attacks": ["clean", "naive", "doorping"]}
    params, ctx = LAB.Params.make(**SMALL | few), MemoryContext(seed=1)
    return loaded_run(params, ctx, LAB.run(params, ctx), 1)


def test_every_view_builds_on_a_page(ran, answering):
    views = LAB.views(ran.result, Link("x", answering(LAB, ran)))
    assert list(views) == TITLES
    for build in views.values():
        build()
    assert LAB.views(Result()) == {}


def test_the_ladder_holds_the_means_and_the_share_without_a_stamp(ran):
    rungs = rungs_of(ran.result, "dc", "mlp")
    assert list(rungs) == ["no attack", "NAIVEATTACK", "DOORPING, cut at the end", "DOORPING, as released"]
    rows = ran.result.tables["victims"].query("carrier == 'dc' and victim == 'mlp' and attack == 'doorping'")
    for words, test in (("DOORPING, cut at the end", "cut"), ("DOORPING, as released", "as is")):
        own = rows[rows["test"] == test]
        assert rungs[words]["asr"][0] == pytest.approx(own["asr"].mean())
        assert rungs[words]["null"][0] == pytest.approx(own["null"].mean())
    data = bars(rungs).renderers[0].data_source.data
    assert list(data["asr"]) == [rung["asr"][0] for rung in rungs.values()]


def test_the_leaderboard_has_a_cell_for_each_attack_carrier_and_victim(ran):
    found = board(ran.result.tables["victims"], "asr", "as is")
    assert len(found) == 3 * 2 * 2 and set(found["x"]) == {"dc · mlp", "dc · lenet", "dd · mlp", "dd · lenet"}


def test_sets_are_shown_on_their_way_and_as_released(ran):
    assert times(ran.result, "dc", "doorping") == [1, 2, 3, END] and times(ran.result, "dd", "doorping") == [END]
    assert at_time(ran.result, "dc", "doorping", 2).shape == (10, 2, 16, 16, 1)
    whole = at_time(ran.result, "dc", "doorping", END)
    assert whole.shape == (10, 4, 16, 16, 1) and np.allclose(
        at_time(ran.result, "dc", "doorping", 3), whole[:, :2], atol=1
    )
    color = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 5, 3), np.uint8)
    assert np.array_equal(opened(sheet(color), 5), color)


def test_a_patch_lies_where_the_method_puts_it(ran):
    images = ran.result.arrays["tests"][:4]
    stamped = patch_on(images, np.full((3, 3, 1), 7.0))
    assert (stamped[:, 12:15, 12:15] == 255).all()
    stamped[:, 12:15, 12:15] = images[:, 12:15, 12:15]
    assert np.array_equal(stamped, images)
    assert np.array_equal(patch_on(images, np.full((16, 16, 1), 0.5)), images)  # gray adds nothing


def test_the_stamp_asks_for_what_was_drawn_and_shows_the_answer(ran, answering):
    asked = answering(LAB, ran)
    stamp = Stamp(ran.result, Link("x", asked))
    assert "answered in" in stamp.note.object and stamp.told.object.count("<img") == 4
    assert asked.requests[-1]["attack"] == "doorping" and "patch" not in asked.requests[-1]
    stamp.strength.value = 0.5
    assert asked.requests[-1]["strength"] == 0.5
    stamp.mode.value = OWN
    stamp.ink.value = 0.0
    stamp.pixels.selected.indices = [7]
    patch = np.array(asked.requests[-1]["patch"])
    assert patch[1, 1] == 0 and patch.sum() == 35
    stamp.place.data = {"x": [2.2], "y": [3.0]}
    assert asked.requests[-1]["at"] == [16 - 6 - 3, 2]
    stamp.all.clicks += 1
    assert asked.requests[-1]["everyone"] and "Of all test images" in stamp.note.object


def test_runs_of_a_sweep_fill_the_cells_of_two_settings():
    rows = [(2, 0.1, 0.2), (2, 0.1, 0.4), (4, 0.1, 1.0), (4, 0.2, None)]
    runs = pd.DataFrame(rows, columns=["size", "share", "asr_doorping"]).assign(link="there")
    found = cells(runs, "size", "share", "asr_doorping")
    assert found[["x", "y", "value", "n"]].to_numpy().tolist() == [
        ["2", "0.1", pytest.approx(0.3), 2],
        ["4", "0.1", 1.0, 1],
    ]
    assert cells(runs, "size", "alpha", "asr_doorping").empty and cells(pd.DataFrame(), "size", "k", "asr_cut").empty
