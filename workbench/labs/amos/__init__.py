"""The abdominal organ benchmark: CT and MR, fifteen organs, DSC and NSD of each, ranks with intervals."""

from workbench.contract import Claim, Lab, Metric, Paper, PaperValue
from workbench.labs.amos import claims

NNUNET_CT = (
    "nnU-Net on the true AMOS-CT, from scratch (read in Rep3D's table; other cases than here, and simulated ones here)"
)
NNUNET_MR = "nnU-Net on the true AMOS-MR, 13 organs, from scratch (read in Rep3D's table; other cases than here, and simulated ones here)"
TEXT = "Mean over organs and validation cases of both sites, first network, joint arm"

LAB = Lab(
    name="amos",
    title="Abdominal organ benchmark",
    modality="Volumes",
    summary="Segment fifteen abdominal organs in CT and MR and score every organ with overlap and surface distance.",
    paper=Paper(
        title="AMOS: a large-scale abdominal multi-organ benchmark for versatile medical image segmentation",
        authors="Ji et al.",
        year=2022,
        link="https://arxiv.org/abs/2206.08023",
    ),
    module=__name__,
    state="works",
    metrics=(
        Metric(
            "dsc_ct",
            "DSC, CT",
            f"2 |P and G| / (|P| + |G|). {TEXT}, CT.",
            range=(0, 1),
            paper=PaperValue(0.887, NNUNET_CT),
        ),
        Metric(
            "dsc_mr",
            "DSC, MR",
            f"2 |P and G| / (|P| + |G|). {TEXT}, MR.",
            range=(0, 1),
            paper=PaperValue(0.847, NNUNET_MR),
        ),
        Metric(
            "nsd_ct",
            "NSD, CT",
            f"Share of both surfaces that lies within the tolerance of the other; tolerance and kind of surface stand in the notes. {TEXT}, CT.",
            range=(0, 1),
        ),
        Metric("nsd_mr", "NSD, MR", f"The same. {TEXT}, MR.", range=(0, 1)),
        Metric(
            "dsc_gain_ct",
            "DSC gained on CT",
            "Joint arm less the network that learned from CT only, the same CT cases.",
            range=(-1, 1),
        ),
        Metric(
            "dsc_gain_mr",
            "DSC gained on MR",
            "Joint arm less the network that learned from MR only, the same MR cases.",
            range=(-1, 1),
        ),
        Metric("nsd_gain_ct", "NSD gained on CT", "The same by NSD, on CT.", range=(-1, 1)),
        Metric("nsd_gain_mr", "NSD gained on MR", "The same by NSD, on MR.", range=(-1, 1)),
        Metric(
            "dsc_small",
            "DSC, small organs",
            "Mean DSC of gallbladder, both adrenal glands and duodenum, CT and MR.",
            range=(0, 1),
        ),
    ),
    claims=(
        Claim(
            "joint",
            "B1. One network trained on CT and MR together is at least as good as one for each, and MR, with fewer scans, gains more.",
            "Paired over validation cases and trainings: the 95 % interval of the MR gain in DSC is above 0, the CT gain is not negative, and MR gains more than CT. Any of the three intervals below 0: does not hold.",
            claims.joint_helps,
            "a note on the paper's table 5 (second-hand): CT +0.55, MR +2.14 points of DSC",
        ),
        Claim(
            "convolution",
            "B2. With few scans a convolutional network beats transformers of about as many parameters.",
            "Paired over cases and trainings: the 95 % interval of the difference in DSC to every transformer of the run is above 0.",
            claims.convolutions_win,
            "nnU-Net Revisited's table on AMOS (read)",
        ),
        Claim(
            "small",
            "B3. Small organs (adrenal glands, gallbladder, duodenum) are segmented worst.",
            "Within cases, over trainings too: the 95 % interval of the DSC of the other organs less theirs is above 0.",
            claims.small_organs_worst,
            "benchmark tables on AMOS",
        ),
        Claim(
            "measures",
            "B3. NSD ranks models differently from DSC.",
            "The order of the trained networks by mean NSD is another than by mean DSC in at least 97.5 % of resamples of cases and trainings; in at most 2.5 %: does not hold.",
            claims.measures_disagree,
            "why the challenge ranks by both",
        ),
        Claim(
            "sites",
            "B4. On another site's scanner, and on the modality it never saw, a network is worse.",
            "The 95 % intervals of DSC on the own less the other site, for CT and for MR, and of the MR network on MR less CT, are all above 0.",
            claims.other_sites_are_worse,
            "the paper's study of out-of-distribution scans",
        ),
    ),
)
