"""Labeled images: arrays, known sets, own files, and the data card."""
