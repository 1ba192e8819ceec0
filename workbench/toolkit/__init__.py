"""What labs compute with: resumable jobs, statistics, cases, training loops, tensors."""
