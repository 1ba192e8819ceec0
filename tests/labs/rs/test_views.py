"""Each view of the lab `rs` builds from a result, and draws; a result without its tables drops the view."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import panel as pn
import pytest

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.labs.rs import LAB
from workbench.labs.rs.views import TABS
from workbench.labs.rs.views.one_set import MeasureDots, chosen_eps
from workbench.labs.rs.views.probe import START, Mover, apart
from workbench.labs.rs.views.style import LOOK, MEASURES, look, ordered
from workbench.ui.link import State

KEYS = tuple(MEASURES)


def some_result(classes: int = 3, seeds: int = 2, seed: int = 0) -> Result:
    """Return a small result with every table of the lab; its numbers mean nothing."""
    rng = np.random.default_rng(seed)
    center = rng.normal(0, 4, (classes, 4))
    y = rng.integers(0, classes, 150)
    xy = center[y] + rng.normal(size=(150, 4))
    points = pd.DataFrame(xy, columns=["x", "y", "tx", "ty"]).assign(label=y.astype(str), row=np.arange(150))
    return Result(
        tables={
            "set": points,
            "measures": some_measures(rng),
            "epsilon": pd.DataFrame(
                [
                    {"eps": e, "variant": v, "value": 0.5 * e**0.3, "null_mean": 0.1 * e**0.1, "adjusted": 0.4 * e**0.3}
                    for v in ("ratio", "delta", "length")
                    for e in np.logspace(-2, 0, 9)
                ]
            ),
            "bias": pd.DataFrame(
                [
                    {"d": d, "n": n, "null_mean": d / n / 4, "null_std": 0.001}
                    for d in (2, 16, 64)
                    for n in (50, 200, 1000)
                ]
            ),
            "graded": _graded(rng, seeds),
            "classic": _scores(rng, ("random", "spirals", "xor", "moons", "circles", "blobs"), seeds),
            "failures": _failures(rng, seeds),
            "local": pd.DataFrame(
                [
                    {"set": s, "components": c, "seed": k, "value": 1 - 0.9 / c + 0.01 * k, "null_mean": 0.01 * c / 32}
                    for s in ("spirals", "circles", "moons", "random")
                    for c in (1, 4, 8, 16, 32)
                    for k in range(seeds)
                ]
            ),
            "tasks": _tasks(rng),
            "correlation": _correlation(rng),
            "adjusted": _adjusted(rng),
            "ranking": _ranking(),
            "layers": _layers(rng, seeds),
            "judging": pd.DataFrame(
                [
                    {"dataset": "digits", "setting": s, "kind": "pairs", "n_tasks": 45, "raw_right": 0.6}
                    | {"adjusted_right": 0.7, "gain": 0.1, "gain_lo": -0.02, "gain_hi": 0.2}
                    for s in ("clean", "noisy")
                ]
            ),
            "loss": pd.DataFrame(
                [
                    {
                        "seed": k,
                        "objective": o,
                        "epoch": e,
                        "rs": 0.1 + 0.02 * e + 0.1 * i,
                        "test_accuracy": 0.8 + 0.01 * e,
                    }
                    for k in range(seeds)
                    for i, o in enumerate(("CE", "CE + RS"))
                    for e in range(10)
                ]
            ),
        },
        notes=["A note.", "eps = 0.5; another note."],
    )


def some_measures(rng: np.random.Generator, keys: tuple[str, ...] = KEYS) -> pd.DataFrame:
    value, null = rng.uniform(0.3, 1, len(keys)), rng.uniform(0, 0.3, len(keys))
    columns = {"measure": keys, "label": [MEASURES[k] for k in keys], "value": value, "raw": 1 - value}
    columns |= {"null_mean": null, "null_lo": null - 0.02, "null_hi": null + 0.02, "seconds": 0.01}
    return pd.DataFrame(columns)


def _graded(rng, seeds):
    rows = []
    for family, levels in (("std", (0.5, 1, 2, 4, 8)), ("distance", (0, 1, 2, 4)), ("classes", (2, 4, 8))):
        for level in levels:
            for k in range(seeds):
                hard = 1 / (1 + (level if family != "distance" else 5 - level))
                accuracy = {c: 0.5 + 0.5 * hard + rng.normal(0, 0.01) for c in ("lr", "svc", "knn")}
                for i, m in enumerate(KEYS):
                    value = hard * (0.5 + 0.05 * i) + rng.normal(0, 0.02)
                    rows.append({"family": family, "level": level, "seed": k, "measure": m, "value": value} | accuracy)
    return pd.DataFrame(rows)


def _scores(rng, sets, seeds):
    rows = []
    for s in sets:
        for k in range(seeds):
            accuracy = {c: rng.uniform(0.5, 1) for c in ("lr", "svc", "knn")}
            rows += [{"set": s, "seed": k, "measure": m, "value": rng.uniform()} | accuracy for m in KEYS]
    return pd.DataFrame(rows)


def _failures(rng, seeds):
    tables = [
        _scores(rng, ("subspaces", "cigar", "noise"), seeds).assign(eps=e, qda=lambda t: rng.uniform(0.9, 1, len(t)))
        for e in (0.01, 0.1, 0.5)
    ]
    return pd.concat(tables, ignore_index=True)


def _tasks(rng):
    rows = []
    for setting in ("clean", "noisy"):
        for kind, number in (("pairs", 45), ("triples", 30)):
            for t in range(number):
                easy = rng.uniform(0.5, 1)
                row = {
                    "dataset": "digits",
                    "setting": setting,
                    "kind": kind,
                    "task": f"{t // 10} | {t % 10}",
                    "classes": 2 + (kind != "pairs"),
                }
                row |= {m: easy * (0.5 + 0.04 * i) + rng.normal(0, 0.05) for i, m in enumerate(KEYS)}
                row |= {c: easy + rng.normal(0, 0.02) for c in ("lr", "svc", "knn")} | {"mean": easy}
                rows.append(row)
    return pd.DataFrame(rows)


def _correlation(rng):
    rows = []
    for setting in ("clean", "noisy"):
        for kind in ("pairs", "triples"):
            for m in KEYS:
                for c in ("lr", "svc", "knn", "mean"):
                    r = rng.uniform(0.2, 0.95)
                    row = {
                        "dataset": "digits",
                        "setting": setting,
                        "kind": kind,
                        "measure": m,
                        "classifier": c,
                        "n_tasks": 45,
                    }
                    for name in ("pearson", "spearman"):
                        row |= {name: r, f"{name}_lo": r - 0.15, f"{name}_hi": min(1, r + 0.1)}
                    rows.append(row)
    return pd.DataFrame(rows)


def _adjusted(rng):
    table = _tasks(rng).melt(["dataset", "setting", "kind", "task"], ["lr", "svc", "knn"], "classifier", "accuracy")
    table["expected"] = table["accuracy"] + rng.normal(0, 0.03, len(table))
    return table.assign(residual=table["accuracy"] - table["expected"])


def _ranking():
    rows = []
    for setting in ("clean", "noisy"):
        for kind in ("pairs", "triples"):
            for i, c in enumerate(("lr", "svc", "knn")):
                residual = (0.01, -0.002, -0.008)[i]
                row = {
                    "dataset": "digits",
                    "setting": setting,
                    "kind": kind,
                    "classifier": c,
                    "raw": 0.9 - 0.01 * ((i + 1) % 3),
                }
                row |= {"raw_rank": (i + 1) % 3 + 1, "residual": residual, "residual_rank": i + 1, "r2": 0.6}
                rows.append(row | {"residual_lo": residual - 0.004, "residual_hi": residual + 0.004})
    return pd.DataFrame(rows)


def _layers(rng, seeds):
    names = ("input", "hidden 1", "hidden 2", "logits")
    rows = []
    for k in range(seeds):
        for e in range(16):
            for depth, name in enumerate(names):
                rs = 0.1 + 0.6 * (1 - np.exp(-e / 5)) * depth / 3 + rng.normal(0, 0.01)
                row = {"seed": k, "epoch": e, "layer": name, "depth": depth, "rs": rs, "null_mean": 0.02}
                accuracy = 1 - 0.9 * np.exp(-e / 3)
                rows.append(row | {"adjusted": rs - 0.02, "train_accuracy": accuracy, "test_accuracy": accuracy - 0.03})
    return pd.DataFrame(rows)


class AnsweringLink:
    """A link that answers at once, and remembers what it was asked."""

    def __init__(self, error: LabError | None = None):
        self.state, self.asked, self.error = State(), [], error

    def probe(self, request, done, failed=None, channel=""):
        self.asked.append(request)
        if self.error is not None:
            failed(self.error)
            return
        rng = np.random.default_rng(0)
        label = rng.integers(0, 2, 200)
        xy = np.asarray(request["means"])[label] + rng.normal(size=(200, 2))
        measures = some_measures(rng, ("rs", "rs_adj", "dsi", "n2"))
        accuracy = pd.DataFrame({"classifier": ["lr", "svc", "knn"], "accuracy": [0.9, 0.95, 0.93]})
        points = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "label": label})
        tables = {"points": points, "measures": measures, "classifiers": accuracy}
        done(Result(tables=tables, metrics={"milliseconds": 42.0}))


def models(view: pn.viewable.Viewable) -> list:
    """Draw a view, and return all its Bokeh models."""
    return list(view.get_root().references())


def figures(view: pn.viewable.Viewable) -> list:
    return [m for m in models(view) if type(m).__name__ == "figure" or type(m).__name__ == "Plot"]


DRAWN = [tab.title for tab in TABS if tab.needs or tab.any_of]
views = LAB.views


@pytest.mark.parametrize("title", DRAWN)
def test_every_view_draws(title):
    built = views(some_result())[title]()
    plots = figures(built)
    assert plots
    for plot in plots:
        assert plot.sizing_mode == "stretch_width" or plot.width_policy == "max"  # it must fit a phone
        numeric = [axis for axis in (*plot.xaxis, *plot.yaxis) if type(axis).__name__ in ("LinearAxis", "LogAxis")]
        assert all(axis.axis_label or axis.major_label_overrides for axis in numeric), plot.title.text
    assert isinstance(built[0], pn.pane.Markdown)
    assert built[0].object[0].isupper(), "a view starts with a sentence on how to read it"


@pytest.mark.parametrize("title", ["Set", "Graded", "Layers"])
def test_ten_classes_and_one_seed_draw(title):
    assert figures(views(some_result(classes=10, seeds=1))[title]())


def test_views_without_their_tables_are_absent():
    full = some_result()
    only = Result(tables={"set": full.tables["set"], "measures": full.tables["measures"]}, partial=True)
    assert list(views(only)) == ["Set", "Move the classes"]
    empty = Result(tables={"layers": full.tables["layers"].iloc[:0]})
    assert list(views(empty)) == ["Move the classes"]


def test_a_saved_result_draws_the_same_views(tmp_path):
    some_result().save(tmp_path)
    loaded = views(Result.load(tmp_path))
    assert list(loaded) == [*DRAWN, "Move the classes"]
    models(loaded["Tasks"]())


def test_views_import_no_torch():
    code = "import sys, workbench.labs.rs.views; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_both_projections_share_one_source():
    scatters = [p for p in figures(views(some_result())["Set"]()) if p.title.text in ("PCA", "t-SNE")]
    sources = {id(r.data_source) for p in scatters for r in p.renderers}
    assert len(scatters) == 2
    assert len(sources) == 1


def test_choosing_another_measure_draws_it():
    built = views(some_result())["Tasks"]()
    selector = next(w for w in built.select(pn.widgets.base.WidgetBase) if w.label == "Measure")
    before = {a.axis_label for p in figures(built) for a in p.xaxis}
    selector.value = "dsi"
    after = {a.axis_label for p in figures(built) for a in p.xaxis}
    assert "DSI (no unit)" in after - before


def test_measures_keep_their_order_and_move():
    rng = np.random.default_rng(1)
    table = some_measures(rng)
    dots = MeasureDots(table.sample(frac=1, random_state=0))
    assert dots.keys == list(KEYS)
    dots.update(table.assign(value=0.5))
    assert set(dots.source.data["value"]) == {0.5}


def test_every_measure_has_a_look():
    assert set(LOOK) == set(MEASURES)
    assert ordered(["f1", "new", "rs", "f1"]) == ["rs", "f1", "new"]


def test_the_probe_says_how_to_open_it_when_it_is_closed():
    alert = views(Result())["Move the classes"]()[1]
    assert "workbench serve" in alert.object


def test_dragging_asks_and_draws():
    mover = Mover(link := AnsweringLink())
    assert link.asked[0] | START == link.asked[0]
    mover.handles.means = [[-4.0, 0.0], [4.0, 3.0]]
    assert link.asked[-1]["means"] == [[-4.0, 0.0], [4.0, 3.0]]
    assert mover.sliders["distance"].value == pytest.approx(np.hypot(8, 3), abs=0.01)
    assert len(mover.handles.points) == 600
    assert "42 ms" in mover.note.object
    assert list(mover.accuracy.data["value"]) == [0.9, 0.95, 0.93]
    models(mover.layout)


def test_sliders_move_the_handles():
    mover = Mover(link := AnsweringLink())
    mover.sliders["distance"].value = 8.0
    assert mover.handles.means == [[-4.0, 0.0], [4.0, 0.0]]
    mover.sliders["spread1"].value = 2.0
    assert mover.handles.stds == [[1.0, 1.0], [2.0, 2.0]]
    mover.sliders["set"].value = "spirals"
    assert link.asked[-1]["set"] == "spirals"
    assert not mover.handles.movable


def test_undo_redo_reset():
    mover = Mover(link := AnsweringLink())
    assert mover.undo.disabled
    for x in (3.0, 4.0):
        mover.handles.means = [[-2.0, 0.0], [x - 0.5, 0.0]]  # on the way
        mover.handles.means = [[-2.0, 0.0], [x, 0.0]]
        mover.handles.settled += 1
    mover.undo.clicks += 1
    assert mover.handles.means[1] == [3.0, 0.0], "one step back, not one message back"
    mover.undo.clicks += 1
    assert mover.handles.means == START["means"]
    mover.redo.clicks += 1
    assert mover.handles.means[1] == [3.0, 0.0]
    assert link.state["classes"] == {"means": [[-2.0, 0.0], [3.0, 0.0]]}
    mover.reset.clicks += 1
    assert mover.handles.means == START["means"]
    mover.undo.clicks += 1
    assert mover.handles.means[1] == [3.0, 0.0]


def test_the_state_of_the_link_is_restored():
    link = AnsweringLink()
    link.state["classes"] = {"rotation": 45.0}
    assert Mover(link).handles.rotation == 45.0
    assert link.asked[0]["rotation"] == 45.0


def test_a_refused_probe_is_told_in_words():
    mover = Mover(AnsweringLink(LabError("The worker is gone.", "Start it again.")))
    assert "The worker is gone. Start it again." in mover.note.object


def test_the_probe_starts_with_the_eps_of_the_run():
    link = AnsweringLink()
    assert chosen_eps(some_result()) == 0.5
    assert chosen_eps(Result(notes=["Nothing about it."])) is None
    Mover(link, 0.25)
    assert link.asked[0]["eps"] == 0.25


def test_no_two_classes_look_alike():
    looks = [look(i) for i in range(20)]
    assert len(set(looks)) == 20


def test_apart_of_equal_means():
    assert apart([[1.0, 1.0], [1.0, 1.0]], 2.0) == [[0.0, 1.0], [2.0, 1.0]]
