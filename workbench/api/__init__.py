"""What ``import workbench`` offers: runs and sweeps as handles."""
