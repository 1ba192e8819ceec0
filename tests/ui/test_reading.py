"""Metrics, claims, formulas and errors, as the reader sees them."""

import re

import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import Claim, Lab, Metric, Paper, PaperValue, Verdict
from workbench.contract.result import Result
from workbench.toolkit.statistics import interval_numbers
from workbench.ui import reading
from workbench.ui.claims import claims_html, facts_html
from workbench.ui.errors import describe, error_html

METRICS = (
    Metric("acc", "Accuracy", "Share of right answers.", range=(0, 1), paper=PaperValue(0.9, "their test set")),
    Metric("err", "Error <b>", "Distance.", unit="mm", higher_is_better=False),
)


class ARun:
    result = Result(metrics={"acc": 0.87654321}, samples={"acc": [0.8, 0.9, 1.0]})


def make_lab(*claims: Claim) -> Lab:
    return Lab("x", "X", "Music", "", Paper("", "", 0, ""), __name__, metrics=METRICS, claims=claims)


def test_metric_rows():
    accuracy, error = reading.metric_rows(METRICS, ARun.result)
    assert accuracy["value"] == "0.8765"
    assert accuracy["spread"] == "± 0.1 over 3 seeds"
    assert accuracy["paper"] == "0.9: their test set"
    assert accuracy["better"] == "higher is better, 0 to 1"
    assert (error["value"], error["paper"], error["spread"]) == ("–", "not known", "")
    assert error["better"] == "lower is better"


def test_metrics_table_escapes_what_labs_write():
    text = reading.metrics_html(make_lab(), ARun.result)
    assert "Error &lt;b&gt;" in text
    assert "Share of right answers." in text


def test_a_faulty_rule_hides_no_other_claim():
    def fails(result):
        raise KeyError("no table")

    good = Claim("C1", "It works.", "above 0.5", lambda r: Verdict("holds", {"acc": r.metrics["acc"]}, "Clearly."))
    text = claims_html(ARun(), make_lab(Claim("C0", "Broken.", "none", fails), good))
    assert "no table" in text
    assert "holds" in text
    assert "0.8765" in text


def test_formulas_become_mathml_and_code_stays():
    text = reading.readme_html("Rate $R(Z)=\\frac{1}{2}\\log\\det$, `cost $5$`.\n\n$$x^2$$\n\n<script>bad()</script>")
    assert text.count("<math") == 2
    assert 'display="block"' in text
    assert "cost $5$" in text
    assert "<script>" not in text


@pytest.mark.parametrize("fault", [LabError("No file.", "Look again."), ValueError("no <b>")])
def test_errors_in_words(fault):
    text = error_html(fault, "reading")
    assert 'role="alert"' in text
    assert ("Traceback" in text) == isinstance(fault, ValueError)
    assert "<b>" not in text
    assert set(describe(fault)) == {"cause", "hint", "traceback"}


def test_an_interval_is_drawn_with_its_numbers_and_the_rest_told_as_it_is():
    numbers = {"gain": -0.2, "gain: low": -0.3, "gain: high": 0.1, "cases": 12.0, "odd": float("nan")}
    text = facts_html(numbers | {"odd: low": float("nan"), "odd: high": float("nan")})
    assert text.count("<svg") == 1 and "on both sides of zero" in text and "-0.3 to 0.1" in text
    assert "<dt>cases</dt><dd>12</dd>" in text and "gain: low" not in text


@pytest.mark.parametrize(
    ("low", "high", "side"), [(-0.04, 0.01, "above"), (-0.09, -0.06, "below"), (-0.06, 0.01, "on both sides of")]
)
def test_the_line_of_an_interval_stands_where_the_claim_is_decided(low, high, side):
    text = facts_html(interval_numbers("cost", (-0.04, low, high), threshold=-0.05))
    assert f"the interval lies {side} -0.05" in text and "line at -0.05" in text and "threshold</dt>" not in text
    line, reach = re.findall(r'<line[^>]* x1="([\d.]+)" x2="([\d.]+)"', text)
    assert line[0] == line[1]
    assert (float(line[0]) < float(reach[0]), float(line[0]) > float(reach[1])) == (side == "above", side == "below")
    assert 'aria-label="the interval lies above zero"' in facts_html(interval_numbers("gain", (0.2, 0.1, 0.3)))
