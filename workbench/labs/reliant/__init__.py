"""Fair graph distillation: what a small student learns of its teacher's bias, and what the bias loss and proxies change."""

from workbench.contract import Claim, Lab, Metric, Paper, PaperValue
from workbench.labs.reliant import claims

ABSTRACT = "abstract and the authors' code (read); the tables of the paper could not be read"
LOG = "Recidivism, one log in the README of the authors' code: "
SP = "|P(ŷ=1 | s=0) - P(ŷ=1 | s=1)| on test nodes, fairlearn's demographic parity difference"
EO = "|P(ŷ=1 | y=1, s=0) - P(ŷ=1 | y=1, s=1)| on test nodes, fairlearn's equal opportunity difference"
ACC = "Share of test nodes of the chosen graph that are predicted right"


def _value(number: float, who: str) -> PaperValue:
    return PaperValue(number, f"{LOG}{who}, official split, one seed")


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
    state="works",
    metrics=(
        Metric(
            "teacher_accuracy",
            "Accuracy, teacher",
            f"{ACC} by the first teacher.",
            "share",
            range=(0, 1),
            paper=_value(0.9225, "GCN teacher"),
        ),
        Metric(
            "teacher_sp",
            "ΔSP, teacher",
            f"{SP}, of the first teacher.",
            "share",
            False,
            (0, 1),
            _value(0.0619, "GCN teacher"),
        ),
        Metric(
            "teacher_eo",
            "ΔEO, teacher",
            f"{EO}, of the first teacher.",
            "share",
            False,
            (0, 1),
            _value(0.0225, "GCN teacher"),
        ),
        Metric(
            "kd_accuracy",
            "Accuracy, KD",
            f"{ACC} by the first student, distilled without a bias loss.",
            "share",
            range=(0, 1),
        ),
        Metric("kd_sp", "ΔSP, KD", f"{SP}, of the student distilled without a bias loss.", "share", False, (0, 1)),
        Metric("kd_eo", "ΔEO, KD", f"{EO}, of the student distilled without a bias loss.", "share", False, (0, 1)),
        Metric(
            "reliant_accuracy",
            "Accuracy, RELIANT",
            f"{ACC} by the student with proxies, at the chosen weight of the bias loss.",
            "share",
            range=(0, 1),
            paper=_value(0.8899, "GraphAKD student of a GCN"),
        ),
        Metric(
            "reliant_sp",
            "ΔSP, RELIANT",
            f"{SP}, of the student with proxies.",
            "share",
            False,
            (0, 1),
            _value(0.0553, "GraphAKD student of a GCN"),
        ),
        Metric(
            "reliant_eo",
            "ΔEO, RELIANT",
            f"{EO}, of the student with proxies.",
            "share",
            False,
            (0, 1),
            _value(0.0277, "GraphAKD student of a GCN"),
        ),
        Metric(
            "reliant_auc",
            "AUC, RELIANT",
            "Area under the ROC curve on test nodes, of the student with proxies.",
            range=(0, 1),
        ),
        Metric(
            "proxy_auc",
            "Proxies tell the group",
            "AUC on test nodes of a linear probe that reads the group from the proxies alone; 0.5 is chance.",
            higher_is_better=None,
            range=(0, 1),
        ),
    ),
    claims=(
        Claim(
            "inherits",
            "A student that only imitates inherits its teacher's bias.",
            "ΔSP of KD, less half of the teacher's, is above 0 on every graph.",
            claims.inherits,
            ABSTRACT,
        ),
        Claim(
            "exaggerates",
            "It may even exaggerate that bias.",
            "ΔSP of KD, less the teacher's, is above 0 on every graph.",
            claims.exaggerates,
            ABSTRACT,
        ),
        Claim(
            "lowers",
            "RELIANT lowers the bias and keeps a high utility.",
            "ΔSP of KD, less RELIANT's, is above 0 and RELIANT loses surely less than 2 points of accuracy, on every graph.",
            claims.lowers,
            ABSTRACT,
        ),
        Claim(
            "proxies",
            "The learned proxies do it. (The paper's idea; controls are ours.)",
            "Accuracy less ΔSP of RELIANT is above that of the plain bias loss and of two constant columns, at the same weight, on every graph.",
            claims.proxies_matter,
            ABSTRACT,
        ),
        Claim(
            "agnostic",
            "It works with several frameworks of distillation.",
            "ΔSP of KD, less RELIANT's, is above 0 for GCN and GraphSAGE with CPF's and GraphAKD's student, on every graph.",
            claims.agnostic,
            ABSTRACT,
        ),
        Claim(
            "tradeoff",
            "Parity and opportunity are two aims: each gap is smallest when asked for. (From the logs; rule ours.)",
            "ΔEO trained for SP less that trained for EO, and ΔSP trained for EO less that trained for SP, are above 0 on every graph.",
            claims.trade_off,
            "the authors' logs",
        ),
        Claim(
            "carries",
            "Ours: the proxies come to carry the sensitive attribute.",
            "AUC of a linear probe from proxies to group, less 0.55, is above 0 over the trainings on every graph.",
            claims.carries,
            "ours",
        ),
        Claim(
            "dropping",
            "Ours: dropping the sensitive column does not do it.",
            "ΔSP of KD without the column, less half of that with it, is above 0 on every graph.",
            claims.dropping,
            "ours",
        ),
    ),
)
