"""The Triton kernels of the 2-D LSTM compiled for a GPU that need not be there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("size", ["1", "128"])
def test_the_kernels_compile_for_a_gpu_and_fit_its_shared_memory(size, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    program = [sys.executable, str(Path(__file__).parents[1] / "compile_for_gpu.py"), "lstm2d", size]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.split()]
    assert len(sizes) == 2
    assert max(sizes) <= 96 << 10
