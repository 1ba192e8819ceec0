"""The views: they build from what there is, and the probe's view asks and shows what it is answered."""

from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.labs.amos.run import boards
from workbench.labs.amos.views.probe import Bench
from workbench.toolkit.cases import stored_cases, to_npz
from workbench.ui.link import Link

LAB = get_lab("amos")


@pytest.fixture(scope="module")
def whole(scored):
    found = scored()
    rng = np.random.default_rng(0)
    mask = np.zeros((20, 16, 8), np.uint8)
    mask[4:12, 4:10, 2:6] = 6
    case = {
        "image": rng.integers(-100, 100, mask.shape).astype(np.int16),
        "affine": np.diag([4.0, 4, 5, 1]),
        "modality": np.frombuffer(b"CT", np.uint8),
        "truth": mask,
        "mask BasicUNet, joint": np.roll(mask, 1, 0),
        "mask UNETR, joint": mask,
    }
    tables = dict(found.tables) | {"leaderboard": boards(found.tables["scores"])}
    tables["training"] = pd.DataFrame(
        {"network": "BasicUNet", "arm": "joint", "seed": 0, "step": [10, 20], "loss": [2.0, 1.5]}
    )
    return Result(tables=tables, media={"case_0.npz": to_npz("CT0", case)}, notes=["SIMULATED: x", "NSD at 4 mm, y."])


class Asked:
    """Answers as the worker would: the neighborhood is the whole case, the prediction its reference."""

    def __init__(self, result):
        self.requests, self.case = [], stored_cases(result)["CT0"]

    def __call__(self, request):
        self.requests.append(request)
        future = Future()
        if request["noise"] > 1:
            future.set_exception(LabError("Too loud.", "Be quiet."))
            return future
        mask = self.case["truth"]
        arrays = {
            "image": self.case["image"].astype(np.float32),
            "truth": mask,
            "clean": mask,
            "prediction": np.roll(mask, 2, 0),
        }
        arrays |= {"affine": self.case["affine"], "corner": np.zeros(3, int), "at": np.array([5, 5, 3])}
        table = pd.DataFrame(
            {"organ": [6], "name": ["liver"], "dsc": [0.8], "nsd": [np.nan], "dsc_clean": [0.9], "nsd_clean": [1]}
        )
        numbers = {"dsc": 0.8, "nsd": 0.7, "dsc_clean": 0.9, "nsd_clean": 1.0, "milliseconds": 12.0}
        future.set_result(Result(metrics=numbers, arrays=arrays, tables={"organs": table}))
        return future


def test_every_view_builds_on_a_page(whole):
    views = LAB.views(whole, Link("x", Asked(whole)))
    assert list(views)[:2] == ["Slices", "Probe"] and len(views) == 8
    for build in views.values():
        build()


def test_a_result_without_scores_shows_what_others_report():
    assert list(LAB.views(Result())) == ["Literature"]


def test_two_networks_stand_on_one_cursor(whole):
    view = LAB.views(whole, Link("x", Asked(whole)))["Slices"]()
    team, other = view[1][1], view[1][2]
    other.value = "UNETR, joint"
    assert team.value == "BasicUNet, joint" and len(view[2][0][0].sides) == 2


def test_the_probe_asks_at_once_when_the_hand_moves_and_says_what_fails(whole):
    asked = Asked(whole)
    bench = Bench(whole, {"CT0": stored_cases(whole)["CT0"]}, Link("x", asked))
    assert asked.requests[0]["at"] is None and "0.900" in bench.note.object and len(bench.found) == 1
    bench.scan[1][0].cursor = [3, 4, 5]
    assert asked.requests[-1]["at"] == [3, 4, 5]
    bench.sliders["noise"].param.trigger("value_throttled")
    bench.sliders["noise"].value = 1.5
    bench.ask()
    assert "Too loud" in bench.note.object
