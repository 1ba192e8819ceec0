"""The contract between the workbench and a lab: everything that the author of a lab imports from it by name.

>>> from workbench.contract import Claim, Context, Lab, LabError, LoadedRun, Metric, Paper, Params, Result, Verdict
"""

from workbench.contract.context import Context, stream_seed
from workbench.contract.errors import LabError
from workbench.contract.lab import Claim, Lab, LoadedRun, Metric, Paper, PaperValue, Params, Verdict, get_lab, labs
from workbench.contract.result import Result

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
    "Result",
    "Verdict",
    "get_lab",
    "labs",
    "stream_seed",
]
