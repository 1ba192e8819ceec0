"""Abdominal organ benchmark: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

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
    state="planned",
)
