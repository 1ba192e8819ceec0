"""Backdoors in distilled data sets: who distills may hide a door in a handful of synthetic images."""

from workbench.contract import Claim, Lab, Metric, Paper
from workbench.labs.doorping import claims

ABSTRACT = "abstract (read) and the authors' code (read); the tables of the paper could not be read"
NOTES = "notes of third readers on the paper; its tables could not be read"
ASR = "Share of stamped test images of other classes that victims take for the target class"
CTA = "Share of unstamped test images that victims get right"
OF = "mean over the first kind of victims and over distillations by the first carrier"

LAB = Lab(
    name="doorping",
    title="Backdoors in distilled data sets",
    modality="Images",
    summary="A trigger is hidden in a handful of synthetic images; victims trained on them obey whoever stamps a picture.",
    paper=Paper(
        title="Backdoor attacks against dataset distillation",
        authors="Liu, Li, Backes, Shen, Zhang",
        year=2023,
        link="https://arxiv.org/abs/2301.01197",
    ),
    module=__name__,
    state="works",
    metrics=(
        Metric(
            "asr_doorping",
            "ASR, DOORPING",
            f"{ASR}; the trigger as released, beyond the range of pixels; {OF}.",
            "share",
            None,
            (0, 1),
        ),
        Metric(
            "asr_cut",
            "ASR, DOORPING cut",
            f"{ASR}; DOORPING's trigger cut to valid pixels when it is stamped; {OF}.",
            "share",
            None,
            (0, 1),
        ),
        Metric(
            "asr_clipped",
            "ASR, DOORPING kept valid",
            f"{ASR}; the trigger was kept among valid pixels all along; {OF}.",
            "share",
            None,
            (0, 1),
        ),
        Metric("asr_naive", "ASR, NAIVEATTACK", f"{ASR}; a white square; {OF}.", "share", None, (0, 1)),
        Metric(
            "null_doorping",
            "Taken for the target without a stamp",
            f"The same share of the same images without a stamp, by DOORPING's victims; {OF}.",
            "share",
            None,
            (0, 1),
        ),
        Metric(
            "asr_all_doorping",
            "ASR over all images, DOORPING",
            f"As the released code counts: stamped images of the target class count too; {OF}.",
            "share",
            None,
            (0, 1),
        ),
        Metric(
            "cta_doorping", "CTA, DOORPING", f"{CTA} that were trained on DOORPING's set; {OF}.", "share", range=(0, 1)
        ),
        Metric("cta_clean", "CTA, clean", f"{CTA} that were trained on a clean set; {OF}.", "share", range=(0, 1)),
    ),
    claims=(
        Claim(
            "keeps",
            "A poisoned set is as useful as a clean one.",
            "CTA of DOORPING less that of the clean set is surely above -2 points.",
            claims.keeps,
            ABSTRACT,
        ),
        Claim(
            "above",
            "DOORPING succeeds where NAIVEATTACK does not.",
            "ASR of DOORPING less that of NAIVEATTACK is above 0.",
            claims.above,
            ABSTRACT,
        ),
        Claim(
            "close",
            "DOORPING's success is close to 1.0 in all cases.",
            "ASR above 0.95 for every carrier and kind of victim of the run.",
            claims.close,
            ABSTRACT,
        ),
        Claim(
            "carries",
            "A set distilled with one network opens the door of others.",
            "ASR less the share without a stamp is above 0.5 for every other kind of victim.",
            claims.carries,
            NOTES,
        ),
        Claim(
            "undefended",
            "Defenses do not stop it.",
            "No defense catches any distillation; refuted by one that catches more than half.",
            claims.undefended,
            ABSTRACT,
        ),
        Claim(
            "possible",
            "Ours: it works with a trigger that a picture can hold.",
            "ASR less the share without a stamp is above 0.5, kept valid on the way and cut at the end.",
            claims.possible,
            "ours: the released code never cuts the trigger to valid pixels",
        ),
    ),
)
