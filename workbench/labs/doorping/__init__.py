"""Backdoors in distilled data sets: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

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
    state="planned",
)
