"""Rate of Separability: how much of a data set's coding rate its classes explain, and whether accuracy follows it."""

from workbench.contract import Claim, Lab, Metric, Paper
from workbench.labs.rs import claims

ABSTRACT = "abstract (read); the paper's own tables could not be read"

LAB = Lab(
    name="rs",
    title="Rate of Separability",
    modality="Tables and images",
    summary="How separable are the classes of a set, before any classifier is trained? RS answers from coding rates.",
    paper=Paper(
        title="A classification performance evaluation measure considering data separability",
        authors="L. Xue, X. Zhang, W. Jiang, K. Huo",
        year=2022,
        link="https://arxiv.org/abs/2211.05433",
    ),
    module=__name__,
    state="works",
    metrics=(
        # The paper's numbers are unknown to us, so no metric has a paper value.
        Metric(
            "rs",
            "RS",
            "Rate of Separability of the chosen set: 1 - R_c/R, the share of its coding rate that the classes explain "
            "(reconstruction). With variant 'delta' it is R - R_c in bits.",
            range=(0, 1),
        ),
        Metric(
            "rs_adj",
            "RS adjusted",
            "RS less what shuffled labels give, rescaled so that 1 stays 1 (ours).",
            range=(-1, 1),
        ),
        Metric(
            "rs_local",
            "RS local",
            "RS inside the cells of a Gaussian mixture, averaged, less what shuffled labels give (ours). A cell of one "
            "class counts 1, and a single stray label takes it to nearly 0: read it on few dimensions.",
            range=(-10, 1),
        ),
        Metric("dsi", "DSI", "Distance-based Separability Index of the chosen set, standardized.", range=(0, 1)),
        Metric(
            "graded_rho",
            "Order of graded blobs",
            "Spearman's rho of RS and the accuracy of logistic regression over nine spreads; one value per seed.",
            range=(-1, 1),
        ),
        Metric(
            "subspace_gap",
            "RS - DSI on crossing subspaces",
            "How much more RS sees than DSI where two classes share a mean and differ in their subspaces; per seed.",
            range=(-1, 1),
        ),
        Metric(
            "task_rho_rs",
            "RS follows accuracy",
            "Spearman's rho of RS and mean accuracy over tasks, averaged over settings. Accuracies are means over the "
            "repetitions; the spread is over single repetitions, whose noisier accuracies give a lower rho.",
            range=(-1, 1),
        ),
        Metric("task_rho_dsi", "DSI follows accuracy", "The same for DSI, a distance measure.", range=(-1, 1)),
        Metric(
            "task_rho_gsi", "GSI follows accuracy", "The same for GSI = 1 - N3, itself a 1-NN accuracy.", range=(-1, 1)
        ),
        Metric(
            "task_r2",
            "Accuracy explained by RS",
            "R² of the line through (RS, mean accuracy) over tasks, averaged over settings; spread over settings.",
            range=(0, 1),
        ),
        Metric(
            "judging_gain",
            "Fairer order of classifiers",
            "How much more often two classifiers that saw different tasks come out in the right order once their "
            "accuracy is adjusted for RS; spread over settings.",
            unit="share",
            range=(-1, 1),
        ),
        Metric(
            "layer_gain",
            "Separability learned",
            "Adjusted RS of the last hidden layer at the end of training, less that before it; per seed.",
            range=(-1, 1),
        ),
        Metric(
            "loss_gain",
            "RS in the loss",
            "Test accuracy with 1 - RS added to the cross entropy, less that without; per seed.",
            unit="share",
            range=(-1, 1),
        ),
    ),
    claims=(
        Claim(
            "C1",
            "Accuracy alone is a biased yardstick, because the data may be very separable.",
            "Over real tasks, the spread of accuracy that the data make is larger than the one that the choice of "
            "classifier makes: the 95 % interval of their log ratio is above 0.",
            claims.accuracy_alone,
            ABSTRACT,
        ),
        Claim(
            "C2",
            "Most measures of separability are built on distances between samples and fail in several circumstances.",
            "In every repetition there is a set that SVC or QDA solves (accuracy at least 0.99) while DSI and 1 - LSC "
            "stay under 0.2.",
            claims.distances_fail,
            ABSTRACT,
        ),
        Claim(
            "C3",
            "RS is a useful supplement to four distance-based measures on synthetic sets.",
            "On Gaussians of growing spread, of growing distance and of growing number of classes, the Spearman correlation "
            "of RS and accuracy is at least 0.95 in every repetition, and RS falls with every step of spread. That RS "
            "fails on spirals and circles is reported beside it.",
            claims.supplement,
            ABSTRACT,
        ),
        Claim(
            "C4",
            "RS correlates positively with recognition accuracy over many tasks cut out of one real data set.",
            "The 95 % bootstrap interval of Spearman's rho is above 0 in every group of tasks.",
            claims.correlates,
            ABSTRACT,
        ),
        Claim(
            "C5",
            "A classifier can be judged by its accuracy given the separability of the data.",
            "Classifiers that each saw five tasks of their own come out in the right order more often by residual than "
            "by raw accuracy: the 95 % interval of the gain is above 0.",
            claims.judges_fairly,
            ABSTRACT,
        ),
        Claim(
            "beats",
            "RS follows accuracy better than the distance measures. (Not a claim of the paper, which says supplement.)",
            "The 95 % interval of the difference in Spearman's rho is above 0 against DSI, N2, LSC and Density alike.",
            claims.beats_distances,
            "ours",
        ),
        Claim(
            "eps1",
            "Post hoc, ours: RS follows accuracy better at eps = 1 than at the eps chosen beforehand.",
            "Seen on digits, so judged on other sets only: the 95 % interval of the difference in Spearman's rho over "
            "their tasks is above 0.",
            claims.larger_eps,
            "ours, post hoc",
        ),
    ),
)
