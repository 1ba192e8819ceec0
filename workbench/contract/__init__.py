"""The contract between the workbench and a lab: everything that the author of a lab imports from it by name.

>>> from workbench.contract import Context, Lab, LabError, LoadedRun, Params, Question, Result, Tab
>>> from workbench.contract import Claim, Metric, Paper
"""

from workbench.contract.context import Context, stream_seed
from workbench.contract.errors import LabError
from workbench.contract.lab import Claim, Lab, LoadedRun, Metric, Paper, PaperValue, Verdict, get_lab, labs
from workbench.contract.params import Params
from workbench.contract.question import Question
from workbench.contract.result import Result
from workbench.contract.tab import Tab

__all__ = [
    "Claim",
    "Context",
    "Lab",
    "LabError",
    "LoadedRun",
    "Metric",
    "Paper",
    "PaperValue",
    "Params",
    "Question",
    "Result",
    "Tab",
    "Verdict",
    "get_lab",
    "labs",
    "stream_seed",
]
