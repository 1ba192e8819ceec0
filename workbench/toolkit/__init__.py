"""Shared computations of the labs: resumable jobs, statistics, cases, training loops, tensors."""
