"""Few-shot instance segmentation: planned, listed in the gallery as such."""

from workbench.contract import Lab, Paper

LAB = Lab(
    name="reft",
    title="Few-shot instance segmentation",
    modality="Images",
    summary="Show a new kind of object a few times; a mask transformer that refers to the examples twice finds more of it.",
    paper=Paper(
        title="Reference twice: a simple and unified baseline for few-shot instance segmentation (RefT)",
        authors="Han et al.",
        year=2023,
        link="https://arxiv.org/abs/2301.01156",
    ),
    module=__name__,
    state="planned",
)
