"""The views of the recorded run: what a threshold closes, what a probe is asked, what a click shows."""

import queue
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bokeh.events import Tap

from workbench.contract.result import Result
from workbench.labs.reliant.views import (
    full_graph,
    graph,
    probe,
    selected_training,
    tradeoff,
)
from workbench.labs.reliant.views import (
    groups as views_groups,
)
from workbench.labs.reliant.views import (
    thresholds as views_thresholds,
)
from workbench.runs.record import recorded_run
from workbench.ui.frame import plain_figure
from workbench.ui.link import Link


@pytest.fixture(scope="module")
def result():
    return recorded_run("reliant").result


class Asked:
    """A page that writes down what is asked, and answers at once."""

    def __init__(self, **state):
        self.requests = []
        self.link = Link("x", self.answer)
        self.link.state.update(state)

    def answer(self, request):
        self.requests.append(request)
        done = Future()
        rates = {f"{kind} {v}": 0.5 for kind in ("selection", "tpr", "fpr") for v in (0, 1)}
        keys = ("accuracy", "above_majority", "f1", "auc", "sp", "eo")
        done.set_result(Result(metrics=rates | dict.fromkeys(keys, 0.25) | {"milliseconds": 12.0}))
        return done


def gap_of(view, rows):
    limits = np.round([slider.value * 256 for slider in view.sliders])
    hit = view.p >= limits[view.s]
    return abs(hit[rows & (view.s == 0)].mean() - hit[rows & (view.s == 1)].mean())


@pytest.mark.parametrize("gap", ["sp", "eo"])
def test_a_button_closes_its_gap(result, gap):
    view = views_thresholds.Thresholds(result)
    rows = np.ones(len(view.y), bool) if gap == "sp" else view.y == 1
    before = gap_of(view, rows)
    view._close(gap)
    assert gap_of(view, rows) < 0.2 * before and view.sliders[0].value == 0.5
    assert "at your thresholds" in view.told.object


def test_the_probe_is_asked_what_the_widgets_say_and_alpha_takes_another_network(result):
    page = Asked()
    view = probe.WhatIf(result, page.link)
    assert page.requests[-1]["arm"] == "gcn-sgc-reliant-10-sp" and view.alpha.options == [1, 10, 100]
    view.hide.value = True
    view.cut.value = "across"
    assert page.requests[-1] | {"hide": True, "cut": "across", "share": 1.0} == page.requests[-1]
    view.alpha.value = 100
    assert page.requests[-1]["arm"] == "gcn-sgc-reliant-100-sp" and view.arm.value == page.requests[-1]["arm"]
    assert "answered in 12 ms" in view.note.object
    view.arm.value = "gcn-sgc-kd-0-sp"
    assert view.full.disabled and view.alpha.disabled


def test_a_link_restores_where_the_widgets_stood(result):
    view = probe.WhatIf(result, Asked(graph="german", hide=True, share=0.5).link)
    assert (view.graph.value, view.hide.value, view.share.value) == ("german", True, 0.5)


def test_a_node_is_asked_about_by_its_number(result):
    page = Asked()
    view = graph.Drawing(result, page.link)
    view._explain = lambda answer, node: None
    view._ask(17)
    assert page.requests[-1] == {"set": "bail", "node": 17, "arm": "gcn-sgc-reliant-10-sp"}
    assert (view.predictions() >= 0).sum() == 9_438  # test nodes alone have one


def test_the_shares_of_a_plp_student_are_drawn_with_its_own_features(result):
    page = Asked()
    view = graph.Drawing(result, page.link)
    view.arm.value = view.arm.options["RELIANT, PLP (CPF)"]
    view._explain = lambda answer, node: None
    view._ask(17)
    assert page.requests[-1]["arm"] == "gcn-plp-reliant-10-sp"
    del view._explain
    table = pd.DataFrame({"node": [17, 3, -1], "p": 0.4, "share": [0.1, 0.2, 0.7], "gives": [0.0, -0.1, 0.3]})
    view._explain(Result(tables={"neighbors": table}), 17)
    bars = view.why[-1].object.renderers[0].data_source.data
    assert list(bars["name"]) == ["its own features", "node 3", "itself (17)"]
    assert list(bars["share"]) == ["70.0%", "20.0%", "10.0%"] and bars["told"][0] == "its own features"


def test_a_training_that_is_picked_is_shown_elsewhere_and_restored_by_a_link(result):
    page = Asked()
    thresholds = views_thresholds.Thresholds(result, page.link)
    groups = views_groups.groups_view(result, page.link)
    row = views_groups.style.graphs(result)["german"].select(arm="reliant", seed=1).iloc[0]
    selected_training.pick(page.link, "german", row)
    assert thresholds.graph.value == "german" and thresholds.arm.value == row["at"]
    assert f"accuracy {100 * row['accuracy']:.1f}" in groups[2].object and "training 2" in groups[2].object
    again = views_thresholds.Thresholds(result, Asked(**page.link.state).link)
    assert (again.graph.value, again.arm.value) == ("german", row["at"])
    other = Asked(training=["another run", "german", int(row["at"])])
    assert selected_training.picked(other.link, result) is None


def test_other_runs_stand_in_the_trade_off_as_far_as_they_have_both_numbers():
    run = recorded_run("reliant")
    lacking = replace(run, id="lacking", metrics={"reliant_sp": 0.1})
    elsewhere = replace(run, id="elsewhere", params=run.params | {"dataset": "german"})
    plot = plain_figure(200)
    tradeoff.other_runs(plot, [replace(run, id="one", name="mine"), lacking, elsewhere], "bail", "sp", "accuracy")
    (dots,) = plot.renderers
    data = dots.data_source.data
    assert list(data["name"]) == ["mine"] and "run=one" in data["link"][0]
    assert data["x"][0] == pytest.approx(100 * run.metrics["reliant_sp"])
    tradeoff.other_runs(plot, [lacking], "bail", "sp", "accuracy")
    assert len(plot.renderers) == 1


def test_a_whole_graph_is_shaded_zoomed_and_asked(result):
    """Three nodes of two kinds, one edge: their pixels have their colors, also in a part that is looked at closer."""
    places = np.array([[-0.5, 0.0], [0.5, 0.0], [0.5, 0.9]], np.float32)
    clicks, steps = [], queue.Queue()
    colors = ["#ff0000", "#0000ff"]
    whole = full_graph.Whole(places, np.array([[0, 1]]), np.array([0, 1, 1]), colors, clicks.append, steps.put)

    def color(x, y):
        (image,), (x0,), (y0,) = (whole.source.data[key] for key in ("image", "x", "y"))
        (dw,), (dh,) = whole.source.data["dw"], whole.source.data["dh"]
        row, column = int((y - y0) / dh * image.shape[0]), int((x - x0) / dw * image.shape[1])
        return [int(image[row, column]) >> shift & 255 for shift in (0, 8, 16, 24)]

    steps.get(timeout=120)()
    assert color(-0.5, 0)[:3] == [255, 0, 0] and color(0.5, 0)[:3] == [0, 0, 255]
    assert color(0, 0)[3] > 0 and color(0, 0.5)[3] == 0  # an edge, and nothing
    whole.look((0.4, 0.6, -0.1, 0.1))
    steps.get(timeout=120)()
    assert color(0.5, 0)[:3] == [0, 0, 255] and color(0.45, 0)[3] > 0 and color(0.45, 0.05)[3] == 0
    whole._tapped(Tap(whole.plot, x=0.51, y=0.01))
    whole._tapped(Tap(whole.plot, x=0.0, y=0.5))  # nothing is near
    assert clicks == [1]


@pytest.mark.parametrize("kind", ["group", "label", "prediction", "error", "proxy"])
def test_every_node_has_a_color_of_the_legend(result, kind):
    view = graph.Drawing(result, Asked(color=kind).link)
    numbers, colors, legend = view._kinds(view._told(np.arange(18_876)))
    assert len(numbers) == 18_876 and set(np.unique(numbers)) == set(range(len(colors)))
    assert legend.count("<span") == (2 if kind == "proxy" else len(colors))


def test_every_saved_name_of_the_table_is_one_that_the_run_kept(result):
    from safetensors import safe_open

    runs = result.tables["runs"].query("seed == 0 and set == 'german' and arm not in ('lr', 'reweighed', 'full')")
    with safe_open(recorded_run("reliant").folder / "models" / "german.safetensors", "np") as file:
        kept = {key.partition("/")[0] for key in list(file.keys())}
    assert {graph.saved_name(row) for _, row in runs.iterrows()} == kept


def test_confusions_are_shares_of_a_group_and_give_the_rates(result):
    found = views_groups.style.graphs(result)["bail"]
    row = found.select(arm="teacher", teacher="gcn").iloc[0]
    cells = views_groups.confusion(found, row)
    assert cells.sum((1, 2)) == pytest.approx([1, 1])
    assert cells[:, :, 1].sum(1) == pytest.approx([row["selection 0"], row["selection 1"]])
    rate, size = views_groups.inside(found, row, 0, None)
    assert rate == pytest.approx(row["selection 0"]) and 0 < size < 9_438


def test_the_trade_off_begins_with_one_pair_and_without_the_ablation(result):
    rows = result.tables["summary"].query("set == 'bail'")
    first = tradeoff.compared(rows, False)
    assert set(first["student"]) == {"-", "table", "sgc"} and set(first["teacher"]) == {"-", "gcn"}
    assert "full" not in set(tradeoff.compared(rows, True)["arm"])
    assert tradeoff.trainings_html(result, "bail", first.iloc[-1]).count("<tr>") == 1 + 5  # a head, five trainings
