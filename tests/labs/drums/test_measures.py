"""The paper's measures: its figures again, a textbook Levenshtein as the oracle, and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.labs.drums.common.bars import bars_of, distances, keys, silent
from workbench.labs.drums.common.drumroll import encode, to_text
from workbench.labs.drums.common.measures import (
    ANCHORS,
    bar_table,
    centers,
    density,
    fills,
    occurrences,
    per_groove,
    random_player,
    repeat_player,
    stabilities,
    structure,
)
from workbench.labs.drums.method.data import bundled

BAR = hnp.arrays(bool, st.tuples(st.integers(0, 16), st.just(6)))


def textbook(s: str, t: str) -> int:
    """Levenshtein distance, one cell at a time (Wagner and Fischer 1974)."""
    above = list(range(len(t) + 1))
    for i, a in enumerate(s, 1):
        row = [i]
        for j, b in enumerate(t, 1):
            row.append(min(above[j - 1] + (a != b), above[j] + 1, row[-1] + 1))
        above = row
    return above[-1]


def authors_string(bar: np.ndarray) -> str:
    """A bar as the authors compare it: their lines keep the newline, and are joined by another one."""
    return "\n".join(to_text(bar).splitlines(keepends=True))


def song(*bars: int, seed: int = 0) -> np.ndarray:
    """A groove of the given bars, equal numbers being equal bars; bar 0 is silent."""
    rng = np.random.default_rng(seed)
    kinds = [np.zeros((16, 6), bool), *(rng.random((16, 6)) < 0.3 for _ in range(max(bars)))]
    return np.concatenate([kinds[k] for k in bars])


@pytest.fixture(scope="module")
def human() -> list[np.ndarray]:
    found = []
    for groove in bundled().test:
        assert groove.meter[1] == 4
        found.append(encode(groove))
    return found


@pytest.fixture(scope="module")
def reference() -> dict:
    return bar_table([encode(groove) for groove in bundled().train if groove.meter[1] == 4])


# distances ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(BAR, BAR), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_distances_of_many_pairs_equal_the_textbook_s_one_by_one(pairs):
    expected = [textbook(authors_string(a), authors_string(b)) for a, b in pairs]
    assert distances(pairs).tolist() == expected


def test_distances_of_real_bars_equal_the_textbook_s(human):
    bars = bars_of(human[7])
    pairs = list(zip(bars, bars[1:], strict=False))
    found = distances(pairs)
    assert found.max() > 0
    assert found.tolist() == [textbook(authors_string(a), authors_string(b)) for a, b in pairs]


def test_more_pairs_than_one_chunk_holds_are_all_computed(monkeypatch):
    monkeypatch.setattr("workbench.labs.drums.common.bars.CHUNK", 3)
    rng = np.random.default_rng(1)
    pairs = [tuple(rng.random((2, 16, 6)) < 0.5) for _ in range(8)]
    assert distances(pairs).tolist() == [textbook(*map(authors_string, pair)) for pair in pairs]
    assert distances([]).tolist() == []


def test_equal_bars_and_only_equal_bars_have_equal_keys():
    a, b, short = song(1)[:16], song(1, 2)[16:], np.zeros((3, 6), bool)
    assert keys([a, a.copy()]) == [keys([a])[0]] * 2
    assert len(set(keys([a, b, short, np.zeros((16, 6), bool)]))) == 4


# the paper's figures ------------------------------------------------------------------------------------------------


def test_people_s_figures_come_out_to_three_decimals(human):
    found = structure(human)
    assert [round(x, 3) for x in (found.mean, found.between, found.within)] == [5.079, 10.345, 1.445]
    assert (found.mean, found.between, found.within) == pytest.approx(
        (ANCHORS["human"].mean, ANCHORS["human"].between, ANCHORS["human"].within), abs=5e-4
    )


def test_without_the_bars_that_nobody_played_people_vary_more(human):
    masked = structure(human, masked=True, exact=True)
    assert (round(masked.mean, 3), round(masked.between, 3), round(masked.within, 3)) == (6.614, 10.863, 1.520)
    assert sum(not silent(bars_of(rows)).any() for rows in human) == 23


def test_repeating_a_bar_gives_zero(human):
    found = structure([repeat_player(rows) for rows in human])
    assert (found.mean, found.between, found.within) == (0, 0, 0)


def test_random_grooves_give_the_paper_s_figures_within_four_standard_errors():
    """Over 37 seeded sets the standard deviations are about .25, .22 and .08: the anchor is one such set."""
    rng = np.random.default_rng(29)
    found = structure([random_player(rng) for _ in range(37)])
    anchor = ANCHORS["random"]
    assert found.mean == pytest.approx(anchor.mean, abs=1.0)
    assert found.between == pytest.approx(anchor.between, abs=0.9)
    assert found.within == pytest.approx(anchor.within, abs=0.35)


def test_kmeans_with_one_start_misses_the_best_split_that_the_exact_one_finds(human):
    plain, exact = structure(human), structure(human, exact=True)
    assert plain.mean == exact.mean
    assert (round(exact.between, 3), round(exact.within, 3)) == (10.007, 1.411)


# by hand ------------------------------------------------------------------------------------------------------------


def test_d_is_the_nearer_neighbor_s_distance():
    rows = song(1, 1, 2, 3, 3)
    a, b, c = (rows[16 * k : 16 * k + 16] for k in (1, 2, 3))
    expected = [0, min(textbook(*map(authors_string, (x, y))) for x, y in ((a, b), (b, c))), 0]
    assert stabilities([rows])[0].tolist() == expected


def test_silent_bars_are_neither_measured_nor_compared_with_when_masked():
    rows = song(1, 2, 0, 0, 3, 3)
    plain, masked = stabilities([rows])[0], stabilities([rows], masked=True)[0]
    assert plain[1] == 0 and plain[2] == 0  # silence repeats silence
    assert np.isnan(masked[1:3]).all() and masked[0] == distances([(rows[:16], rows[16:32])])[0]
    assert masked[3] == 0  # its left neighbor is silent, its right one is equal


@given(hnp.arrays(np.float64, st.integers(2, 14), elements=st.integers(0, 40).map(float)))
@settings(max_examples=60, deadline=None)
def test_the_exact_split_is_the_best_of_all_splits(d):
    between, within, high = centers(d, exact=True)
    if len(set(d)) < 2:
        assert (between, within, high.any()) == (0, 0, False)
        return
    spread = lambda mask: sum(((part - part.mean()) ** 2).sum() for part in (d[mask], d[~mask]))  # noqa: E731
    assert spread(high) <= min(spread(d > cut) for cut in sorted(set(d))[:-1]) + 1e-9
    assert between == pytest.approx(d[high].mean() - d[~high].mean()) and within >= 0


def test_a_fill_is_a_bar_that_stands_out_and_a_steady_groove_has_none():
    assert fills(song(1, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 1)).tolist() == [3, 7]
    assert fills(song(1, 1, 1, 1, 1)).tolist() == []
    almost = song(1, 1, 1, 1, 1, 1)
    almost[2 * 16] ^= np.array([True, False, False, False, False, False])  # one hit more is no fill
    assert fills(almost).tolist() == []


def test_copies_are_counted_behind_the_prompt_and_silence_is_none():
    rows = song(1, 2, 1, 3, 0, 4)
    table = bar_table([song(1, 2, 3, 3)])
    assert sorted(table.values()) == [1, 1, 2]
    assert occurrences(rows, table).tolist() == [1, 2, 0]
    row = per_groove([rows], table).iloc[0]
    assert row[["train", "prompt", "distinct", "silent"]].tolist() == pytest.approx([2 / 3, 1 / 3, 1, 1])
    assert np.isnan(per_groove([rows]).iloc[0]["train"])


def test_people_copy_as_much_as_the_notes_of_the_paper_s_data_say(human, reference):
    """Of the 398 bars with a hit behind the prompts .191 occur in training, .085 in the prompt; 17.1 hits a bar."""
    assert (sum(reference.values()), len(reference)) == (5956 - 1416, 3633)
    counts = [occurrences(rows, reference) for rows in human]
    assert sum(map(len, counts)) == 398
    assert round(float(np.mean(np.concatenate(counts) > 0)), 3) == 0.191
    new = [bar for rows in human for bar in bars_of(rows)[2:] if bar.any()]
    assert round(float(np.mean([bar.sum() for bar in new])), 1) == 17.1


def test_people_fill_before_a_new_phrase_twice_as_often_as_by_chance(human):
    table = per_groove(human)
    timed = (table["timed"] * table["fills"]).sum() / table["fills"].sum()
    assert timed > 1.5 * 3 / 14


def test_a_row_a_groove_averages_to_the_paper_s_measures(human):
    table, whole = per_groove(human), structure(human)
    assert table[["mean", "between", "within"]].mean().tolist() == pytest.approx(
        [whole.mean, whole.between, whole.within]
    )


def test_density_counts_hits_in_bars_that_sound():
    found = density(np.concatenate([np.tile([[True, False, False, True, False, False]], (16, 1)), np.zeros((16, 6))]))
    assert found == {"crash": 16, "ride": 0, "snare": 0, "kick": 16, "hi-hat": 0, "tom": 0, "all": 32}


def test_grooves_too_short_to_measure_are_nan_and_no_error():
    table = per_groove([np.zeros((0, 6), bool), np.ones((20, 6), bool), np.zeros((256, 6), bool)])
    assert table["mean"].isna().tolist() == [True, True, False] and table["fills"].tolist() == [0, 0, 0]
    assert np.isnan(structure([]).mean) and np.isnan(structure([np.zeros((256, 6), bool)], masked=True).mean)
