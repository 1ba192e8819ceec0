"""A groove as played, as steps, and as packed arrays; and what a set of them holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.data.music.groove import (
    GENERAL,
    PAPER,
    PIECE_OF,
    PIECES,
    PITCH_OF,
    Groove,
    from_rows,
    to_rows,
)
from workbench.data.music.named import cut, groove_card, pack, times, unpack

QUICK = settings(max_examples=60, deadline=None)


def groove(tick=(0, 120), pitch=(36, 38), velocity=(100, 90), **more) -> Groove:
    return Groove(np.array(tick), np.array(pitch), np.array(velocity), **more)


@st.composite
def grooves(draw) -> Groove:
    """Any groove that MIDI can hold, flams and doubled hits included."""
    beat = draw(st.sampled_from([1, 24, 96, 480, 960, 32767]))
    hit = st.tuples(st.integers(0, 40 * beat), st.integers(0, 127), st.integers(1, 127))
    hits = draw(st.lists(hit, min_size=1, max_size=40))
    later = sorted(draw(st.sets(st.integers(1, 30 * beat), max_size=3)))
    tempos = [(at, draw(st.integers(60_000, 12_000_000))) for at in (0, *later)]
    meters = [(at, draw(st.integers(1, 15)), draw(st.sampled_from([2, 4, 8, 16]))) for at in (0, *later)]
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    return Groove(*map(np.array, zip(*hits, strict=True)), beat, tuple(tempos), tuple(meters), draw(text), draw(text))


def test_the_six_pieces_merge_the_pitches_that_the_authors_merge():
    assert PIECES == ("crash", "ride", "snare", "kick", "hi-hat", "tom")
    assert PITCH_OF.tolist() == [49, 51, 38, 36, 42, 50]
    for piece, pitches in enumerate(PAPER):
        assert {int(PIECE_OF[p]) for p in (*pitches, *GENERAL[piece])} == {piece}
    assert PIECE_OF[44] == -1 and (PIECE_OF >= 0).sum() == 23  # 21 of Groove's 22, and two more


def test_hits_are_kept_in_order_and_cannot_be_changed():
    made = groove((240, 0, 0), (36, 42, 38), (1, 2, 3))
    assert (
        made.tick.tolist() == [0, 0, 240]
        and made.pitch.tolist() == [38, 42, 36]
        and made.velocity.tolist() == [3, 2, 1]
    )
    with pytest.raises(ValueError):
        made.tick[0] = 5


@given(grooves())
@QUICK
def test_step_and_offset_give_the_tick_back(made):
    assert np.all((made.offset >= -0.5) & (made.offset < 0.5))
    np.testing.assert_allclose((made.step + made.offset) * made.ticks_per_beat / 4, made.tick, atol=1e-6)


def test_a_hit_half_way_belongs_to_the_later_step():
    assert groove((59, 60, 179, 180), (36,) * 4, (9,) * 4).step.tolist() == [0, 1, 1, 2]


def test_rows_have_whole_bars_of_the_groove_s_own_meter():
    assert groove(meters=((0, 6, 8),)).rows.shape == (12, 6)
    waltz = groove((0, 12 * 120), meters=((0, 3, 4),))
    assert waltz.rows.shape == (24, 6) and waltz.rows[[0, 12], [3, 2]].all() and waltz.rows.sum() == 2
    assert groove((), (), ()).rows.shape == (0, 6)


def test_the_pedal_counts_as_a_hi_hat_only_when_asked():
    pedal = groove((0,), (44,), (80,))
    assert not to_rows(pedal, 16).any()
    assert to_rows(pedal, 16, pedal=True)[0].tolist() == [False, False, False, False, True, False]


@given(st.integers(0, 2**31), st.integers(1, 40), st.floats(20, 300))
@QUICK
def test_rows_become_a_groove_and_rows_again(seed, bars, tempo):
    rows = np.random.default_rng(seed).random((16 * bars, 6)) < 0.3
    rows[-1, 0] = True
    made = from_rows(rows, tempo, name="made")
    np.testing.assert_array_equal(made.rows, rows)
    assert made.tempo == pytest.approx(tempo, rel=1e-5) and not made.offset.any()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tick": (0, -1)}, "first at -1"),
        ({"tick": (0, 120 * 100_000)}, "at most 100,000"),
        ({"pitch": (36, 128)}, "out of range"),
        ({"velocity": (0, 1)}, "out of range"),
        ({"tick": (0, 1, 2)}, "shapes"),
        ({"ticks_per_beat": 0}, "0 ticks"),
        ({"tempos": ()}, "no tempo"),
        ({"tempos": ((0, 0),)}, "absurd"),
        ({"tempos": ((0, 1),)}, "absurd"),
        ({"meters": ((0, 0, 4),)}, "0/4"),
        ({"meters": ((0, 4, 3),)}, "4/3"),
    ],
)
def test_what_no_groove_is_gets_a_sentence(wrong, words):
    with pytest.raises(LabError, match=words):
        groove(**wrong)


def test_rows_of_another_width_are_refused():
    with pytest.raises(LabError, match="shape"):
        from_rows(np.zeros((16, 5)))


# many of them -------------------------------------------------------------------------------------------------------


@given(st.lists(grooves(), max_size=5))
@QUICK
def test_packed_grooves_come_back_equal(many):
    stripped = [g for g in many if "\0" not in g.name + g.style]  # NumPy's texts cannot end in a zero
    assert unpack(pack(stripped)) == stripped


def test_arrays_that_do_not_fit_are_refused():
    packed = pack([groove()])
    with pytest.raises(LabError, match="pitch is missing"):
        unpack({key: value for key, value in packed.items() if key != "pitch"})
    with pytest.raises(LabError, match="do not fit"):
        unpack(packed | {"velocity": packed["velocity"][:1]})


def test_a_change_of_tempo_moves_the_hits_behind_it_only():
    made = groove((0, 480, 960), (36,) * 3, (1,) * 3, tempos=((0, 500_000), (480, 1_000_000)))
    np.testing.assert_allclose(times(made), [0, 0.5, 1.5])


def test_a_piece_cut_out_keeps_the_tempo_and_meter_that_hold_there():
    made = groove(
        (0, 1920, 1950, 3840), (36,) * 4, (1, 2, 3, 4), tempos=((0, 500_000), (960, 400_000), (3840, 300_000))
    )
    piece = cut(made, 1, 1)
    assert piece.tick.tolist() == [0, 30] and piece.velocity.tolist() == [2, 3]
    assert piece.tempos == ((0, 400_000), (1920, 300_000)) and piece.meters == ((0, 4, 4),)


def test_the_card_counts_bars_meters_and_styles():
    a = from_rows(np.repeat([[1, 0, 0, 0, 0, 0]], 16, 0), style="funk/one")
    two = np.zeros((48, 6), bool)
    two[0, 3] = two[32, 3] = True
    b = from_rows(two, tempo=90, style="funk")
    c = groove((0, 1), (44, 38), (1, 1), meters=((0, 6, 8),))
    card = groove_card([a, b, b, c])
    assert (card.grooves, card.hits, card.bars, card.silent, card.distinct) == (4, 22, 8, 2, 3)
    assert card.meters == {"4/4": 3, "6/8": 1} and card.styles == {"funk": 3, "unknown": 1}
    assert card.tempo == pytest.approx((90, 120), rel=1e-5) and card.left_out == pytest.approx(1 / 22)
    assert any("repeat another" in w for w in card.warnings) and any("quarter notes" in w for w in card.warnings)
    with pytest.raises(LabError, match="no groove"):
        groove_card([])
