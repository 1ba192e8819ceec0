"""Fair graph distillation: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

LAB = Lab(
    name="reliant",
    title="Fair graph distillation",
    modality="Graphs",
    summary="Distill a graph network into a small one and see which group pays for it, with and without proxies that absorb the bias.",
    paper=Paper(
        title="RELIANT: fair knowledge distillation for graph neural networks",
        authors="Dong, Zhang, Yuan, Zou, Wang, Li",
        year=2023,
        link="https://arxiv.org/abs/2301.01150",
    ),
    module=__name__,
    state="planned",
)
