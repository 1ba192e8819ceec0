"""Defenses: on a victim that really has a backdoor and on its clean twin; on sets, against what they should equal."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.contract.errors import LabError
from workbench.labs.doorping.method.defenses import abs_scan, detection_rate, fine_pruned, strip, strip_auc
from workbench.labs.doorping.method.detectors import (
    activation_clustering,
    features,
    isolation,
    out_of_range,
    spectral,
)
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.method.neural_cleanse import anomaly, neural_cleanse
from workbench.labs.doorping.method.triggers import Pixels, fixed, square, stamp

SHAPE, CLASSES, TARGET = (1, 16, 16), 8, 3
# white is far above what images show, as in pictures of clothes or digits: so STRIP's blend does not drown it
PIXELS, MASK = Pixels.of(torch.tensor([0.5]), torch.tensor([0.15])), square(16, 3)
TRIGGER = fixed(PIXELS, MASK)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def data(n, seed):
    """Blobs: each class has a smooth random picture of its own, under noise."""
    means = F.interpolate(torch.randn(CLASSES, 1, 4, 4, generator=seeded(7)), SHAPE[1:], mode="bilinear") / 2
    labels = torch.arange(n) % CLASSES
    return PIXELS.clip(means[labels] + torch.randn(n, *SHAPE, generator=seeded(seed)) / 2), labels


def trained(share):
    torch.manual_seed(1)
    network = make_network("mlp", SHAPE, CLASSES, hidden=16)
    images, labels = data(1600, 1)
    some = torch.randperm(len(images), generator=seeded())[: int(share * len(images))]
    images[some], labels[some] = stamp(images[some], TRIGGER, MASK), TARGET
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for epoch in range(12):
        for batch in torch.randperm(len(images), generator=seeded(epoch)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()
    return network


@pytest.fixture(scope="module")
def victim():
    return trained(0.2)


@pytest.fixture(scope="module")
def twin():
    return trained(0.0)


@pytest.fixture(scope="module")
def clean():
    return data(400, 2)


@pytest.fixture(scope="module")
def found(victim, clean):
    return neural_cleanse(victim, clean[0], PIXELS, CLASSES, seeded(), steps=200)


def hit(network, images, labels):
    """Return the share of images of other classes that are taken for the target."""
    return float((network(images[labels != TARGET]).argmax(1) == TARGET).float().mean())


def test_the_victim_has_a_backdoor_and_its_twin_has_none(victim, twin, clean):
    images, labels = clean
    stamped = stamp(images, TRIGGER, MASK)
    assert hit(victim, stamped, labels) > 0.95 > 0.05 > hit(victim, images, labels)
    assert hit(twin, stamped, labels) < 0.3
    for network in (victim, twin):
        assert float((network(images).argmax(1) == labels).float().mean()) > 0.95


def test_neural_cleanse_flags_the_target_first_and_nothing_in_the_twin(found, twin, clean):
    assert found.flagged[:1] == (TARGET,) and int(found.norms.argmin()) == TARGET
    assert float(found.index[TARGET]) == float(found.index.max()) > 2
    assert neural_cleanse(twin, clean[0], PIXELS, CLASSES, seeded(), steps=200).flagged == ()


def test_found_triggers_are_valid_pictures_that_work_and_lie_where_the_trigger_is(found, victim, clean):
    images, labels = clean
    assert torch.allclose(found.patterns, PIXELS.clip(found.patterns), atol=1e-5)
    assert float(found.masks.min()) >= 0 and float(found.masks.max()) <= 1
    mask, pattern = found.masks[TARGET], found.patterns[TARGET]
    mixed = (1 - mask) * images + mask * pattern
    share = float((victim(mixed).argmax(1) == TARGET).float().mean())
    assert share == pytest.approx(float(found.success[TARGET])) and share > 0.9
    assert float(mask[MASK[0].bool()].mean()) > 3 * float(mask[~MASK[0].bool()].mean())
    assert torch.allclose(found.norms, found.masks.sum((1, 2)))


def cleansed_alone(network, images, c, steps, batch):
    """Return the least mask (16, 16) of one class, searched by itself, from the same numbers."""
    generator = seeded(4)
    start = [torch.rand(CLASSES, 1, 16, 16, generator=generator)[c] for _ in range(2)]
    free = [torch.atanh((2 * u - 1) * (1 - 1e-6)).requires_grad_() for u in start]
    optimizer = torch.optim.Adam(free, lr=0.1, betas=(0.5, 0.9))
    cost, streak, best, kept = 1e-3, 0, torch.inf, None
    for _ in range(steps):
        x = images[torch.randperm(len(images), generator=generator)[:batch]]
        mask, part = (t.tanh() / 2 + 0.5 for t in free)
        logits = network((1 - mask) * x + mask * (PIXELS.black + part * (PIXELS.white - PIXELS.black)))
        works = float((logits.argmax(1) == c).float().mean()) >= 0.98
        if (works and float(mask.detach().sum()) < best) or best == torch.inf:
            kept, best = mask.detach().clone(), float(mask.detach().sum()) if works else best
        loss = F.cross_entropy(logits, torch.full((len(x),), c)) + cost * mask.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        streak = (max(streak, 0) + 1) if works else (min(streak, 0) - 1)
        if abs(streak) == 5:
            cost, streak = cost * (2 if works else 2**-1.5), 0
    return kept[0]


def test_neural_cleanse_of_all_classes_at_once_equals_that_of_each_alone(victim, clean):
    found = neural_cleanse(victim, clean[0], PIXELS, CLASSES, seeded(4), steps=150, batch=16)
    for c in (0, TARGET):
        assert torch.allclose(found.masks[c], cleansed_alone(victim, clean[0], c, 150, 16), atol=1e-3)
    again = neural_cleanse(victim, clean[0], PIXELS, CLASSES, seeded(4), steps=150, batch=16)
    assert torch.equal(found.masks, again.masks) and torch.equal(found.patterns, again.patterns)


def test_own_images_do_not_count_towards_success_when_labels_are_known(twin, clean):
    images, labels = clean
    plain = neural_cleanse(twin, images, PIXELS, CLASSES, seeded(), steps=1)
    told = neural_cleanse(twin, images, PIXELS, CLASSES, seeded(), labels=labels, steps=1)
    others = [
        (twin((1 - m) * images[labels != c] + m * p).argmax(1) == c).float().mean()
        for c, (m, p) in enumerate(zip(told.masks, told.patterns, strict=True))
    ]
    assert torch.allclose(told.success, torch.stack(others)) and not torch.allclose(told.success, plain.success)


def test_a_class_without_a_working_mask_is_not_flagged(twin, clean):
    deaf = copy.deepcopy(twin)
    with torch.no_grad():
        deaf.outer.weight[TARGET], deaf.outer.bias[TARGET] = 0, -1e4
    assert float(neural_cleanse(deaf, clean[0], PIXELS, CLASSES, seeded(), steps=30).success[TARGET]) == 0
    # after one step nothing works yet, though first masks differ enough by chance
    early = [neural_cleanse(deaf, clean[0], PIXELS, CLASSES, seeded(k), steps=1) for k in range(10)]
    assert any(((f.index > 2) & (f.norms < f.norms.quantile(0.5))).any() for f in early)
    assert not any(f.flagged for f in early)


def test_the_anomaly_index_is_the_distance_in_deviations():
    norms = torch.tensor([1.0, 9.0, 10.0, 11.0, 14.0])  # median 10, distances 9 1 0 1 4: their median is 1
    assert torch.allclose(anomaly(norms), torch.tensor([9.0, 1.0, 0.0, 1.0, 4.0]) / 1.4826)
    assert torch.isfinite(anomaly(torch.ones(5))).all()


def test_the_scan_finds_a_unit_that_was_made_to_decide(twin, clean):
    before = abs_scan(twin, clean[0])
    planted = copy.deepcopy(twin)
    with torch.no_grad():
        planted.outer.weight[TARGET, 5] = 10 * twin.outer.weight.abs().max()
        planted.inner.weight[5], planted.inner.bias[5] = 0, -1  # asleep on all clean images
    found = abs_scan(planted, clean[0])
    assert (found.unit, found.cls) == (5, TARGET)
    assert found.score > 2 * before.score and found.score > 0.5


def test_the_scan_equals_one_that_raises_units_one_by_one(twin, clean):
    images = clean[0][:50]
    with torch.no_grad():
        active = twin.units(images).relu()
        wanted = torch.zeros(16, CLASSES)
        for unit in range(16):
            for part in (0.5, 1.0, 1.5):
                raised = active.clone()
                raised[:, unit] = part * active.max()
                wanted[unit] += twin.outer(raised).softmax(1).quantile(0.2, 0) / 3
        wanted -= twin(images).softmax(1).quantile(0.2, 0)
    assert torch.allclose(abs_scan(twin, images, reach=1.5, values=3, nearly=0.8).lift, wanted, atol=1e-5)


def test_strip_tells_stamped_images_from_clean_ones_in_the_victim_alone(victim, twin, clean):
    images = clean[0]
    stamped = stamp(images[:100], TRIGGER, MASK)
    entropies = lambda net: (strip(net, x, images[200:], seeded()) for x in (images[100:200], stamped))  # noqa: E731
    calm, odd = entropies(victim)
    assert calm.shape == (100,) and strip_auc(calm, odd) > 0.9 and detection_rate(calm, odd) > 0.5
    assert strip_auc(*entropies(twin)) < strip_auc(calm, odd) - 0.1
    assert float(calm.min()) >= 0 and float(calm.max()) <= 3  # bits, of 8 classes


def test_strip_is_the_mean_entropy_over_overlays(victim, clean):
    images, over = clean[0][:3], clean[0][9:10]
    share = victim(0.75 * images + 0.25 * over).softmax(1).double()
    wanted = -(share * share.log2()).nan_to_num().sum(1)
    assert torch.allclose(strip(victim, images, over, seeded(), n=7, alpha=0.25).double(), wanted, atol=1e-4)


def test_the_detection_rate_allows_for_false_alarms():
    calm = torch.arange(100.0)
    assert detection_rate(calm, torch.tensor([1.0, 4.0, 5.0, 50.0]), 0.05) == 0.5  # the quantile is 4.95
    assert detection_rate(calm, calm) == pytest.approx(0.05)
    assert strip_auc(calm, calm - 1000) == 1 and strip_auc(calm, calm) == 0.5


def test_fine_pruning_copies_and_ends_in_constant_logits(victim, clean):
    images = clean[0]
    kept = {k: v.clone() for k, v in victim.state_dict().items()}
    networks = dict(fine_pruned(victim, images))
    assert list(networks) == list(range(17))
    assert all(torch.equal(v, kept[k]) for k, v in victim.state_dict().items())
    assert torch.equal(networks[0](images), victim(images))
    assert torch.allclose(networks[16](images), victim.outer.bias.expand(len(images), -1))
    assert [n for n, _ in fine_pruned(victim, images, 3)] == [0, 5, 11, 16]
    # quietest first
    active = victim.units(images).relu().mean(0).argsort()
    for n in (1, 6):
        assert set(active[:n].tolist()) == set(networks[n].inner.weight.abs().sum(1).eq(0).nonzero()[:, 0].tolist())


def test_spectral_scores_equal_a_plain_decomposition():
    rows, labels = torch.randn(60, 12, generator=seeded()), torch.arange(60) % 3
    wanted = np.zeros(60)
    for c in range(3):
        some = rows[labels == c].double().numpy()
        some = some - some.mean(0)
        top = np.linalg.svd(some)[2][0]
        wanted[(labels == c).numpy()] = [float(row @ top) ** 2 for row in some]
    assert np.allclose(spectral(rows, labels).numpy(), wanted, rtol=1e-3, atol=1e-4)
    rows[6] += 10
    assert int(spectral(rows, labels).argmax()) == 6
    assert float(spectral(rows[:1], labels[:1])) == 0


def test_clusters_are_flagged_where_a_part_of_a_class_is_apart():
    rows, labels = torch.randn(120, 20, generator=seeded()), torch.arange(120) % 3
    apart = (labels == 1).nonzero()[:8, 0]
    rows[apart] += 4
    plain, odd, last = activation_clustering(rows, labels, seeded())
    assert [c.cls for c in (plain, odd, last)] == [0, 1, 2]
    assert odd.flagged and odd.share == pytest.approx(0.2) and odd.silhouette > 0.5
    assert not plain.flagged and not last.flagged
    assert activation_clustering(rows, labels, seeded())[1] == odd
    rows[(labels == 2).nonzero()[::2, 0]] += 9  # two halves are two kinds of picture
    halves = activation_clustering(rows, labels, seeded())[2]
    assert halves.share == 0.5 and halves.silhouette > 0.5 and not halves.flagged


def test_classes_too_small_or_all_the_same_are_not_clustered():
    small = activation_clustering(torch.randn(4, 5, generator=seeded()), torch.tensor([0, 0, 1, 1]), seeded())
    same = activation_clustering(torch.ones(8, 5), torch.zeros(8), seeded())
    assert all(np.isnan(c.silhouette) and np.isnan(c.share) and not c.flagged for c in small + same)


def test_isolation_finds_the_odd_image_and_keeps_the_order_of_a_set():
    images = 0.1 * torch.randn(4, 10, 1, 8, 8, generator=seeded())
    images[2, 3] += 2
    scores = isolation(images, seeded())
    assert scores.shape == (40,) and int(scores.argmax()) == 23
    assert torch.equal(scores, isolation(images.flatten(0, 1), seeded()))


def test_the_range_check_counts_pixels_and_forgives_rounding():
    pixels = Pixels.of(torch.tensor([0.5, 0.5, 0.5]), torch.tensor([0.25, 0.25, 0.5]))
    images = torch.zeros(2, 3, 4, 4)
    assert out_of_range(images, pixels) == 0
    images[0, :2, 0, 0], images[1, 2, 1, 1] = 2.5, -1.2
    assert out_of_range(images, pixels) == pytest.approx(2 / 32)
    images[0, 0, 3, 3] = 2 + 4 * 0.4 / 255
    assert out_of_range(images, pixels) == pytest.approx(2 / 32)
    images[0, 0, 3, 3] = torch.nan
    assert out_of_range(images[0], pixels) == pytest.approx(2 / 16)


def test_features_are_those_of_the_last_hidden_layer(victim, clean):
    images = clean[0][:32]
    assert torch.equal(victim.outer(features(victim, images)), victim(images))
    assert torch.equal(features(victim, images.unflatten(0, (8, 4))), features(victim, images))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda net, x, y: neural_cleanse(net, x, PIXELS, 2, seeded()),
        lambda net, x, y: neural_cleanse(net, x, PIXELS, 9, seeded()),
        lambda net, x, y: neural_cleanse(net, x, PIXELS, CLASSES, seeded(), labels=y[:3]),
        lambda net, x, y: neural_cleanse(net, x[:0], PIXELS, CLASSES, seeded()),
        lambda net, x, y: abs_scan(net, x, reach=0),
        lambda net, x, y: strip(net, x, x[..., 1:], seeded()),
        lambda net, x, y: strip(net, x, x, seeded(), alpha=1),
        lambda net, x, y: strip(net, x[:0], x, seeded()),
        lambda net, x, y: strip_auc(x[:0], x),
        lambda net, x, y: detection_rate(torch.ones(3), torch.ones(3), 0),
        lambda net, x, y: list(fine_pruned(net, x, 0)),
        lambda net, x, y: spectral(torch.ones(4, 3), y[:3]),
        lambda net, x, y: activation_clustering(torch.full((4, 3), torch.nan), y[:4], seeded()),
        lambda net, x, y: isolation(x[:1], seeded()),
        lambda net, x, y: features(net, x[0]),
        lambda net, x, y: out_of_range(x.expand(-1, 3, -1, -1), PIXELS),
    ],
)
def test_what_does_not_fit_is_told(wrong, twin, clean):
    with pytest.raises(LabError):
        wrong(twin, *clean)
