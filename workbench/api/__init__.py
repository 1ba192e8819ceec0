"""Public Python interface of the workbench: handles of runs and sweeps."""
