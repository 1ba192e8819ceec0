"""The frame of a view."""

from html import unescape

import pytest

from workbench.contract.result import Result
from workbench.labs.cmt.views.style import caution
from workbench.ui.frame import paragraph

MARK = "<img src=x onerror=window.hit=1>"


@pytest.mark.parametrize("make", [paragraph, lambda text: caution(Result(notes=[f"SIMULATED {text}"]))])
def test_html_in_a_paragraph_stands_for_itself(make):
    shown = unescape(make(f"**{MARK}** [here](javascript:hit())").get_root().text)
    assert "<strong>&lt;img" in shown and "<img" not in shown and "href" not in shown
