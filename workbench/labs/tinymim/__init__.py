"""Masked-image-model distillation: planned, listed in the gallery as such."""

from workbench.contract import Lab, Paper

LAB = Lab(
    name="tinymim",
    title="Masked-image-model distillation",
    modality="Images",
    summary="A small vision transformer learns the token relations of a large one that was pre-trained on masked images.",
    paper=Paper(
        title="TinyMIM: an empirical study of distilling MIM pre-trained models",
        authors="Ren, Wei, Zhang, Hu",
        year=2023,
        link="https://arxiv.org/abs/2301.01296",
    ),
    module=__name__,
    state="planned",
)
