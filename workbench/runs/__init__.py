"""A run as data: stored, searched, managed, described, compared, and repeated."""
