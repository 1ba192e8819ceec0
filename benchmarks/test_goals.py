"""`pytest benchmarks` runs the benchmarks and holds them to their goals."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("problexity") is None, reason="pip install -r benchmarks/requirements.txt")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "script",
    [
        "crossmodal.py",
        "grooves.py",
        "latency.py",
        "measures.py",
        "playing.py",
        "scenes.py",
        "segmentation.py",
        "slices.py",
        "volumes.py",
    ],
)
def test_the_goals_are_reached(script, capfd):
    with capfd.disabled():
        done = subprocess.run([sys.executable, Path(__file__).with_name(script)], check=False)
    assert done.returncode == 0


@pytest.mark.skipif("WORKBENCH_DEVKIT" not in os.environ, reason="WORKBENCH_DEVKIT: the devkit's own environment")
@pytest.mark.timeout(1800)
def test_the_metric_of_detection_is_faster_than_the_devkit(capfd):
    with capfd.disabled():
        done = subprocess.run([sys.executable, Path(__file__).with_name("detection.py")], check=False)
    assert done.returncode == 0
