"""Columns that give the class away, and columns that look so and do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import resolve
from workbench.data.tables.raw import Raw
from workbench.data.tables.table import data_card, read_table, tabulate

N = 60
RNG = np.random.default_rng(0)
Y = RNG.permutation(np.repeat(["cat", "dog", "eel"], N // 3))
CODE = pd.Series(Y).map({"cat": 0, "dog": 1, "eel": 2}).to_numpy()
ORDER = RNG.permutation(N)


def table(name: str, column, y=Y):
    frame = pd.DataFrame({"v": np.linspace(0, 1, len(y)) ** 2, "label": y, name: column})
    return tabulate(Raw(frame))


LEAKS = {
    "a copy": ("kind", Y, "one value for each class"),
    "a code": ("kind", CODE, "one value for each class"),
    "a code of other numbers": ("kind", 10.5 - CODE, "one value for each class"),
    "a code of words with gaps": (
        "kind",
        np.where(ORDER < 5, None, np.array(["x", "y", "z"])[CODE]),
        "one value for each",
    ),
    "the label's name, as pandas writes it": ("label.1", RNG.normal(size=N), "name of the class column"),
    "the label's name in capitals": ("LABEL", RNG.normal(size=N), "name of the class column"),
    "row numbers from 1": ("t", np.arange(N) + 1, "numbers the rows from 1"),
    "row numbers from 0": ("t", np.arange(N), "numbers the rows from 0"),
    "row numbers with a point": ("t", np.arange(N) + 1.0, "numbers the rows from 1"),
    "shuffled row numbers": ("sample_id", ORDER + 1, "numbers the rows from 1"),
    "identifiers": ("PassengerId", 8_000 + 7 * ORDER, "an identifier"),
}


@pytest.mark.parametrize("case", LEAKS)
def test_a_leak_is_left_out_and_told(case):
    name, column, why = LEAKS[case]
    found = table(name, column)
    assert found.feature_names == ["v"] and found.class_names == ["cat", "dog", "eel"]
    warnings = data_card(found).warnings
    assert [text for text in warnings if repr(name) in text] == list(found.leaks) and why in found.leaks[0]
    assert found.leaks[0] in found.notes


@pytest.mark.parametrize("case", [case for case, (name, *_) in LEAKS.items() if "label" not in name.lower()])
def test_a_leak_is_a_feature_if_its_name_says_so_and_the_card_doubts_it(case):
    name, column, _ = LEAKS[case]
    found = table(f"feature {name}", column)
    assert found.feature_names[1].startswith(f"feature {name}")
    assert [text for text in data_card(found).warnings if f"'feature {name}'" in text and "It stays" in text]


def petal() -> np.ndarray:
    """A length that separates the classes perfectly."""
    return 2.0 * CODE + RNG.uniform(0, 1, N)


HARMLESS = {
    "a length that separates the classes": petal(),
    "a rounded length": np.round(petal(), 1),
    "a score of two decimals": np.round(RNG.uniform(size=N), 2),
    "a rank": ORDER + 1,
    "years": 1950 + np.arange(N),
    "a code with one error": np.where(np.arange(N) == 7, (CODE + 1) % 3, CODE),
    "words": RNG.choice(["x", "y", "z"], N),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_feature_that_looks_like_a_leak_stays_without_a_word(case):
    found = table("u", HARMLESS[case])
    assert found.leaks == () and len(found.feature_names) >= 2


DOUBTFUL = {"a part of the class": CODE > 0, "a finer division": np.char.add(Y, np.where(ORDER % 2, "1", "2"))}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_the_class_determines_or_is_determined_by_stays_with_a_warning(case):
    found = table("u", DOUBTFUL[case])
    assert (
        len(found.feature_names) >= 2 and len(found.leaks) == 1 and "If it was written from the class" in found.leaks[0]
    )


@pytest.mark.parametrize("rows", [4, 6, 8, 10])
def test_a_binary_feature_of_a_few_rows_may_fit_the_class_by_chance(rows):
    y = np.arange(rows) % 2
    assert table("u", y, y).feature_names == ["v", "u"]
    assert table("row", np.arange(rows), y).feature_names == (["v", "row"] if rows < 8 else ["v"])
    assert table("month", np.arange(rows), y).feature_names == ["v", "month"]


def test_chance_counts_the_columns():
    """Among 2,000 random bits some fit the classes of twelve rows."""
    y = np.arange(12) % 2
    bits = pd.DataFrame(RNG.integers(0, 2, (12, 1_900))).add_prefix("b").assign(b7=y, label=y)
    assert tabulate(Raw(bits)).leaks == ()


def test_a_leak_that_is_all_there_is_stays_and_is_told():
    y = np.arange(40) % 2
    found = tabulate(Raw(pd.DataFrame({"x": y, "label": y})))
    assert found.feature_names == ["x"] and "It stays, as nothing else is there." in found.leaks[0]


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "iris"])
def test_known_sets_have_no_leak(name):
    assert read_table(resolve(name)[0]).leaks == ()


def test_without_the_leaks_nothing_is_left():
    """A number of each row and a second class column come back for no reason."""
    y = np.arange(40) % 2
    with pytest.raises(LabError, match="No feature is left.*label.1"):
        tabulate(Raw(pd.DataFrame({"id": np.arange(40), "label": y, "label.1": y})))
