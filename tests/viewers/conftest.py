"""Tests that need a screen run where there is one, and else in `test_under_xvfb`, which brings its own."""

import os


def pytest_collection_modifyitems(config, items):
    out = "without_screen" if os.environ.get("DISPLAY") else "screen"
    left = [item for item in items if item.get_closest_marker(out)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
