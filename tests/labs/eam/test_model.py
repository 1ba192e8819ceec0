"""The modules by their equations, by hand; thrown away, they leave the network as it is."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from workbench.labs.eam.method.model import (
    ExternalAttention,
    Plan,
    attend,
    attention_loss,
    backbone,
    correlations,
    distillation,
    learner,
    predict,
    shares_of,
    with_modules,
)
from workbench.toolkit.segmentation.training import train

torch.set_num_threads(1)
MODALITY = [0, 0, 1, 1]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def made(plan=Plan(scales=2), steps=4):  # noqa: B008 - frozen
    return learner(backbone(4, 5, generator()), 5, plan, MODALITY, steps, generator(1))


def batch(step=0):
    g = generator(step)
    masks = torch.randint(5, (4, 16, 16), generator=g)
    return torch.randn(4, 1, 16, 16, generator=g) + masks[:, None], masks


def trained(model, steps=4):
    *_, last = train(model, batch, steps, 0.01, "cpu", None, model.loss)
    return last


def test_without_its_modules_the_network_gives_the_same_logits_and_its_weights_suffice():
    model = made()
    trained(model)
    x = batch()[0]
    model.eval()
    inside = model(x)[0]  # the modules run beside
    state = model.f.state_dict()
    assert state and not [k for k in state if "outside" in k or "embedding" in k or "prototypes" in k]
    alone = backbone(4, 5, generator(9))
    alone.load_state_dict(state, strict=True)
    torch.testing.assert_close(
        torch.cat([predict(alone, x[:2], 0), predict(alone, x[2:], 1)]), inside, rtol=0, atol=1e-6
    )
    assert torch.equal(predict(alone, x, 0), predict(alone, x, 1))  # it does not ask which modality


def test_logits_and_representations_are_those_of_the_equations():
    module = ExternalAttention(6, 3)
    x, m = torch.randn(2, 6, 4, 4, generator=generator()), torch.tensor([0, 1])
    s, z = module(x, m)
    for b in range(2):
        t = x[b].flatten(1).T  # (N, C)
        e = module.embedding[m[b]]
        by_hand = (e @ module.query.weight.T) @ (t @ module.key.weight.T).T / 6**0.5
        torch.testing.assert_close(s[b], by_hand)
        torch.testing.assert_close(z[b], by_hand.softmax(-1) @ (t @ module.value.weight.T))
    r = correlations(z)
    torch.testing.assert_close(r.diagonal(dim1=1, dim2=2), torch.ones(2, 3))
    torch.testing.assert_close(r[0, 0, 1], F.cosine_similarity(z[0, 0], z[0, 1], dim=0))


def test_only_present_and_seen_classes_count_and_prototypes_get_no_gradient():
    module = ExternalAttention(6, 3)
    z = torch.randn(2, 3, 6, generator=generator(), requires_grad=True)
    m = torch.tensor([0, 1])
    everywhere = torch.ones(2, 3, dtype=torch.bool)
    assert float(module.image_loss(z, everywhere, m)) == 0  # nothing seen yet
    module.update(torch.randn(2, 3, 6, generator=generator(1)), torch.tensor([[1, 1, 0], [1, 1, 1]]).bool(), m)
    present = torch.tensor([[True, True, False], [True, True, True]])
    loss = module.image_loss(z, present, m)
    loss.backward()
    assert float(z.grad[0, 2].abs().sum()) == 0  # absent in the image
    assert float(z.grad[1, 2].abs().sum()) == 0  # present, but never seen in CT
    assert float(z.grad[0, 0].abs().sum()) > 0 and not module.prototypes.requires_grad
    other = z.detach().clone()
    other[0, 2] = 100.0
    torch.testing.assert_close(module.image_loss(other, present, m), loss.detach())
    same = module.prototypes[1 - m].clone()
    assert float(module.image_loss(same, present, m)) < 1e-6


def test_image_loss_by_hand():
    module = ExternalAttention(2, 2)
    module.prototypes[1] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    module.seen[1] = True
    z = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    here, m = torch.ones(1, 2, dtype=torch.bool), torch.tensor([0])
    # 1 - cos: 0 and 1; R(Z) is all ones, R(P) the identity: two of four entries differ by 1
    assert float(module.image_loss(z, here, m)) == pytest.approx(0.5 + 0.5)
    assert float(module.image_loss(z, here, m, correlation=False)) == pytest.approx(0.5)


def test_modality_loss_by_hand():
    module = ExternalAttention(2, 2)
    module.embedding.data = torch.tensor([[[1.0, 0], [0, 1.0]], [[1.0, 0], [1.0, 0]]])
    assert float(module.modality_loss()) == pytest.approx(0.5 + 0.5)
    assert float(module.modality_loss(correlation=False)) == pytest.approx(0.5)
    module.embedding.data[1] = 3 * module.embedding.data[0]
    assert float(module.modality_loss()) == pytest.approx(0, abs=1e-6)


def test_prototypes_move_by_a_twentieth_towards_the_mean_of_images_that_hold_the_class():
    module = ExternalAttention(2, 2)
    m = torch.tensor([0, 0, 1])
    first = torch.arange(12.0).reshape(3, 2, 2)
    module.update(first, torch.tensor([[1, 0], [1, 0], [0, 1]]).bool(), m)
    torch.testing.assert_close(module.prototypes[0, 0], (first[0, 0] + first[1, 0]) / 2)
    assert module.seen.tolist() == [[True, False], [False, True]] and not module.prototypes[0, 1].any()
    before = module.prototypes.clone()
    module.update(first + 1, torch.tensor([[0, 0], [1, 0], [0, 0]]).bool(), m)
    torch.testing.assert_close(module.prototypes[0, 0], 0.95 * before[0, 0] + 0.05 * (first[1, 0] + 1))
    torch.testing.assert_close(module.prototypes[1], before[1])


def test_both_consistencies_grow_over_the_ramp():
    model = made(Plan(scales=1, ramp=0.5), steps=8)
    found = []
    for _ in range(6):
        found.append(model.ramp())
        model.loss(model(batch()[0]), batch()[1])
    assert found == [0, 0.25, 0.5, 0.75, 1, 1]
    assert set(model.terms) == {"dice_ce", "attention", "image", "modality"}


def test_attention_is_tied_to_shares_of_the_label_map():
    masks = torch.zeros(1, 4, 4, dtype=torch.long)
    masks[0, :2, :1] = 1
    shares = shares_of(masks, 2, (2, 2))
    torch.testing.assert_close(shares, torch.tensor([[[0.5, 1, 1, 1], [0.5, 0, 0, 0]]]))
    best = float(attention_loss(shares.clamp_min(1e-9).log(), shares))
    assert best == pytest.approx(-np.log(0.5) / 4) and best < float(attention_loss(torch.zeros(1, 2, 4), shares))


def test_distillation_by_hand_and_without_absent_classes():
    logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 4.0]]], [[[0.0, 6.0]], [[1.0, 0.0]]]])  # (2, 2, 1, 2)
    masks = torch.tensor([[[0, 0]], [[0, 1]]])  # class 1 is not in the CT
    q = [torch.tensor(v).div(2).softmax(0) for v in ([1.0, 2.0], [0.0, 1.0])]
    kl = (q[0] * (q[0] / q[1]).log()).sum() + (q[1] * (q[1] / q[0]).log()).sum()
    found = distillation(logits, masks, torch.tensor([0, 1]))
    assert float(found) == pytest.approx(float(kl) / 2, rel=1e-5)
    same = torch.cat([logits[:1], logits[:1]])
    assert float(distillation(same, torch.zeros(2, 1, 2, dtype=torch.long), torch.tensor([0, 1]))) == pytest.approx(0)
    assert float(distillation(logits, torch.tensor([[[0, 0]], [[1, 1]]]), torch.tensor([0, 1]))) == 0  # none in both


def test_norms_of_a_modality_see_only_that_modality():
    model = learner(backbone(4, 5, generator(), norms=True), 5, Plan(norms=True), MODALITY, 4, generator())
    x, masks = batch()
    x[2:] += 50
    model(x)
    first = model.f.down[0][1]
    far = (first.norms[0].running_mean - first.norms[1].running_mean).abs().max()
    assert far > 1 and not torch.equal(predict(model.f, x, 0), predict(model.f, x, 1))


def test_each_ablation_changes_what_is_learned_and_a_resumed_training_goes_on_as_it_was():
    whole = made()
    weights = trained(whole)[2]()
    for plan in (Plan(2, image=0.0), Plan(2, modality=0.0), Plan(2, correlation=False), Plan(2, values=False), Plan(0)):
        other = trained(made(plan))[2]()
        assert any(not torch.equal(weights[k], other[k]) for k in other if k.startswith("model/f."))
    half = made()
    for step, _, freeze in train(half, batch, 4, 0.01, "cpu", None, half.loss):
        if step == 2:
            state = freeze()
            break
    again = made()
    *_, (_, _, freeze) = train(again, batch, 4, 0.01, "cpu", state, again.loss)
    for key, value in freeze().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0, msg=key)


def test_kept_modules_change_the_prediction_and_shares_add_up():
    model = made()
    x = batch()[0]
    maps = attend(model.f, model.modules_outside, x, 0)
    assert [m.shape for m in maps] == [(4, 5, 2, 2), (4, 5, 4, 4)]
    shares = with_modules(predict(model.f, x, 0), maps)
    torch.testing.assert_close(shares.sum(1), torch.ones(4, 16, 16))
    by_mr = attend(model.f, model.modules_outside, x, 0, by=1)
    assert not torch.allclose(maps[0], by_mr[0])
