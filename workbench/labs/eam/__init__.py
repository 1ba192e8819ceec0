"""Unpaired CT and MR segmentation: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

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
    state="planned",
)
