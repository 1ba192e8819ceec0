"""LiDAR and camera 3-D detection: one transformer over the tokens of both sensors, and what is left when one is gone."""

from workbench.contract import Claim, Lab, Metric, Paper, PaperValue
from workbench.labs.cmt import claims

NDS = "(5 mAP + sum of max(0, 1 - error)) / (5 + number of errors), nuScenes' detection score. Simulated drives show three errors (ATE, ASE, AOE), the paper has five (also AVE, AAE). Mean over trainings"
MAIN = "of the masked-modal network (else the first arm)"
VAL = "nuScenes val, VoVNet-99, images 1600 x 640, voxels of 0.075 m, five errors; "
ONE = "one trained network, "

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
    state="works",
    metrics=(
        Metric(
            "nds",
            "NDS, both",
            f"{NDS}; {MAIN}, both sensors.",
            range=(0, 1),
            paper=PaperValue(0.729, VAL + ONE + "both sensors"),
        ),
        Metric(
            "nds_no_cameras",
            "NDS, no cameras",
            f"{NDS}; {MAIN}, all cameras off.",
            range=(0, 1),
            paper=PaperValue(0.681, VAL + ONE + "no cameras"),
        ),
        Metric(
            "nds_no_lidar",
            "NDS, no LiDAR",
            f"{NDS}; {MAIN}, LiDAR off.",
            range=(0, 1),
            paper=PaperValue(0.447, VAL + ONE + "no LiDAR"),
        ),
        Metric(
            "nds_lidar",
            "NDS, LiDAR specialist",
            f"{NDS}; never sees an image.",
            range=(0, 1),
            paper=PaperValue(0.686, VAL + "LiDAR only"),
        ),
        Metric(
            "nds_camera",
            "NDS, camera specialist",
            f"{NDS}; never sees a point.",
            range=(0, 1),
            paper=PaperValue(0.460, VAL + "cameras only"),
        ),
        Metric(
            "nds_plain",
            "NDS, plain fusion",
            f"{NDS}; trained with both sensors always there, both in the test.",
            range=(0, 1),
        ),
        Metric(
            "nds_plain_no_cameras", "NDS, plain, no cameras", f"{NDS}; the same network, all cameras off.", range=(0, 1)
        ),
        Metric("nds_plain_no_lidar", "NDS, plain, no LiDAR", f"{NDS}; the same network, LiDAR off.", range=(0, 1)),
        Metric(
            "map",
            "mAP",
            f"Average precision, mean over classes and over 0.5, 1, 2 and 4 m between centers; {MAIN}, both sensors.",
            range=(0, 1),
            paper=PaperValue(0.703, VAL + "both sensors"),
        ),
        Metric(
            "ate",
            "ATE",
            f"Mean distance of centers on the ground, of boxes found within 2 m; {MAIN}, both sensors.",
            unit="m",
            higher_is_better=False,
        ),
        Metric(
            "ase",
            "ASE",
            f"Mean of 1 - IoU after aligning center and heading, of boxes found within 2 m; {MAIN}, both sensors.",
            higher_is_better=False,
            range=(0, 1),
        ),
        Metric(
            "aoe",
            "AOE",
            f"Mean difference of headings, of boxes found within 2 m, traffic cones left out; {MAIN}, both sensors.",
            unit="rad",
            higher_is_better=False,
        ),
    ),
    claims=(
        Claim(
            "fusion",
            "Fusion is better than either sensor alone.",
            "The 95 % intervals of NDS of plain fusion less the LiDAR specialist, and less the camera specialist, are both above 0. One below 0: does not hold.",
            claims.fusion_wins,
            "README of the official code, val",
        ),
        Claim(
            "survives",
            "Masked-modal training makes one network survive a missing LiDAR and missing cameras.",
            "The intervals of masked less plain, without LiDAR and without cameras, are both above 0.",
            claims.survives,
            "a figure of the official code: 44.7 and 68.1 of 72.9 NDS are left",
        ),
        Claim(
            "near",
            "With one sensor, that network is near the specialist.",
            "The intervals of masked without LiDAR less the camera specialist, and of masked without cameras less the LiDAR specialist, are both above -0.05. One below: does not hold.",
            claims.near_specialists,
            "a figure of the official code: within 0.013 and 0.005 NDS; the margin is ours",
        ),
        Claim(
            "cost",
            "Masked-modal training costs little when both sensors are there.",
            "The interval of masked less plain, both sensors, is above -0.05. Below: does not hold.",
            claims.costs_little,
            "the paper's robust network is its best; the margin is ours",
        ),
        Claim(
            "encoding",
            "Position encodings align the sensors: without those of images or of points it is worse, without those of points most.",
            "The intervals of plain less 'no image encoding', of plain less 'no point encoding', and of 'no image' less 'no point encoding' are above 0.",
            claims.encoding_aligns,
            "the paper's ablation (recalled)",
        ),
        Claim(
            "denoising",
            "Denoising queries speed up learning.",
            "The interval of plain less 'no denoising' after equally many steps is above 0.",
            claims.denoising_helps,
            "the paper's ablation (recalled)",
        ),
        Claim(
            "balance",
            "The simulator is like nuScenes in this: the LiDAR specialist beats the camera specialist.",
            "The interval of NDS of the LiDAR specialist less the camera specialist is above 0.",
            claims.simulator_is_sound,
            "an acceptance test of ours; the paper: 0.686 and 0.460",
        ),
    ),
)
