"""Blind image quality: planned, listed in the gallery as such."""

from workbench.contract import Lab, Paper

LAB = Lab(
    name="pmtiqa",
    title="Blind image quality",
    modality="Images",
    summary="Predict how good a photograph looks without its original, by learning coarse grades before fine scores.",
    paper=Paper(
        title="PMT-IQA: progressive multi-task learning for blind image quality assessment",
        authors="Pan, Guo, Qingge, Zhang, Yang",
        year=2023,
        link="https://arxiv.org/abs/2301.01182",
    ),
    module=__name__,
    state="planned",
)
