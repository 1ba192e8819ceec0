"""Which trainings there are, and that arms differ only in what they should."""

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import labs
from workbench.labs.eam.method.data import annotated, divided, material
from workbench.labs.eam.method.training import Job, batches, jobs_of, main_job, plan_of, pools, prepared
from workbench.labs.eam.params import ATTENTION, CT_ONLY, EAM, JOINT, KEPT, MR_ONLY, UMMKD, Params
from workbench.toolkit.memory import MemoryContext


@pytest.fixture(scope="module")
def setting(tiny):
    params = Params.make("quick", **{**tiny, "many": 4, "shots": [1, 2]})
    ctx = MemoryContext(seed=2)
    return params, material(params, ctx), ctx


def test_every_arm_has_its_shots_and_what_does_not_see_them_is_trained_once():
    params = Params.make("quick", arms=[MR_ONLY, CT_ONLY, EAM, KEPT], few="both", shots=[1, 3], seeds=2)
    keys = [(j.arm, j.few, j.shots) for j in jobs_of(params) if j.seed == 0]
    assert keys == [
        *((MR_ONLY, "MR", 1), (MR_ONLY, "MR", 3), (CT_ONLY, "MR", 0), (EAM, "MR", 1), (EAM, "MR", 3)),
        *((MR_ONLY, "CT", 0), (CT_ONLY, "CT", 1), (CT_ONLY, "CT", 3), (EAM, "CT", 1), (EAM, "CT", 3)),
    ]
    assert len(jobs_of(params)) == 20 and main_job(params) == Job(EAM, "MR", 1, 0)
    assert plan_of(UMMKD, params).norms and plan_of(JOINT, params).scales == 0


def test_an_arm_that_is_not_wide_learns_with_the_first_number_only():
    params = Params.make("claims", seeds=1)
    shots = [(j.arm, j.shots) for j in jobs_of(params)]
    assert shots == [
        *((MR_ONLY, 1), (MR_ONLY, 3), (MR_ONLY, 10), (CT_ONLY, 0)),
        *((JOINT, 1), (JOINT, 3), (EAM, 1), (EAM, 3), (ATTENTION, 1)),
    ]


def test_nobody_is_in_two_splits_and_the_same_people_come_again(setting, tiny):
    params, data, _ = setting
    for m in (0, 1):
        names = [s.name for part in (data.train, data.validation, data.test) for s in part[m]]
        assert len(names) == len(set(names)) == 4 + 1 + 2
    again = material(params, MemoryContext(seed=5))  # the seed of a run makes no other people
    for a, b in zip(data.test[1], again.test[1], strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    assert any(n.startswith("SIMULATED") for n in data.notes)


def test_the_liver_is_on_the_right_and_the_spleen_on_the_left_in_both_modalities(setting):
    for own in setting[1].train:
        at = {k: np.mean([np.argwhere(s.mask == k)[:, 0].mean() for s in own if (s.mask == k).any()]) for k in (1, 4)}
        assert at[1] > 8 > at[4] or at[1] > at[4] + 2  # RAS: larger x is more to the right


def test_more_shots_hold_fewer_and_seeds_annotate_others(setting):
    params, data, ctx = setting
    one, two = (pools(Job(EAM, "MR", n, 0), params, data, ctx) for n in (1, 2))
    assert [s.name for s in one[1]] == [s.name for s in two[1]][:1] and len(two[0]) == 4
    firsts = {pools(Job(EAM, "MR", 1, seed), params, data, ctx)[1][0].name for seed in range(8)}
    assert len(firsts) > 1


def test_batches_are_balanced_and_a_separate_arm_sees_the_slices_of_the_joint_one(setting):
    params, data, ctx = setting
    joint, mr, ct = (
        batches(Job(a, "MR", n, 0), params, data, ctx) for a, n in ((JOINT, 1), (MR_ONLY, 1), (CT_ONLY, 0))
    )
    images, masks = joint(7)
    assert images.shape == (4, 1, 16, 16) and masks.shape == (4, 16, 16)
    np.testing.assert_array_equal(images[:2], ct(7)[0])
    np.testing.assert_array_equal(images[2:], mr(7)[0])
    assert prepared(Job(JOINT, "MR", 1, 0), params, 5, ctx).modality.tolist() == [0, 0, 1, 1]
    assert prepared(Job(MR_ONLY, "MR", 1, 0), params, 5, ctx).modality.tolist() == [1, 1]


def test_networks_of_a_seed_start_alike(setting):
    params, _, ctx = setting
    a, b, c = (prepared(Job(arm, "MR", 1, seed), params, 5, ctx).f for arm, seed in ((JOINT, 0), (EAM, 0), (EAM, 1)))
    same = [bool((x == y).all()) for x, y in zip(a.parameters(), b.parameters(), strict=True)]
    assert all(same) and any((x != y).any() for x, y in zip(b.parameters(), c.parameters(), strict=True))


def test_too_few_subjects_are_told(setting):
    with pytest.raises(LabError, match="9 annotated"):
        annotated(setting[1].train[1], 9, np.random.default_rng(0))
    with pytest.raises(LabError, match="only 2 MR"):
        divided(list(setting[1].train[1][:2]), "MR")
    with pytest.raises(LabError, match="halved"):
        material(labs()["eam"].Params.make("quick", size=20), MemoryContext())
