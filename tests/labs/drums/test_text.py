"""The paper's text: the authors' own files byte for byte, and whatever a model may write."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.contract.errors import LabError
from workbench.data.music.groove import Groove, from_rows
from workbench.labs.drums.common.drumroll import (
    Rules,
    encode,
    from_text,
    parse_completion,
    separated,
    strip_silence,
    to_prompt_completion,
    to_text,
)
from workbench.labs.drums.method.data import bundled

QUICK = settings(max_examples=60, deadline=None)
ROWS = hnp.arrays(bool, st.tuples(st.integers(0, 300), st.just(6)))
TEXTS = "d71d4653c3f9e8791f745726b3e4fce90d14db51162e01890ea68266eda15399"
PAIRS = "154020fd3a06536dc610fe40e82c64e3166b70caec294a0b46110fdc4faae295"


def groove(meter=(4, 4), last_bar=1, pitch=36) -> Groove:
    """A kick on the first beat of the first bar, and one on that of a later bar."""
    step = (last_bar - 1) * round(16 * meter[0] / meter[1])
    return Groove(np.array([0, 120 * step]), np.array([pitch, pitch]), np.array([90, 90]), meters=((0, *meter),))


def digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def test_the_authors_texts_and_pairs_come_out_byte_for_byte():
    """The hashes are of the 457 files in data_text and of the 456 lines of gpt3_*.jsonl of zharry29/drums-with-llm."""
    texts, pairs = {}, {}
    for made in bundled().all:
        try:
            texts[made.name] = to_text(made)
        except LabError:
            continue
        pair = to_prompt_completion(encode(made))
        if pair:
            pairs[made.name] = pair
    assert (len(texts), len(pairs)) == (457, 456)
    assert digest([name + text for name, text in sorted(texts.items())]) == TEXTS
    assert digest([name + prompt + end for name, (prompt, end) in sorted(pairs.items())]) == PAIRS


@given(ROWS)
@QUICK
def test_rows_to_text_and_back(rows):
    np.testing.assert_array_equal(from_text(to_text(rows)), rows)
    read = parse_completion(separated(rows) + "END\nooooooo")
    np.testing.assert_array_equal(read.rows, rows)
    assert (read.malformed, read.ended) == (0, True)


@given(ROWS)
@QUICK
def test_a_prompt_and_its_completion_hold_all_rows_but_leading_silence(rows):
    pair = to_prompt_completion(rows)
    kept = strip_silence(rows)
    assert (pair is None) == (len(kept) <= 128)
    if pair:
        prompt, completion = pair
        assert prompt.count("SEP\n") == 2 and prompt.endswith("SEP\n") and len(from_text(prompt)) == 32
        assert completion.endswith("\nEND") and not completion.endswith("SEP\nEND")
        np.testing.assert_array_equal(np.concatenate([from_text(prompt), parse_completion(completion).rows]), kept)


@given(st.text(max_size=200) | st.text("o-SEPND\n", max_size=400))
@QUICK
def test_anything_a_model_writes_is_read(text):
    read = parse_completion(text)
    assert read.rows.shape == (len(read.rows), 6) and 0 <= read.malformed <= len(read.rows)


def test_a_malformed_row_keeps_its_place():
    read = parse_completion("o-----\no--\nSEP\n\n-oxxx--o\n------\n")
    assert read.malformed == 2 and not read.ended
    assert read.rows.astype(int).tolist() == [[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0] * 6]


def test_a_wrong_line_is_named():
    with pytest.raises(LabError, match="Line 3 is 'o-x---'"):
        from_text("o-----\nSEP\no-x---\n")


def test_a_bar_is_silent_when_its_first_quarter_is_and_goes_as_a_whole():
    rows = np.zeros((40, 6), bool)
    rows[4, 0] = rows[20, 1] = rows[32, 2] = True
    np.testing.assert_array_equal(strip_silence(rows), rows[32:])


def test_the_authors_defects_have_switches():
    short, long, waltz = groove(last_bar=3), groove(last_bar=20), groove((3, 4), last_bar=20)
    assert len(encode(short)) == 256 and len(encode(short, Rules(pad=False))) == 48
    assert len(encode(long)) == 256 and len(encode(long, Rules(bars=None))) == 320
    assert encode(long).sum() == 1 and encode(long, Rules(bars=None)).sum() == 2
    assert len(encode(waltz)) == 192
    pedal = groove(pitch=44)
    assert not encode(pedal).any() and encode(pedal, Rules(pedal=True))[0, 4]
    with pytest.raises(LabError, match="6/8"):
        encode(groove((6, 8)))
    assert len(encode(groove((6, 8)), Rules(quarters_only=False))) == 192


def test_the_columns_are_crash_ride_snare_kick_hi_hat_tom():
    assert to_text(from_rows(np.eye(6, dtype=bool)), Rules(pad=False)).splitlines()[:6] == [
        "o-----", "-o----", "--o---", "---o--", "----o-", "-----o",
    ]  # fmt: skip
