"""LiDAR and camera 3-D detection: planned, listed in the gallery as such."""

from workbench.lab import Lab, Paper

LAB = Lab(
    name="cmt",
    title="LiDAR and camera 3-D detection",
    modality="Scenes",
    summary="A cross-modal transformer finds 3-D boxes from points and images, and keeps finding them when one sensor is gone.",
    paper=Paper(
        title="Cross modal transformer: towards fast and robust 3D object detection (CMT)",
        authors="Yan et al.",
        year=2023,
        link="https://arxiv.org/abs/2301.01283",
    ),
    module=__name__,
    state="planned",
)
