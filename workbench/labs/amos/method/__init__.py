"""The method of `amos`: data, model, probe."""
