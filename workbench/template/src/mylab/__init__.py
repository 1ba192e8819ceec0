"""Declaration of the lab: what it is, what it measures, what it claims. Imports no other module of the lab."""

import math

from workbench.contract import Claim, Lab, Metric, Paper, Result, Verdict

GUESSING = 1 / 3  # three species, fifty flowers each


def beats_guessing(result: Result) -> Verdict:
    """Judge the claim ``better``: accuracy against guessing, with two standard deviations over splits as noise."""
    accuracy, noise = result.metrics.get("accuracy", math.nan), 2 * result.spread("accuracy")
    if not math.isfinite(accuracy - noise):
        return Verdict("not tested", why="It takes two splits.")
    numbers = {"accuracy": accuracy, "guessing": GUESSING, "noise": noise}
    if abs(accuracy - GUESSING) <= noise:
        return Verdict("within noise", numbers)
    return Verdict("holds" if accuracy > GUESSING else "does not hold", numbers)


LAB = Lab(
    name="mylab",
    title="Nearest centroid",
    modality="Tables and images",
    summary="Names an iris by the species whose average flower is nearest to it.",
    paper=Paper(
        title="The use of multiple measurements in taxonomic problems",
        authors="R. A. Fisher",
        year=1936,
        link="https://doi.org/10.1111/j.1469-1809.1936.tb02137.x",
    ),
    module=__name__,
    state="works",
    metrics=(
        Metric(
            "accuracy",
            "Accuracy",
            "Share of held-out flowers that get their own species' name, averaged over the random splits.",
            unit="share",
            range=(0, 1),
        ),
    ),
    claims=(
        Claim(
            "better",
            "Four measurements name the species better than guessing does.",
            "Accuracy is above 1/3 by more than two standard deviations over the splits.",
            beats_guessing,
            "ours",
        ),
    ),
)
