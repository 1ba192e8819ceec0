"""The page of one lab: its form, the data card, progress, and the result."""
