"""RS: the published rates, the invariances of the reconstruction, its null, its gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs, make_circles, make_moons

from workbench.contract.errors import LabError
from workbench.labs.rs.method.model import (
    PREPARATIONS,
    VARIANTS,
    class_coding_rate,
    coding_rate,
    prepare,
    rs,
    rs_local,
    separability,
)


def value(X, y, **options):
    return rs(X, y, null=0, **options).value


@st.composite
def labeled_tables(draw):
    """Random tables with up to 5 classes of any size, duplicates included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d, classes = draw(st.integers(4, 40)), draw(st.integers(1, 8)), draw(st.integers(2, 5))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 3)
    if draw(st.booleans()):
        X = X[rng.integers(0, n // 2, n)]
    y = rng.integers(0, classes, n)
    y[:2] = 0, 1
    return X, y


# --- the coding rates -------------------------------------------------------------------------------------------------


def test_coding_rate_is_the_formula():
    Z = torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direct = 0.5 * torch.logdet(torch.eye(4) + 4 / (30 * 0.3**2) * Z.T @ Z) / np.log(2)
    assert coding_rate(Z, 0.3) == pytest.approx(float(direct), abs=1e-12)


def test_coding_rate_of_one_unit_direction():
    Z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert float(coding_rate(Z, 1.0)) == pytest.approx(0.5 * np.log2(3))  # det(I + 2/2 diag(2, 0)) = 3


def test_both_gram_matrices_give_the_same_rate():
    Z = torch.randn(7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wide = torch.cat([Z, torch.zeros(7, 5, dtype=torch.float64)], 1)  # 7 x 12: the sample side is the smaller
    scaled = torch.eye(12) + 12 / 7 / 0.25 * wide.T @ wide
    assert float(coding_rate(wide, 0.5)) == pytest.approx(float(torch.logdet(scaled)) / 2 / np.log(2), abs=1e-12)


def test_class_rate_is_the_weighted_sum_over_classes():
    Z = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    y = torch.tensor([0] * 5 + [1] * 15)
    for center in (True, False):
        parts = [Z[y == j] - (Z[y == j].mean(0) if center else 0) for j in (0, 1)]
        direct = 5 / 20 * coding_rate(parts[0], 0.5) + 15 / 20 * coding_rate(parts[1], 0.5)
        assert float(class_coding_rate(Z, y, 0.5, center)) == pytest.approx(float(direct), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(labeled_tables(), st.booleans())
def test_labelings_at_once_equal_one_by_one(table, center):
    X, y = table
    Z, rng = prepare(X), np.random.default_rng(0)
    Y = torch.as_tensor(np.stack([rng.permutation(y) for _ in range(4)]))
    single = [float(class_coding_rate(Z, row, 0.5, center)) for row in Y]
    assert class_coding_rate(Z, Y, 0.5, center).tolist() == pytest.approx(single, abs=1e-9)


def test_class_of_one_sample_has_rate_zero():
    X = np.random.default_rng(0).normal(size=(10, 3))
    assert rs(X, [0] * 9 + [1], null=0).per_class[1] == 0


# --- RS ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(labeled_tables(), st.floats(0.05, 2))
def test_rs_is_a_share(table, eps):
    assert -1e-9 <= value(*table, eps=eps) <= 1


@settings(max_examples=60, deadline=None)
@given(labeled_tables(), st.integers(0, 1000), st.floats(-50, 50), st.floats(0.01, 100))
def test_rs_ignores_rotation_translation_scale_and_names(table, seed, shift, scale):
    X, y = table
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(X.shape[1],) * 2))[0]
    size = np.abs(X).max()
    moved = scale * (X @ rotation + shift * size)
    names = np.array(["pear", "fig", "apple", "date", "elder"])[y]
    assert value(moved, names) == pytest.approx(value(X, y), abs=1e-7)


def test_delta_is_the_gap_and_ratio_its_share():
    X, y = make_moons(200, noise=0.1, random_state=0)
    result = rs(X, y, null=0)
    assert result.value == pytest.approx(1 - result.Rc / result.R)
    assert value(X, y, variant="delta") == pytest.approx(result.R - result.Rc)


def test_length_variant_is_the_formula():
    X, y = make_moons(60, noise=0.1, random_state=0)
    Z = prepare(X).numpy()

    def length(P, eps=0.5):
        n, d = P.shape
        mu = P.mean(0)
        spread = np.linalg.slogdet(np.eye(d) + d / (eps**2 * n) * (P - mu).T @ (P - mu))[1] / np.log(2)
        return (n + d) / 2 * spread + d / 2 * np.log2(1 + mu @ mu / eps**2)

    direct = 1 - (length(Z[y == 0]) + length(Z[y == 1])) / length(Z)
    assert value(X, y, variant="length") == pytest.approx(direct, abs=1e-12)


@pytest.mark.parametrize("prep", PREPARATIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_constant_and_wide_data_are_defined(prep, variant):
    y = [0, 0, 1, 1]
    assert np.isfinite(value(np.ones((4, 3)), y, prep=prep, variant=variant))
    assert np.isfinite(value(np.random.default_rng(0).normal(size=(4, 50)), y, prep=prep, variant=variant))


def test_measured_values_of_graded_blobs():
    """Anchors of the pilot: two blobs 10 apart, std .5 to 10."""
    for std, frob, by_feature in ((0.5, 0.937, 0.489), (10, 0.068, 0.066)):
        X, y = make_blobs(1000, centers=[[-5, 0], [5, 0]], cluster_std=std, random_state=0)
        assert value(X, y) == pytest.approx(frob, abs=5e-4)
        assert value(X, y, prep="std") == pytest.approx(by_feature, abs=5e-4)


def test_measured_values_of_classic_sets():
    """Anchors of the pilot whose recipe is known: moons .249, circles .080 (factor .5)."""
    assert value(*make_moons(1000, noise=0.05, random_state=0)) == pytest.approx(0.249, abs=5e-4)
    assert value(*make_circles(1000, factor=0.5, noise=0.05, random_state=0)) == pytest.approx(0.080, abs=5e-4)


def test_without_class_centers_means_are_invisible():
    X, _ = make_blobs(200, centers=[[5, 0]], random_state=0)
    X, y = np.concatenate([X, -X]), np.repeat([0, 1], 200)
    assert value(X, y, prep="unit", center=False) == pytest.approx(0, abs=1e-12)
    assert value(X, y) > 0.5


# --- the null ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d", "bias"), [(50, 64, 0.27), (200, 64, 0.078), (1000, 64, 0.014), (200, 2, 0.006)])
def test_bias_of_random_labels_and_its_correction(n, d, bias):
    rng = np.random.default_rng(0)
    result = rs(rng.normal(size=(n, d)), rng.integers(0, 2, n), null=50)
    assert result.null_mean == pytest.approx(bias, abs=0.012)
    assert abs(result.adjusted) < 0.02
    assert result.null_lo <= result.null_mean <= result.null_hi


def test_adjusted_rs_of_random_labels_scatters_around_zero():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 10))
    adjusted = [rs(X, rng.permutation(np.repeat([0, 1], 50)), null=20, rng=s).adjusted for s in range(30)]
    assert min(adjusted) < 0 < max(adjusted)
    assert abs(np.mean(adjusted)) < 0.01


def test_same_seed_same_numbers_and_no_null_is_nan():
    X, y = make_moons(100, noise=0.2, random_state=0)
    assert rs(X, y, rng=3) == rs(X, y, rng=np.random.default_rng(3))
    assert rs(X, y, rng=3).null_mean != rs(X, y, rng=4).null_mean
    assert np.isnan(rs(X, y, null=0).adjusted)


# --- RS-local ---------------------------------------------------------------------------------------------------------


def test_local_form_sees_what_one_gaussian_cannot():
    X, y = make_circles(1000, factor=0.5, noise=0.05, random_state=0)
    adjusted = [rs_local(X, y, components).adjusted for components in (1, 4, 16)]
    assert adjusted[0] < 0.1 < adjusted[1] < adjusted[2]
    assert adjusted[2] > 0.95


def test_local_form_of_one_component_is_rs_and_of_noise_nothing():
    X, y = make_moons(200, noise=0.1, random_state=0)
    assert rs_local(X, y, 1, null=0).value == pytest.approx(value(X, y), abs=1e-12)
    rng = np.random.default_rng(0)
    assert abs(rs_local(rng.normal(size=(500, 2)), rng.integers(0, 2, 500), 8).adjusted) < 0.02


# --- torch ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(12, 3), (6, 9)])
def test_gradient(variant, shape):
    X = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = torch.arange(shape[0]) % 3
    assert torch.autograd.gradcheck(lambda X: separability(prepare(X), y, 0.5, True, variant), (X,))


def test_rs_rises_when_it_is_the_loss():
    X, y = make_moons(100, noise=0.2, random_state=0)
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    W = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = separability(prepare(X @ W), y)
    for _ in range(20):
        (gradient,) = torch.autograd.grad(1 - separability(prepare(X @ W), y), W)
        W = (W - 0.5 * gradient).detach().requires_grad_()
    assert separability(prepare(X @ W), y) > before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="GPU: none here")
def test_gpu_gives_the_same_number():
    X, y = make_moons(200, noise=0.1, random_state=0)
    assert rs(X, y, device="cuda").value == pytest.approx(value(X, y), abs=1e-12)


# --- errors in words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "options", "cause"),
    [
        ([[1.0, np.nan], [0, 1]], [0, 1], {}, "missing"),
        ([[1.0, 2], [0, 1]], [1, 1], {}, "only one class"),
        ([[1.0, 2], [0, 1]], [1, 1, 2], {}, "2 samples"),
        ([[1.0, 2], [0, 1]], [0.0, np.nan], {}, "labels are missing"),
        ([1.0, 2], [0, 1], {}, "shape"),
        ([[1.0, 2], [0, 1]], [0, 1], {"prep": "x"}, "no preparation"),
        ([[1.0, 2], [0, 1]], [0, 1], {"variant": "x"}, "no variant"),
        ([[1.0, 2], [0, 1]], [0, 1], {"eps": 0}, "eps"),
    ],
)
def test_errors_say_the_cause(X, y, options, cause):
    with pytest.raises(LabError, match=cause):
        rs(np.array(X), np.array(y), **options)


def test_more_cells_than_samples_is_an_error():
    with pytest.raises(LabError, match="components"):
        rs_local(np.eye(3), [0, 1, 1], components=4)
