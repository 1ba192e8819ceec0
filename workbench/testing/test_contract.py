"""Contract tests: what every lab must do. A lab is tested by being registered; ``--lab NAME`` chooses."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module

import bokeh.models as bm
import numpy as np
import panel as pn
import param
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import MODALITIES, LoadedRun, get_lab, labs
from workbench.contract.params import TINY
from workbench.contract.result import Result
from workbench.runs.record import read_record
from workbench.toolkit.memory import MemoryContext

UI = ("bokeh", "datashader", "holoviews", "napari", "open3d", "panel", "panel_material_ui")
HEAVY = ("monai", "torch", "transformers")


def pytest_generate_tests(metafunc):
    """Run each test that takes `lab` for every lab chosen."""
    if "lab" not in metafunc.fixturenames:
        return
    working = [name for name, lab in labs().items() if lab.state == "works"]
    chosen = metafunc.config.getoption("--lab", None) or working  # pytest may run without our plugin
    try:
        metafunc.parametrize("lab", [get_lab(name) for name in chosen], ids=chosen, scope="module")
    except LabError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="module")
def finished(lab):
    """Return the quick run of a lab and its context, made once."""
    return run_preset(lab, "quick")


@pytest.fixture(scope="module")
def small(lab, request):
    """Return a run of the smallest preset and its context, made once."""
    return request.getfixturevalue("finished") if smallest(lab) == "quick" else run_small(lab)


def run_preset(lab, preset, **context):
    """Run a preset; return the result with all that the context has kept, and the context."""
    ctx = MemoryContext(seed=1, **context)
    result = lab.run(lab.Params.make(preset), ctx)
    for name in ("curves", "tables", "arrays", "media"):
        setattr(result, name, {**getattr(ctx.kept, name), **getattr(result, name)})
    return result, ctx


def run_small(lab, **context):
    """Run the preset of the fixture `small`."""
    return run_preset(lab, smallest(lab), **context)


def smallest(lab):
    """Return the name of the smallest preset that a lab declares."""
    return TINY if TINY in lab.Params.presets else "quick"


def fresh_python(code):
    """Run code in a Python of its own, where nothing is imported yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


# what it says ---------------------------------------------------------------------------------------------------


def test_it_says_what_it_is(lab):
    assert lab.modality in MODALITIES and lab.summary.endswith((".", "?")) and lab.paper.title and lab.readme
    keys = [metric.key for metric in lab.metrics]
    assert len(keys) == len(set(keys)) and all(m.definition.endswith(".") and m.label for m in lab.metrics)
    assert all(claim.text and claim.rule for claim in lab.claims)


def test_params_round_trip_and_are_documented(lab):
    for preset in lab.Params.presets:
        values = lab.Params.make(preset).to_dict()
        assert lab.Params.make(**json.loads(json.dumps(values))).to_dict() == values
    for name in lab.Params.names():
        assert lab.Params.param[name].doc, f"{name} has no help"
        value = lab.Params.make().to_dict()[name]
        text = json.dumps(value) if isinstance(value, list) else str(value)
        assert lab.Params.parse(name, text) == value
    assert {"quick", "claims"} <= set(lab.Params.presets)
    assert set(lab.Params.advanced) | set(lab.Params.units) <= set(lab.Params.names())


@pytest.mark.parametrize(
    ("rooms", "kept_out"),
    [(("", ".params"), (*UI, *HEAVY)), ((".views",), HEAVY), ((".run",), UI)],
    ids=("listing", "views", "run"),
)
def test_pages_import_no_compute_and_compute_no_pages(lab, rooms, kept_out):
    names = [lab.module + room for room in rooms]
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
    assert fresh_python(code + f"print([name for name in {kept_out} if name in sys.modules])").split() == ["[]"]


def test_questions_are_documented_and_out_of_bounds_is_refused(lab):
    if lab.Question is None:  # this lab reads its requests itself
        return
    with pytest.raises(LabError, match="no field"):
        lab.Question.read({"nonsense": 1})
    for name in lab.Question.names():
        assert lab.Question.param[name].doc, f"{name} has no help"
        low, high = getattr(lab.Question.param[name], "bounds", None) or (None, None)
        if isinstance(lab.Question.param[name], param.Number):
            beyond = [low - 1 if low is not None else math.nan, high + 1 if high is not None else math.nan, math.nan]
            for value in beyond:
                with pytest.raises(LabError):
                    lab.Question.read({name: value})


# what it does ---------------------------------------------------------------------------------------------------


def test_the_quick_preset_gives_declared_finite_numbers(lab, finished):
    result, ctx = finished
    assert result.metrics and set(result.metrics) <= {metric.key for metric in lab.metrics}
    ranges = {metric.key: metric.range for metric in lab.metrics}
    for key, value in result.metrics.items():
        low, high = ranges[key] or (-math.inf, math.inf)
        assert low <= value <= high, key
    assert not result.partial and ctx.steps and all(0 <= done <= total for done, total, _ in ctx.steps)


def test_same_seed_same_numbers(lab, small):
    again, _ = run_small(lab)
    assert again.metrics == small[0].metrics and again.samples == small[0].samples


def test_a_stop_is_obeyed_with_a_partial_result(lab, small):
    stop = max(2, len(small[1].steps) // 3)
    result, ctx = run_small(lab, stop_after=stop)
    assert len(ctx.steps) <= stop + 3
    for build in lab.views(result).values():
        build()  # what there is can be looked at


def test_a_stopped_run_resumes_and_ends_with_the_same_numbers(lab, small):
    for share in (0.4, 0.8):
        _, first = run_small(lab, stop_after=max(2, int(share * len(small[1].steps))))
        result, _ = run_small(lab, state=first.state)
        assert result.metrics == small[0].metrics and result.samples == small[0].samples
        assert not result.partial


def test_claims_are_judged(lab, finished):
    verdicts = lab.judge(finished[0])
    assert set(verdicts) == {claim.key for claim in lab.claims}
    for verdict in verdicts.values():
        assert verdict.verdict in ("holds", "does not hold", "within noise", "not tested")
        assert verdict.verdict == "not tested" or verdict.numbers
    assert {v.verdict for v in lab.judge(Result()).values()} <= {"not tested"}  # nothing is claimed of nothing


def test_the_result_survives_the_disk_and_its_views_build_without_torch(lab, finished, tmp_path):
    finished[0].save(tmp_path)
    fresh_python(f"""
import sys
from pathlib import Path
from workbench.contract import get_lab
from workbench.contract.result import Result
result = Result.load(Path({str(tmp_path)!r}))
views = get_lab({lab.name!r}).views(result)
assert views, "no views"
for title, build in views.items():
    build()
assert "torch" not in sys.modules
""")


class Tables(Mapping):
    """The tables of a result, one of them left out if that is asked for; notes which are read."""

    def __init__(self, tables: Mapping, without: str = ""):
        self._tables = {name: tables[name] for name in tables if name != without}
        self.seen: set[str] = set()

    def __getitem__(self, name):
        table = self._tables[name]
        self.seen.add(name)
        return table

    def __iter__(self):
        return iter(self._tables)

    def __len__(self):
        return len(self._tables)


def drawn(tab):
    """Draw a tab; return its figures, its widgets of our own, and its sentences."""
    view = pn.panel(tab())
    models = list(view.get_root().references())
    figures = [model for model in models if isinstance(model, bm.Plot)]
    widgets = [model for model in models if "ESM" in type(model).__name__]
    texts = [
        re.sub(r"<[^>]*>", " ", str(part.object))
        for part in view.select()
        if isinstance(getattr(part, "object", None), str)
    ]
    return figures, widgets, [text for text in texts if len(text.split()) > 4]


def has_data(figure):
    """Return True if a Bokeh figure shows anything."""
    sources = [renderer.data_source for renderer in figure.renderers if hasattr(renderer, "data_source")]
    return any(len(column) for source in sources for column in source.data.values())


def test_each_tab_draws_data_or_says_why_not_and_needs_what_it_declares(lab, request):
    """From the recorded run, or the quick one of a lab that ships none; then with each table that it reads gone."""
    result = read_record(lab.recorded).result if lab.recorded else request.getfixturevalue("finished")[0]
    for title in lab.views(result):
        tables = Tables(result.tables)
        tab = lab.views(replace(result, tables=tables))[title]
        tables.seen.clear()
        figures, widgets, sentences = drawn(tab)
        assert all(map(has_data, figures)) and (figures or widgets or sentences), f"{title} is empty"
        for name in sorted(tables.seen):
            others = lab.views(replace(result, tables=Tables(result.tables, without=name)))
            if title in others:
                figures, widgets, sentences = drawn(others[title])
                assert all(map(has_data, figures)), f"{title} has an empty picture without the table {name}"
                assert figures or widgets or sentences, f"{title} is empty without the table {name}"


# the recorded run -----------------------------------------------------------------------------------------------


@pytest.fixture
def record(lab):
    """Return the recorded run that ships with a lab."""
    if not lab.recorded:
        pytest.skip(f"{lab.name} ships no recorded run; `workbench record {lab.name}` makes one")
    return read_record(lab.recorded)


def test_the_recorded_run_is_small_whole_and_judged(lab, record):
    size = sum(file.stat().st_size for file in lab.recorded.rglob("*") if file.is_file())
    assert size < 6e6 and record.status == "done" and record.preset == "claims" and not record.result.partial
    assert lab.Params.make(**record.params).to_dict() == record.params  # it can be run again as it stands
    assert record.provenance["packages"] and record.provenance["python"]
    assert record.result.metrics and not [v for v in record.claims().values() if v.verdict == "not tested"]


def test_the_recorded_run_comes_out_of_its_saved_model_again(lab, record):
    """The lab's own ``recheck`` evaluates the saved model, and must find the recorded numbers."""
    params = lab.Params.make(**record.params)
    run = LoadedRun(record.id, params, record.result, record.folder, "cpu", record.seed)
    found = import_module(f"{lab.module}.run").recheck(run)
    assert found
    for key, (recorded, again) in found.items():
        np.testing.assert_allclose(again, recorded, rtol=1e-4, atol=1e-6, err_msg=key)
