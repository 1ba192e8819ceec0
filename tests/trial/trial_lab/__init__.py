"""A stranger's lab for the tests: it estimates pi by throwing darts, and can be told to misbehave."""

import math

from workbench.contract import Claim, Lab, Metric, Paper, Verdict


def near_pi(result):
    if "pi" not in result.metrics:
        return Verdict("not tested")
    error = abs(result.metrics["pi"] - math.pi)
    return Verdict("holds" if error < 0.2 else "does not hold", {"error": error})


LAB = Lab(
    name="trial",
    title="Darts",
    modality="Tables and images",
    summary="Estimates pi by throwing darts.",
    paper=Paper("Essai d'arithmetique morale", "Buffon", 1777, ""),
    module=__name__,
    state="works",
    metrics=(Metric("pi", "Pi", "Four times the share of darts that hit the quarter disk.", range=(0, 4)),),
    claims=(Claim("near", "Darts find pi.", "error below 0.2", near_pi),),
)
