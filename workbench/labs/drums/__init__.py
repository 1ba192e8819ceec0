"""Language models that drum: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

LAB = Lab(
    name="drums",
    title="Language models that drum",
    modality="Music",
    summary="A language model continues a drum groove written as text; listen whether it repeats or fills.",
    paper=Paper(
        title="Language models are drummers: drum composition with natural language pre-training",
        authors="Zhang, Callison-Burch",
        year=2023,
        link="https://arxiv.org/abs/2301.01162",
    ),
    module=__name__,
    state="planned",
)
