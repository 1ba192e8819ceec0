"""Segmentation of volumes, shared by the labs that do it: scores and ranks, networks, patch training, inference."""
