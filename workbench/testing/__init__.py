"""The contract tests for authors of labs: ``pytest --pyargs workbench.testing --lab NAME``.

Without ``--lab`` they run for every registered lab that works. pytest is needed here and nowhere else.
"""
