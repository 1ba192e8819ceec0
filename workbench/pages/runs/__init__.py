"""The page of all runs: the table, its filter, and the import of a run."""
