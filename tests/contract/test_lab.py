"""The contract's own rooms: params, results, contexts, the registry."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trial_lab.params import Params

from workbench.contract.context import stream_seed
from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab, labs
from workbench.contract.result import Result, write_piece
from workbench.toolkit.memory import MemoryContext


@given(
    st.dictionaries(
        st.sampled_from(["rs", "dsi"]), st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=2
    ),
    st.lists(st.floats(width=32), max_size=5),
)
def test_a_result_survives_the_disk(tmp_path_factory, metrics, samples):
    folder = tmp_path_factory.mktemp("result")
    table = pd.DataFrame({"x": [1.5, np.nan], "name": ["a", "é"]})
    result = Result(metrics, {"rs": samples}, {"loss": ([0, 1], samples[:2])}, {"t": table}, notes=["n"])
    result.arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    result.media = {"m.png": b"\x89PNG"}
    result.save(folder)
    back = Result.load(folder)
    assert back.metrics == metrics and back.notes == ["n"] and not back.partial
    finite = [v if np.isfinite(v) else np.nan for v in samples]  # JSON has no infinity
    np.testing.assert_array_equal(back.samples["rs"], finite)
    pd.testing.assert_frame_equal(back.tables["t"], table)
    np.testing.assert_array_equal(back.arrays["a"], result.arrays["a"])
    assert back.media["m.png"] == b"\x89PNG"
    assert pickle.loads(pickle.dumps(back)).tables["t"].equals(table)  # it travels between processes


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "A B", "x" * 3 + "\0"])
def test_a_piece_cannot_leave_its_folder(tmp_path, name):
    for value in (pd.DataFrame({"a": [1]}), np.zeros(2), b""):
        with pytest.raises(ValueError, match="no good name"):
            write_piece(tmp_path, name, value)
    assert not list(tmp_path.rglob("*.*"))


def test_a_piece_is_never_pickled(tmp_path):
    with pytest.raises(ValueError, match="Python objects"):
        write_piece(tmp_path, "a", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="keeps tables"):
        write_piece(tmp_path, "a", [1, 2])


def test_spread_needs_two_values():
    result = Result(samples={"one": [1.0], "two": [1.0, 3.0, float("nan")]})
    assert np.isnan(result.spread("one")) and np.isnan(result.spread("none"))
    assert result.spread("two") == pytest.approx(2**0.5)


def test_params_keep_the_order_of_declaration():
    assert Params.names() == ["darts", "steps", "pause", "mood"]
    assert Params.make("claims", darts=20).to_dict() == {"darts": 20, "steps": 20, "pause": 0.0, "mood": "good"}


@pytest.mark.parametrize(
    ("name", "text", "value"), [("darts", "20", 20), ("pause", "0.5", 0.5), ("mood", "deaf", "deaf")]
)
def test_params_are_read_from_text(name, text, value):
    assert Params.parse(name, text) == value


@pytest.mark.parametrize(("name", "text"), [("darts", "many"), ("dart", "3"), ("pause", "")])
def test_text_that_is_no_value_is_refused(name, text):
    with pytest.raises(LabError):
        Params.parse(name, text)


def test_values_out_of_bounds_and_unknown_presets_are_refused():
    for wrong in ({"darts": 1}, {"mood": "sour"}, {"pause": "x"}):
        with pytest.raises(LabError, match="does not fit"):
            Params.make(**wrong)
    with pytest.raises(LabError, match="quick, claims"):
        Params.make("slow")


def test_a_broken_lab_is_listed_with_its_error_and_stops_nothing():
    assert labs()["shattered"].state == "broken" and "does_not_exist" in labs()["shattered"].error
    assert get_lab("trial").title == "Darts"
    with pytest.raises(LabError, match="broken"):
        get_lab("shattered")


def test_streams_differ_by_name_and_repeat_by_seed():
    assert stream_seed(1, "a") == stream_seed(1, "a") != stream_seed(1, "b") != stream_seed(2, "a")
    assert MemoryContext(3).rng("x").random() == MemoryContext(3).rng("x").random()
    assert MemoryContext(3).generator("x").initial_seed() != MemoryContext(3).generator("y").initial_seed()


def test_results_and_the_registry_load_without_torch_and_panel():
    code = "import sys, workbench.runs.store, workbench.api.runs, workbench.cli, workbench; workbench.labs()"
    code += "; print([m for m in ('torch', 'panel', 'bokeh') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
