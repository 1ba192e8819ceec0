"""The former place of the contract: an outside lab that imports from here is told the new one."""

raise ImportError(
    "workbench.lab has moved: write `from workbench.contract import Lab, Params, Metric, Claim, Context, Result, "
    "LabError`. The tools of workbench.context, .journal, .judging and .tensors are now in workbench.toolkit."
)
