"""Sweeps: one lab, many settings, several seeds, as one group of runs.

`spec` says what is asked and checks it, `points` chooses the settings, `record` keeps a sweep in the store, `conductor`
sends its runs out and sees them to their end, and `table` is what comes of it.
"""
