"""Result of a run of `drums`: tables, their summary, the headline metrics, and notes."""

from __future__ import annotations

import pandas as pd

from workbench.contract import Result
from workbench.labs.drums.common import evaluation
from workbench.labs.drums.common.evaluation import HUMAN
from workbench.labs.drums.method.grooves import Material
from workbench.labs.drums.params import REFERENCE, Params
from workbench.toolkit.jobs import Headline, RunState


def conclude(params: Params, run_state: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: the tables, their summary, and the metrics of the arm that read English."""
    tables = run_state.tables()
    if "measures" in tables:
        tables["summary"] = evaluation.summary(tables["measures"])
    metrics, samples = headline(params, tables)
    return Result(metrics=metrics, samples=samples, tables=tables, notes=notes, partial=stopped)


def headline(params: Params, tables: dict[str, pd.DataFrame]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics`: of the arm English if there is one, else of the first; a value a seed."""
    chosen = "english" if "english" in params.arms else params.arms[0]
    numbers = Headline()
    if "measures" in tables:
        rows = tables["measures"]
        own = rows[rows["player"] == chosen].groupby("seed")
        for key in ("mean", "between", "within", "distinct", "fills", "train", "prompt"):
            numbers.add(key, own[key].mean())
        human = rows[rows["player"] == HUMAN]
        for key in ("mean", "between", "within"):
            numbers.add(f"human_{key}", human.groupby("seed")[key].mean())
    if "bits" in tables:
        numbers.add("bits", tables["bits"].query("player == @chosen").groupby("seed")["bits"].mean())
    if "validity" in tables:
        own = tables["validity"].query("player == @chosen")
        numbers.add("valid", 1 - own["malformed"] / own["rows"].clip(lower=1))
    return numbers.metrics, numbers.samples


def notes_for(params: Params, data: Material) -> list[str]:
    """Return what the reader of any result must know."""
    text = (
        f"English is {params.english}: "
        + ("the language reference inside this Python" if params.english == REFERENCE else "GCIDE")
        + f"; {params.pretrain:,} thousand characters are read. GPT-3 had read some 300 billion tokens (recalled)."
    )
    return [
        *data.notes,
        text,
        f"The networks are small ({params.layers} blocks of {params.width} channels), the paper's are GPT-3.",
        f"Each text is read once; the {params.seeds} seeds differ in the order of the grooves and in what is drawn.",
        "Training leaves out the silent bars that padding adds, and continuations do not stop at END, so that every "
        "player is measured over as many bars. The rows 'human' are as the authors measure them, padding included.",
    ]
