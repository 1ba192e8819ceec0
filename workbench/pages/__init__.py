"""The pages that ``panel serve workbench/app.py`` serves."""
