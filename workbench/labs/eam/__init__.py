"""Unpaired CT and MR segmentation: one network for both, an external attention module while it learns."""

from workbench.contract import Claim, Lab, Metric, Paper
from workbench.labs.eam import claims

TEXT = "2 |P and G| / (|P| + |G|) over the slices of a subject as one volume, mean over organs, test subjects and seeds; the network alone"
DISTANCE = "Average symmetric surface distance of the slices of a subject, missed organs left out"
MAIN = "of joint + EAM (else the first arm), first number of annotated subjects"
BY_SEED = "The same test subjects; a value a seed."

LAB = Lab(
    name="eam",
    title="Unpaired CT and MR segmentation",
    modality="Volumes",
    summary="One network segments CT and MR volumes that were never paired; an external attention module keeps what it knows of an organ the same in both.",
    paper=Paper(
        title="Learning unified segmentation of unpaired CT and MR by structured semantic consistency (EAM)",
        authors="Yang, Zhu, Wang, Li, Zhang",
        year=2023,
        link="https://arxiv.org/abs/2206.10571",
    ),
    module=__name__,
    state="works",
    metrics=(
        Metric("dice_ct", "Dice, CT", f"{TEXT}; {MAIN}, on CT.", range=(0, 1)),
        Metric("dice_mr", "Dice, MR", f"{TEXT}; {MAIN}, on MR.", range=(0, 1)),
        Metric("asd_ct", "ASD, CT", f"{DISTANCE}; {MAIN}, on CT.", unit="mm", higher_is_better=False),
        Metric("asd_mr", "ASD, MR", f"{DISTANCE}; {MAIN}, on MR.", unit="mm", higher_is_better=False),
        Metric(
            "gain_few",
            "EAM's gain, few",
            f"Dice of joint + EAM less joint, on the modality with few annotated subjects. {BY_SEED}",
            range=(-1, 1),
        ),
        Metric("gain_many", "EAM's gain, many", f"The same on the other modality. {BY_SEED}", range=(-1, 1)),
        Metric(
            "joint_gain_few",
            "Joint gain, few",
            f"Dice of joint less the network of that modality only, on the modality with few annotated subjects. {BY_SEED}",
            range=(-1, 1),
        ),
        Metric(
            "transfer_gap",
            "CT to MR gap",
            "Dice of the network that learned from CT only, on CT less on MR.",
            higher_is_better=None,
            range=(-1, 1),
        ),
        Metric(
            "dice_validation",
            "Dice, validation",
            f"Mean of CT and MR {MAIN}, on the validation subjects: choose loss weights by this one.",
            range=(0, 1),
        ),
        Metric(
            "correlation_gap",
            "Correlation gap",
            "Mean |R(CT) - R(MR)| over pairs of classes; R: cosines between class means, coarsest module (else features), first seed.",
            higher_is_better=False,
            range=(0, 2),
        ),
        Metric(
            "off_diagonal",
            "Off-diagonal",
            "Mean of R between different classes; near 1, all classes became alike and a small gap means nothing.",
            higher_is_better=None,
            range=(-1, 1),
        ),
    ),
    claims=(
        Claim(
            "eam",
            "Joint training with EAM is better than joint training, on CT and on MR.",
            "Paired over test subjects and seeds, all numbers of annotated subjects averaged: both 95 % intervals above 0. One below 0: does not hold.",
            claims.eam_over_joint,
            "the paper's abstract",
        ),
        Claim(
            "consistency",
            "The gain is due to consistency: EAM is better than its modules without it (deep supervision only).",
            "The same for joint + EAM less 'EAM, attention only', on CT and on MR.",
            claims.consistency_helps,
            "a control of ours, not a claim of the paper",
        ),
        Claim(
            "joint",
            "Joint training is better than a network for each modality.",
            "The same for joint less separate, on CT and on MR.",
            claims.joint_over_separate,
            "the order that this line of work reports",
        ),
        Claim(
            "few",
            "EAM gains more on the modality with fewer annotations.",
            "The 95 % interval of the gain on the modality with few, less the gain on the other, is above 0.",
            claims.few_gain_more,
            "qualitative, in this line of work",
        ),
        Claim(
            "shots",
            "1 or 3 annotated subjects of one modality suffice to be competitive.",
            "With each, the 95 % interval of joint + EAM less a separate network with 10 lies above -0.05 Dice. One below -0.05: does not hold.",
            claims.few_suffice,
            "the first version's abstract (recalled)",
        ),
    ),
)
