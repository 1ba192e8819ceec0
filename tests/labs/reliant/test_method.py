"""The method: propagation as torch-geometric does it, proxies, the smooth step, and gaps as fairlearn tells them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.labs.reliant.common.measures import (
    auc,
    evaluated,
    opportunity_gap,
    parity_gap,
    quantized,
    rates,
    reweighing,
)
from workbench.labs.reliant.method.jobs import Arm, make_proxies, make_student, recipe_for
from workbench.labs.reliant.method.model import (
    Features,
    Gcn,
    Plp,
    Sage,
    bias_loss,
    mean_of_neighbors,
    smooth_step,
    symmetric,
)
from workbench.labs.reliant.method.training import Task, distill
from workbench.labs.reliant.params import LEAKY, Params

PEERS = json.loads(Path(__file__).with_name("peers.json").read_text())
LAYERS = PEERS["layers"]
X = torch.tensor(LAYERS["x"])
EDGES = torch.tensor(LAYERS["edges"])
N = len(X)


def made(kind):
    return torch.tensor(LAYERS["made"][kind]), [torch.tensor(w) for w in LAYERS["weights"][kind]]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# propagation -----------------------------------------------------------------------------------------------------


def test_gcn_and_sgc_propagate_as_torch_geometric():
    gcn, (weight, bias) = made("gcn")
    assert torch.allclose(symmetric(EDGES, N) @ (X @ weight.T) + bias, gcn, atol=1e-5)
    sgc, (weight, bias) = made("sgc")
    assert torch.allclose(Features(X, EDGES).twice(None) @ weight.T + bias, sgc, atol=1e-5)


def test_sage_takes_the_mean_of_the_neighbors_as_torch_geometric():
    sage, (own, bias, near) = made("sage")
    assert torch.allclose(X @ own.T + bias + (mean_of_neighbors(EDGES, N) @ X) @ near.T, sage, atol=1e-5)


def test_a_layers_networks_are_built_from_those_propagations():
    features, dense = Features(X, EDGES), symmetric(EDGES, N).rows.to_dense()
    net = Gcn(5, 8, 3, 0.0, generator())
    h = torch.relu(dense @ X @ net.layers[0].weight.T)
    h = torch.relu(dense @ h @ net.layers[1].weight.T)
    assert torch.allclose(net(features)[0], dense @ h @ net.layers[2].weight.T, atol=1e-5)  # biases start at 0
    both = Sage(5, 8, 2, 0.0, generator())
    mean = mean_of_neighbors(EDGES, N).rows.to_dense()
    h = torch.relu(X @ both.own[0].weight.T + mean @ X @ both.near[0].weight.T)
    assert torch.allclose(both(features)[0], h @ both.own[1].weight.T + mean @ h @ both.near[1].weight.T, atol=1e-5)


def test_gradients_flow_back_through_an_asymmetric_matrix():
    matrix = mean_of_neighbors(EDGES, N)
    x = X.clone().requires_grad_()
    (matrix @ x).square().sum().backward()
    dense = matrix.rows.to_dense()
    assert torch.allclose(x.grad, 2 * dense.T @ dense @ X, atol=1e-5)


# proxies ---------------------------------------------------------------------------------------------------------


def test_proxies_are_appended_and_no_attribute_is_overwritten():
    """The released CPF code writes them over the last two attributes."""
    features, proxies = Features(X, EDGES), torch.rand(N, 2)
    wide = features.plain(proxies)
    assert wide.shape == (N, 7) and torch.equal(wide[:, :5], X) and torch.equal(wide[:, 5:], proxies)
    assert torch.equal(features.twice(proxies)[:, :5], features.twice(None))
    assert torch.equal(features.averaged(proxies)[:, :5], features.averaged(None))


def test_one_row_for_all_is_what_propagating_a_constant_column_gives():
    features, row = Features(X, EDGES), torch.tensor([[0.3, 0.7]])
    for way in (features.plain, features.twice, features.averaged):
        assert torch.allclose(way(row), way(row.repeat(N, 1)), atol=1e-6)


def test_a_graph_without_a_feature_is_the_graph_of_the_others():
    features = Features(X, EDGES)
    features.twice(None), features.averaged(None)
    fresh = Features(X[:, [0, 1, 3, 4]], EDGES)
    assert torch.allclose(features.without(2).twice(None), fresh.twice(None))
    assert torch.allclose(features.without(2).averaged(None), fresh.averaged(None))


def test_label_propagation_is_a_softmax_over_the_neighbors_and_itself():
    features, known = Features(X, EDGES), torch.arange(6)
    net = Plp(5, 4, 1, known, torch.arange(N) % 2, generator())
    mask = torch.zeros(N, N, dtype=torch.bool)
    mask[EDGES[:, 0], EDGES[:, 1]] = mask[EDGES[:, 1], EDGES[:, 0]] = True
    mask |= torch.eye(N, dtype=torch.bool)
    scores = net.sender(X)[:, 0].expand(N, N).masked_fill(~mask, -torch.inf)
    taken = torch.softmax(scores, 1) @ net.start
    opinion = net.last(torch.relu(net.first(X)))
    assert torch.allclose(net(features)[0], torch.relu(0.5 * taken + 0.5 * opinion), atol=1e-5)


# the bias loss ---------------------------------------------------------------------------------------------------


def test_the_smooth_steps_are_those_of_the_code_and_of_legendre():
    p = torch.tensor([0.0, 0.5, 1.0])
    x = 2 * torch.linspace(0, 1, 11) - 1
    theirs = 1 / 2 + x / 2 - (5 * x**3 - 3 * x) / 16 + (63 * x**5 - 70 * x**3 + 15 * x) / 128
    theirs = theirs - 5 / 128 / 16 * (429 * x**7 - 693 * x**5 + 315 * x**3 - 35 * x)
    theirs = theirs + 7 / 256 / 128 * (12155 * x**9 - 25740 * x**7 + 18018 * x**5 - 4620 * x**3 + 315 * x)
    assert torch.allclose(smooth_step(torch.linspace(0, 1, 11), "released"), theirs, atol=1e-5)
    assert smooth_step(p, "released").tolist() == pytest.approx([0.074, 0.5, 0.926], abs=1e-3)
    at = torch.linspace(0, 1, 1001)
    true = smooth_step(at, "legendre")
    step = (at > 0.5).float()
    assert (true - step).square().mean() < (smooth_step(at, "released") - step).square().mean()  # the best fit there is
    assert float(true.max()) > 1.1 and float(smooth_step(at, "released").max()) < 0.93


def test_the_bias_loss_is_the_squared_gap_of_both_classes_and_nothing_for_an_empty_group():
    logits = torch.randn(10, 2, generator=generator(), requires_grad=True)
    a, b = torch.arange(4), torch.arange(4, 10)
    u = smooth_step(torch.softmax(logits, 1), "sigmoid")
    assert bias_loss(logits, (a, b), "sigmoid").item() == pytest.approx(
        (u[a].mean(0) - u[b].mean(0)).square().sum().item()
    )
    empty = bias_loss(logits, (a, a[:0]), "released")
    empty.backward()
    assert empty.item() == 0 and not logits.grad.any()


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    n = 300
    s = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 4)) + np.c_[1.5 * s, np.zeros((n, 3))]
    y = (x[:, 0] + x[:, 1] > 0.75).astype(int)
    edges = rng.integers(0, n, (900, 2))
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], 1), axis=0)
    rows = torch.as_tensor(rng.permutation(n))
    tensors = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(edges)
    return Task(Features(*tensors), torch.as_tensor(y), torch.as_tensor(s), rows[:150], rows[150:200], rows[200:])


def student_of(task, arm, seed=0):
    params = Params.make(epochs=40, rate=0.03)
    arm = Arm("gcn", "sgc", arm, 0 if arm == "kd" else 100, "sp")
    proxies = make_proxies(arm.arm, len(task.features), params, generator(seed))
    student = make_student("sgc", task.features, 0 if proxies is None else 2, task, params, generator(seed))
    teacher = torch.stack([torch.zeros(len(task.y)), 6.0 * task.y - 3], 1), torch.zeros(len(task.y), 4)
    looks = []
    steps = distill(
        student, proxies, None, teacher, task, recipe_for(arm, task, params), lambda e: generator(e), "cpu", None,
        lambda e, p: looks.append(p.clone()),
    )  # fmt: skip
    list(steps)
    with torch.no_grad():
        logits, _ = student(task.features, None, student.mean_proxy)
    found = evaluated(torch.softmax(logits, 1)[:, 1].numpy(), task.y.numpy(), task.s.numpy())
    return found, student, proxies, looks


def test_the_bias_loss_lowers_the_gap_and_the_mean_proxy_is_kept_with_the_weights(task):
    kd, plain, _, _ = student_of(task, "kd")
    fair, student, proxies, looks = student_of(task, "reliant")
    assert plain.mean_proxy is None and abs(fair["sp"]) < 0.6 * abs(kd["sp"])
    assert proxies.shape == (300, 2) and len(looks) == 40 and not torch.equal(looks[0], proxies)
    means = [look.mean(0, keepdim=True) for look in [*looks, proxies]]
    assert any(
        torch.allclose(student.mean_proxy, mean, atol=1e-6) for mean in means
    )  # of the epoch of the best weights


def test_constant_columns_are_never_trained(task):
    _, student, proxies, looks = student_of(task, "const")
    assert (proxies == 0.5).all() and not looks and torch.equal(student.mean_proxy, proxies)


def test_the_bias_loss_sees_training_nodes_only_unless_told_otherwise(task):
    arm = Arm("gcn", "plp", "reliant", 10, "eo")
    fair = recipe_for(arm, task, Params.make())
    assert torch.equal(fair.bias_rows, task.train) and torch.equal(fair.proxy_rows, task.train)
    leaky = recipe_for(arm, task, Params.make(labels=LEAKY))
    assert set(task.test.tolist()) <= set(leaky.bias_rows.tolist()) and not set(task.train.tolist()) & set(
        leaky.bias_rows.tolist()
    )
    groups = task.groups(task.train, "eo")
    assert all((task.y[rows] == 1).all() and (task.s[rows] == v).all() for v, rows in enumerate(groups))


# measures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", PEERS["fair"], ids=lambda c: f"{len(c['y'])}-{np.mean(c['hit']):.1f}")
def test_gaps_are_fairlearns(case):
    hit, y, s = (np.array(case[k]) for k in ("hit", "y", "s"))
    found = rates(hit, y, s)
    assert abs(parity_gap(found)) == pytest.approx(case["sp"], abs=1e-12)
    if all(((s == v) & (y == 1)).any() for v in (0, 1)):
        assert abs(opportunity_gap(found)) == pytest.approx(case["eo"], abs=1e-12)
    else:  # fairlearn counts the rate of nobody as 0; ours is not a number
        assert np.isnan(opportunity_gap(found)) and case["eo"] == np.nanmax([found["tpr 0"], found["tpr 1"]])


def test_a_group_without_that_label_has_no_rate():
    found = rates(np.array([1, 0, 1]), np.array([0, 0, 1]), np.array([0, 0, 1]))
    assert np.isnan(found["tpr 0"]) and found["selection 0"] == 0.5 and np.isnan(opportunity_gap(found))
    assert np.isnan(parity_gap(rates(np.array([1]), np.array([1]), np.array([1]))))


def test_auc_bytes_and_weights():
    rng = np.random.default_rng(0)
    p, y, s = rng.random(500).round(1), rng.integers(0, 2, 500), rng.integers(0, 2, 500)
    higher = (p[y == 1][:, None] > p[y == 0]).mean() + 0.5 * (p[y == 1][:, None] == p[y == 0]).mean()
    assert auc(p, y) == pytest.approx(higher)
    assert (quantized(np.array([0.0, 0.4999, 0.5, 1.0])) >= 128).tolist() == [False, False, True, True]
    weight = reweighing(y, s)
    joint = [[weight[(y == a) & (s == b)].sum() for b in (0, 1)] for a in (0, 1)]
    assert np.linalg.matrix_rank(np.array(joint), tol=1e-8) == 1  # independent once weighed
