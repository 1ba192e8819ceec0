"""Players without a network: each does what it says."""

import numpy as np
import pytest

from workbench.labs.drums.common.drumroll import BAR, WIDTH
from workbench.labs.drums.common.players import (
    BITS,
    ROWS,
    BarChain,
    Coin,
    Copy,
    Ngram,
    row_numbers,
    tempered,
    whole_bars,
)


def bar(seed):
    return np.random.default_rng(seed).random((BAR, WIDTH)) < 0.3


A, B, C = bar(1), bar(2), bar(3)
GROOVE = np.concatenate([A, B, A, B, A, C, A, B])


@pytest.mark.parametrize("player", [Coin(), Copy(), BarChain([GROOVE]), Ngram([GROOVE])], ids=lambda p: p.name)
def test_a_player_gives_as_many_bars_as_are_asked_for_and_the_same_for_the_same_seed(player):
    first, again = (np.stack([*player.continue_(GROOVE[: 2 * BAR], 5, seed=4)]) for _ in range(2))
    assert first.shape == (5, BAR, WIDTH) and first.dtype == bool and (first == again).all()


def test_rows_are_numbers_and_back():
    assert (row_numbers(ROWS) == np.arange(64)).all() and BITS[0] == 32
    assert (whole_bars(GROOVE[:-1]) == whole_bars(GROOVE)[:7]).all()


def test_the_copyist_repeats_the_last_two_bars():
    found = [*Copy().continue_(np.concatenate([C, A, B]), 4)]
    assert all((got == wanted).all() for got, wanted in zip(found, (A, B, A, B), strict=True))


def test_the_coin_hits_half_of_the_cells():
    assert np.mean([*Coin().continue_(GROOVE, 60)]) == pytest.approx(0.5, abs=0.02)


def test_the_chain_follows_what_followed_and_repeats_a_bar_it_never_saw():
    chain = BarChain([GROOVE])
    after_a = [next(chain.continue_(A, 1, seed=s, temperature=1.0)) for s in range(400)]
    assert np.mean([(b == B).all() for b in after_a]) == pytest.approx(3 / 4, abs=0.06)
    assert all((b == B).all() or (b == C).all() for b in after_a)
    assert all((b == C).all() or (b == A).all() for b in chain.continue_(C, 1))
    strange = bar(9)
    assert (next(chain.continue_(strange, 1)) == strange).all()


def test_the_ngram_goes_on_with_the_longest_stretch_it_has_seen_and_backs_off_to_the_place():
    ngram = Ngram([GROOVE])
    assert (next(ngram.continue_(np.concatenate([A, B]), 1)) == A).all()  # after B comes A alone
    strange = np.ones((2 * BAR, WIDTH), bool)
    found = next(ngram.continue_(strange, 1, seed=1))
    seen = {i: {row_numbers(x)[i] for x in (A, B, C)} for i in range(BAR)}
    assert row_numbers(found)[0] in seen[0]  # nothing it knows of came before: the place alone counts


def test_an_empty_ngram_is_silent():
    assert not next(Ngram([]).continue_(A, 1)).any()


@pytest.mark.parametrize(("top_p", "kept"), [(1.0, 3), (0.6, 2), (0.45, 1)])
def test_top_p_keeps_the_likeliest(top_p, kept):
    assert (tempered(np.array([1.0, 2.0, 3.0]), 1.0, top_p=top_p) > 0).sum() == kept
