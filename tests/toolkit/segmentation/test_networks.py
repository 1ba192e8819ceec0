"""Every network behind the switch: its shapes, its size, equal weights from equal seeds; and what each refuses."""

import pytest
import torch

from workbench.contract.errors import LabError
from workbench.toolkit.segmentation.convformer import ConvFormer, Shape
from workbench.toolkit.segmentation.networks import NETWORKS, Spec, build, parameters

PATCH = (64, 32, 32)
torch.set_num_threads(1)


def made(name, seed=0, patch=PATCH):
    return build(Spec(name, 16, patch), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_logits_of_every_class_and_learns_everywhere(name):
    model = made(name)
    out = model(torch.randn(1, 1, *PATCH, generator=torch.Generator().manual_seed(1)))
    assert out.shape == (1, 16, *PATCH) and torch.isfinite(out).all()
    out.square().mean().backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    # a bias before an instance norm has no effect; MONAI makes norms for a cross attention that UNETR has not
    assert not [n for n in still if not n.endswith("bias") and "cross_attn" not in n]
    low, high = (3e6, 5e6) if name == "SwinUNETR" else (0.3e6, 0.8e6)
    assert low < parameters(model) < high


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_seeds_give_equal_weights_and_leave_the_global_source_alone(name):
    before = torch.random.get_rng_state()
    a, b, c = (list(made(name, seed).parameters()) for seed in (0, 0, 1))
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a, c, strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_patch_that_does_not_fit_is_refused_with_a_way_out():
    with pytest.raises(LabError, match="16 must divide"):
        Spec("BasicUNet", 16, (40, 32, 32))
    with pytest.raises(LabError, match="one voxel"):
        Spec("SwinUNETR", 16, (32, 32, 32))
    with pytest.raises(LabError, match="no network"):
        Spec("nnFormer", 16, PATCH)


def test_the_conv_former_attends_over_the_whole_patch_and_takes_any_size():
    model = ConvFormer(Shape(4, width=8, depth=1, heads=2)).eval()
    x = torch.zeros(1, 1, 48, 16, 16, requires_grad=True)
    model(x)[0, 0, 47, 8, 8].backward()
    assert x.grad[0, 0, 0].abs().sum() > 0  # farther than the convolutions alone can see? attention reaches all tokens
    features = model.features(torch.zeros(2, 1, 24, 16, 8))
    assert [tuple(f.shape) for f in features] == [
        (2, 64, 3, 2, 1),
        (2, 32, 6, 4, 2),
        (2, 16, 12, 8, 4),
        (2, 8, 24, 16, 8),
    ]
    assert model.widths == [8, 16, 32, 64]
