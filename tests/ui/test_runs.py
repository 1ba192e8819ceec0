"""Rows of the runs table."""

from datetime import UTC, datetime
from pathlib import Path

from workbench.lab import labs
from workbench.store import Run
from workbench.ui.runs import changed, rows, say


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


def test_one_row_a_run_with_link_and_changes():
    run = make_run(params=make_run().params | {"darts": 50}, seed=3)
    frame = rows([run])
    assert list(frame.columns) == ["Status", "Run", "Lab", "Created", "Duration (s)", "Changed", "Metrics"]
    row = frame.iloc[0]
    assert row["Status"] == "✓ done"
    assert row["Run"] == '<a href="?lab=trial&amp;run=abc123">trial &lt;1&gt;</a>'
    assert row["Changed"] == "quick · seed 3 · darts = 50"
    assert row["Metrics"] == "Pi 3.142"


def test_a_lab_has_its_own_metric_columns():
    frame = rows([make_run(), make_run(metrics={}, seconds=None)], labs()["trial"])
    assert "Lab" not in frame
    assert frame["Pi"].iloc[0] == 3.14159
    assert frame["Pi"].isna().iloc[1]


def test_no_runs_is_an_empty_table_with_heads():
    assert "Status" in rows([])
    assert "Pi" in rows([], labs()["trial"])


def test_params_of_a_lab_that_is_gone_are_all_shown():
    assert changed(make_run(), None) == make_run().params
    assert say({"a": [1, 2], "b": 0.123456}) == "a = 1, 2; b = 0.1235"
