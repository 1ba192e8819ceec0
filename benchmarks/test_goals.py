"""`pytest benchmarks` runs the benchmarks and holds them to their goals."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("problexity") is None, reason="pip install -r benchmarks/requirements.txt")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("script", ["latency.py", "measures.py"])
def test_the_goals_are_reached(script, capfd):
    with capfd.disabled():
        done = subprocess.run([sys.executable, Path(__file__).with_name(script)], check=False)
    assert done.returncode == 0
