"""`pytest benchmarks` runs the benchmark and holds it to its goal."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("problexity") is None, reason="pip install -r benchmarks/requirements.txt")
@pytest.mark.timeout(1800)
def test_measures_are_twenty_times_faster_than_each_peer(capfd):
    with capfd.disabled():
        done = subprocess.run([sys.executable, Path(__file__).with_name("measures.py")], check=False)
    assert done.returncode == 0
