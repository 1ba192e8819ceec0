"""Plots of scans and driving scenes that several labs share."""
