"""The words and the picture on a sweep's page."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from workbench.contract.lab import PaperValue, get_lab
from workbench.engine.live import Live
from workbench.pages.sweep.list import sweeps_html
from workbench.pages.sweep.plot import SweepPlot
from workbench.pages.sweep.text import head_html, runs_html, under_html
from workbench.runs.record import Run
from workbench.sweeps.record import SweepRecord
from workbench.sweeps.spec import make_spec
from workbench.sweeps.table import cells_table, tally

SPEC = make_spec("trial", {"darts": [100, 50], "steps": [1, 2]}, seeds=[0, 1])
PI = get_lab("trial").metrics[0]


def make_run(tmp_path, darts, steps, seed, status="done"):
    return Run(
        id=f"{darts}-{steps}-{seed}",
        lab="trial",
        name="trial <1>",
        status=status,
        params={"darts": darts, "steps": steps},
        preset="quick",
        seed=seed,
        device="cpu",
        created=datetime(2026, 1, 2, tzinfo=UTC),
        seconds=1.0,
        metrics={"pi": float(np.random.default_rng([darts, steps, seed]).normal(3, 1))},
        folder=tmp_path,
    )


@pytest.fixture
def runs(tmp_path):
    found = [make_run(tmp_path, d, s, seed) for d in (100, 50) for s in (1, 2) for seed in (0, 1)]
    found[0] = replace(found[0], status="failed", error={"cause": "no <board>", "hint": ""})
    found[-1] = replace(found[-1], status="running")
    return found


def record(**changes):
    known = {"id": "ab12", "name": "trial <sweep>", "created": datetime(2026, 1, 2, tzinfo=UTC), "spec": SPEC}
    return SweepRecord(**known | {"status": "running", "owner": "local:here:1:1"} | changes)


def test_the_head_says_how_far_it_is_and_what_went_wrong(runs):
    text = head_html(record(retried=("a",)), tally(SPEC, runs))
    assert 'aria-valuenow="88"' in text and "7 of 8 runs have ended" in text and "6 done · 1 running · 1 failed" in text
    assert "1 of its runs lost their worker" in text and "trial &lt;sweep&gt;" in text and "100, 50" in text
    assert "Continue" in head_html(record(status="lost"), tally(SPEC, runs))
    assert "no &lt;disk&gt;" in head_html(record(status="failed", error="no <disk>"), tally(SPEC, runs))


def test_runs_under_way_stand_first_with_their_progress(runs):
    live = Live(runs[-1].id, status="running", stage="throwing", done=3, total=9)
    text = runs_html(record(), runs, {live.run_id: live})
    assert text.index("throwing 3 of 9") < text.index("no &lt;board&gt;")
    assert "?page=lab" not in text and "?lab=trial&amp;run=50-2-1" in text
    assert "None has been sent" in runs_html(record(), [], {})


def test_the_list_is_short_and_older_ones_are_folded():
    assert sweeps_html([]) == ""
    text = sweeps_html([record(id=str(number)) for number in range(7)])
    assert text.count("<li") == 7 and "2 older" in text and "?page=sweep&amp;sweep=0" in text


def test_a_heat_map_shows_the_numbers_that_pandas_gives(runs):
    opened = []
    plot = SweepPlot(SPEC, PI, ["darts", "steps"], opened.append)
    plot.draw(cells_table(SPEC, runs, "pi", ["darts", "steps"]))
    (source,) = {renderer.data_source for renderer in plot.figure.renderers}
    shown = pd.DataFrame(dict(source.data)).set_index(["x", "y"])["v"]
    raw = pd.DataFrame([{**run.params, "pi": run.metrics["pi"]} for run in runs if run.status == "done"])
    expected = raw.groupby(["darts", "steps"])["pi"].mean()
    assert {key: shown[tuple(map(str, key))] for key in expected.index} == pytest.approx(dict(expected))
    assert "1 failed" in source.data["more"][0]
    source.selected.indices = [1]
    assert opened == [["100-2-0", "100-2-1"]]
    plot.draw(cells_table(SPEC, [], "pi", ["darts", "steps"]))  # nothing yet


def test_a_line_leaves_room_for_its_bars_and_the_papers_value(runs):
    paper = replace(PI, paper=PaperValue(9.0, "Buffon's needle"))
    plot = SweepPlot(SPEC, paper, ["darts"], print)
    plot.draw(cells_table(SPEC, runs, "pi", ["darts"]))
    assert plot.figure.y_range.start < min(run.metrics["pi"] for run in runs[1:3]) and plot.figure.y_range.end > 9
    assert "9: Buffon&#x27;s needle" in under_html(paper, ["darts"]) and "dashed" in under_html(paper, ["darts"])
