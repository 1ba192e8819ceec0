"""The data catalog and the readers, one folder for each modality."""
