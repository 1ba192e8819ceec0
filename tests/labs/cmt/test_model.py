"""The network as a whole: absent sensors, odd clouds, its parts against plain torch, what it tells of its attention."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from benchmarks.torchs import as_torchs
from workbench.contract.errors import LabError
from workbench.labs.cmt.common.shapes import ARMS, PAPER, PAPER_R50, SMALL, TINY, Shape
from workbench.labs.cmt.method.frames import framed, zeroed
from workbench.labs.cmt.method.masking import without
from workbench.labs.cmt.method.model import Attention, Cmt, Heads, Tokens, first_anchors

ABSENT = ("none", "null", "zeroed")


def network(**fields):
    return Cmt(replace(TINY, **fields), torch.Generator().manual_seed(0)).eval()


@pytest.fixture(scope="module")
def frames(make_scenes):
    return make_scenes(2, seed=0)[0]


def answer(model, frames):
    with torch.no_grad():
        return torch.cat([t.flatten() for t in model(frames)])


# Sizes -----------------------------------------------------------------------------------------------------------


def test_grids_follow_from_range_cell_and_stride():
    assert PAPER.pillars == (1440, 1440) and PAPER.grid == (180, 180)
    assert PAPER_R50.pillars == (1080, 1080) and PAPER_R50.grid == (135, 135)  # not 1024 and 128, as released
    assert SMALL.grid == (64, 64)
    with pytest.raises(LabError, match="do not divide"):
        Shape(cell=0.1, stride=16)


@pytest.mark.parametrize(
    "fields",
    [{"stride": 3, "cell": 0.1}, {"width": 250}, {"bev": True, "sensors": "lidar"}, {"area": (1, 0, 0, 0, 1, 1)}],
)
def test_sizes_that_do_not_fit_are_told(fields):
    with pytest.raises(LabError):
        Shape(**fields)


@pytest.mark.parametrize("arm", [name for name, arm in ARMS.items() if not arm.parts])
def test_every_arm_is_a_network(arm, frames):
    model = network(**ARMS[arm].network)
    (logits, codes), guesses = model(frames, guided=True)
    assert logits.shape == (2, 2, 16, 2) and codes.shape == (2, 2, 16, 10)
    sum(t.sum() for t in (logits, codes, *guesses) if t is not None).backward()
    unused = [n for n, p in model.named_parameters() if p.grad is None]
    assert not [n for n in unused if not (arm in ("lidar", "bev") and n.startswith("encoding.on_ray"))]


def test_the_same_generator_gives_the_same_weights_and_the_global_one_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, two = network(), network()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    other = Cmt(TINY, torch.Generator().manual_seed(1))
    assert not torch.equal(one.heads.enter, other.heads.enter)


def test_anchors_on_a_grid_fill_the_plane():
    at = first_anchors(TINY)
    assert sorted({round(float(x), 3) for x in at[:, 0]}) == [0.125, 0.375, 0.625, 0.875]
    assert len({tuple(row) for row in at.tolist()}) == 16
    assert len({tuple(row) for row in first_anchors(replace(TINY, queries=13)).tolist()}) == 13


# Absent sensors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ABSENT)
def test_what_an_absent_sensor_holds_is_not_read(absent, frames):
    model = network(absent=absent)
    off = without(frames, lidar=True)
    moved = off._replace(points=off.points + 0.3)
    torch.testing.assert_close(answer(model, off), answer(model, moved))
    off = without(frames, cameras=(1, 2))
    images, lidar2img = off.images.clone(), off.lidar2img
    images[:, 1] = torch.nan
    torch.testing.assert_close(answer(model, off), answer(model, off._replace(images=images)))
    assert not torch.allclose(answer(model, off), answer(model, frames), atol=1e-3)
    if absent != "zeroed":  # the paper's black images still have their rays
        lidar2img = lidar2img.clone()
        lidar2img[:, 2] = 0
        torch.testing.assert_close(answer(model, off), answer(model, off._replace(lidar2img=lidar2img)))


def test_a_network_without_tokens_of_a_sensor_answers_as_if_the_sensor_did_not_exist(frames):
    """No cameras at all, and all cameras off, are the same; so are an empty cloud and a LiDAR that is off."""
    model = network()
    clouds = [cloud[there] for cloud, there in zip(frames.points, frames.filled, strict=True)]
    none = framed(clouds)
    torch.testing.assert_close(
        answer(model, none), answer(model, without(frames, cameras=(0, 1, 2, 3))), atol=1e-5, rtol=1e-4
    )
    empty = framed([cloud[:0] for cloud in clouds], frames.images, frames.lidar2img)
    assert empty.lidar.tolist() == [False, False]
    torch.testing.assert_close(answer(model, empty), answer(model, without(frames, lidar=True)), atol=1e-5, rtol=1e-4)
    blind = framed(None, frames.images, frames.lidar2img)
    torch.testing.assert_close(answer(model, blind), answer(model, empty))


def test_the_papers_zeros_are_no_absence(frames):
    off = without(frames, lidar=True)
    assert not torch.allclose(answer(network(absent="zeroed"), off), answer(network(), off), atol=1e-3)
    found = zeroed(without(off, cameras=(0,)))
    assert bool(found.lidar.all()) and bool(found.camera.all())
    assert float(found.points.abs().max()) == 0 and float(found.images[:, 0].abs().max()) == 0
    empty = zeroed(framed([torch.zeros(0, 5)], torch.ones(1, 1, 3, 8, 8), torch.eye(4)[None, None]))
    assert empty.filled.tolist() == [[True]]


@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.parametrize("arm", ["plain", "lidar", "camera", "bev"])
def test_without_any_sensor_answers_and_gradients_are_finite(arm, absent, frames):
    model = network(absent=absent, **ARMS[arm].network).train()
    logits, codes = model(without(frames, lidar=True, cameras=(0, 1, 2, 3)))
    (logits.sum() + codes.sum()).backward()
    assert bool(logits.isfinite().all()) and bool(codes.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_a_scene_is_answered_alike_alone_and_beside_one_without_sensors(frames):
    model = network()
    mixed = frames._replace(lidar=torch.tensor([True, False]), camera=frames.camera & torch.tensor([[True], [False]]))
    alone = type(frames)(*(t[:1] for t in frames))
    with torch.no_grad():
        for one, two in zip(model(mixed), model(alone), strict=True):
            torch.testing.assert_close(one[:, :1], two, atol=1e-4, rtol=1e-4)


def test_the_null_token_is_seen_only_when_its_sensor_is_away(frames):
    model = network(absent="null")
    before, off = answer(model, frames), answer(model, without(frames, lidar=True))
    with torch.no_grad():
        model.null.add_(1)
    torch.testing.assert_close(answer(model, frames), before)
    assert not torch.allclose(answer(model, without(frames, lidar=True)), off, atol=1e-3)


# Odd input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "points", [torch.tensor([[1.0, 2, 0, 0.5]]), torch.full((3, 5), 500.0), torch.full((2, 5), torch.nan)]
)
def test_one_point_far_points_and_no_numbers_are_answered(points):
    assert bool(answer(network(), framed([points])).isfinite().all())


def test_points_that_are_no_numbers_are_left_out(frames):
    clean = frames.points[0][frames.filled[0]]
    dirty = torch.cat([clean, torch.full((4, 5), torch.nan), torch.full((1, 5), torch.inf)])
    model = network()
    torch.testing.assert_close(answer(model, framed([clean])), answer(model, framed([dirty])))


@pytest.mark.parametrize(
    ("points", "images", "lidar2img"),
    [
        (None, None, None),
        ([torch.zeros(3, 3)], None, None),
        (None, torch.zeros(1, 2, 3, 8, 8), None),
        (None, torch.zeros(1, 2, 1, 8, 8), torch.eye(4).expand(1, 2, 4, 4)),
        (None, torch.zeros(1, 2, 3, 8, 8), torch.eye(4).expand(1, 3, 4, 4)),
        ([torch.zeros(3, 5)] * 2, torch.zeros(1, 2, 3, 8, 8), torch.eye(4).expand(1, 2, 4, 4)),
    ],
)
def test_input_that_does_not_fit_is_told(points, images, lidar2img):
    with pytest.raises(LabError):
        framed(points, images, lidar2img)


def test_a_singular_calibration_is_told(frames):
    broken = frames.lidar2img.clone()
    broken[1, 2] = 0
    with pytest.raises(LabError, match="camera 2 in scene 1"):
        network()(frames._replace(lidar2img=broken))


# Parts against plain torch ---------------------------------------------------------------------------------------


def test_attention_is_torchs_and_its_shares_explain_its_output():
    torch.manual_seed(0)
    ours, theirs = Attention(32, 4), nn.MultiheadAttention(32, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.zero_()
        theirs.out_proj.weight.copy_(ours.join.weight)
        theirs.out_proj.bias.copy_(ours.join.bias)
    q, k, v = torch.randn(3, 2, 9, 32)
    there = torch.rand(2, 9) > 0.3
    there[:, 0] = True
    mask = there[:, None, None]
    wanted, shares = theirs(q, k, v, key_padding_mask=~there, average_attn_weights=False)
    torch.testing.assert_close(ours(q, k, v, mask), wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.shares(q, k, mask), shares, atol=1e-5, rtol=1e-4)


def test_without_positions_the_decoder_is_torchs():
    model = network(aligned=False)
    content = torch.randn(2, 50, 32, generator=torch.Generator().manual_seed(1))
    nowhere, start = torch.zeros_like(content), torch.zeros(2, 16, 32)
    there = torch.ones(2, 50, dtype=torch.bool)
    with torch.no_grad():
        model.layers[0].own.v.bias.normal_()  # queries that start equal would hide self-attention otherwise
        found = model.norm(model.decoded(Tokens(content, nowhere, there, None, None), start)[-1])
        wanted = as_torchs(model).eval()(start, content)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_a_query_that_may_see_nothing_gets_nothing():
    torch.manual_seed(0)
    attention = Attention(32, 4)
    q, k, v = torch.randn(3, 2, 9, 32, requires_grad=True)
    mask = torch.tensor([True, False])[:, None, None, None].expand(2, 1, 1, 9)
    found = attention(q, k, v, mask)
    torch.testing.assert_close(found[1], attention.join.bias.expand(9, -1))
    found.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in attention.parameters())
    assert float(attention.shares(q, k, mask)[1].abs().max()) == 0


def test_all_heads_at_once_are_each_layers_linear_norm_relu_linear():
    torch.manual_seed(0)
    heads = Heads(TINY)
    x = torch.randn(2, 3, 5, 32)
    logits, raw = heads(x)
    parts = dict(zip(heads.branches, raw.split(list(heads.branches.values()), -1), strict=True)) | {"class": logits}
    K = TINY.hidden
    for place, name in enumerate(("class", *heads.branches)):
        for layer in range(2):
            columns = slice(place * K, (place + 1) * K)
            h = x[layer] @ heads.enter[layer, :, columns] + heads.enter_bias[layer, ..., columns]
            h = nn.functional.layer_norm(h, (K,)).relu()  # scale and shift start at 1 and 0
            wanted = h @ heads.leave[name][layer] + heads.bias[name][layer]
            torch.testing.assert_close(parts[name][layer], wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(heads.bias["class"].detach(), torch.full_like(heads.bias["class"], -2.19))


def test_the_released_order_of_the_code_is_a_relabeling(frames):
    plain, released = network(), network(released_code=True)
    with torch.no_grad():
        one, two = plain(frames), released(frames)
    torch.testing.assert_close(two.codes, one.codes[..., [0, 1, 4, 3, 2, 5, 6, 7, 8, 9]])
    torch.testing.assert_close(two.logits, one.logits)


# What it looks at ------------------------------------------------------------------------------------------------


def test_shares_of_attention_sum_to_one_and_absent_sensors_get_none(frames):
    model = network()
    seen = model.look(frames, 5)
    assert seen.bev_attention.shape == (2, 2, 32, 32) and seen.view_attention.shape == (2, 2, 4, 4, 8)
    total = seen.bev_attention.sum((-1, -2)) + seen.view_attention.sum((-1, -2, -3))
    torch.testing.assert_close(total, torch.ones(2, 2))
    off = model.look(without(frames, lidar=True, cameras=(1,)), 5)
    assert float(off.bev_attention.max()) == 0 and float(off.view_attention[:, :, 1].max()) == 0
    torch.testing.assert_close(off.view_attention.sum((-1, -2, -3)), torch.ones(2, 2))
    assert network(sensors="lidar").look(frames, 5).view_attention is None


def test_shares_are_those_of_the_forward_pass(frames):
    """The contents after the first layer follow from its shares."""
    model = network()
    tokens, _, place = model.prepared(frames)
    layer = model.layers[0]
    with torch.no_grad():
        x = layer.among(torch.zeros_like(place), place, None)
        keys = tokens.content + tokens.place
        shares = layer.shares(torch.zeros_like(place), place, keys, tokens.there[:, None, None], slice(None))
        values = layer.cross.split(layer.cross.v(tokens.content))
        x = layer.norms[1](x + layer.cross.join((shares @ values).transpose(1, 2).flatten(2)))
        wanted = layer.norms[2](x + layer.think(x))
        torch.testing.assert_close(model.decoded(tokens, place)[0], wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("ladder", ["octaves", "released"])
def test_an_anchor_is_most_alike_its_own_cell(ladder, frames):
    """Without a camera the query's encoding is that of its BEV position alone."""
    model = network(ladder=ladder, aligned=False)
    with torch.no_grad():
        model.anchors[3] = torch.tensor([20.5 / 32, 7.5 / 32, 0.5])
    alike = model.look(without(frames, cameras=(0, 1, 2, 3)), 3).bev_similarity
    assert divmod(int(alike.argmax()), 32) == (7, 20)
    assert float(alike.max()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("what", ["image_encoding", "point_encoding"])
def test_the_ablations_leave_tokens_without_positions(what, frames):
    tokens, *_ = network(**{what: False}).prepared(frames)
    plane = tokens.place[:, : 32 * 32].abs().amax() > 0
    views = tokens.place[:, 32 * 32 :].abs().amax() > 0
    assert (bool(plane), bool(views)) == ((True, False) if what == "image_encoding" else (False, True))


def test_the_published_numbers_make_a_network(make_scenes):
    """ResNet-50, six layers, 900 queries, 64 depths, released ladder; the range alone is a quarter a side."""
    model = Cmt(replace(PAPER, area=(-13.5, -13.5, -5.0, 13.5, 13.5, 3.0)), torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        logits, codes = model(make_scenes(1, seed=0, size=(32, 64))[0])
    assert logits.shape == (6, 1, 900, 10) and codes.shape == (6, 1, 900, 10)
    assert bool(codes.isfinite().all())
    assert 0.05 < float(logits.sigmoid().mean()) < 0.2  # the bias of -2.19 says a tenth
