"""Ten papers, one folder each; the entry points in pyproject.toml list them."""
