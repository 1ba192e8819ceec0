"""The former place of the contract: an outside lab that imports from here is told the new one."""

raise ImportError(
    "workbench.lab has moved: write `from workbench.contract import Lab, Params, Metric, Claim, Context, Result, "
    "LabError`. MemoryContext is in workbench.toolkit.memory; .journal is toolkit.jobs (Desk: RunState), "
    ".judging is toolkit.statistics, .tensors is toolkit.tensors."
)
