"""The data catalog and the readers, one modality a file."""
