"""The Triton kernels of the 2-D LSTM compiled for a GPU that need not be there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


Tensors = dict[str, Tensor]


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton reads the variable where a kernel is defined, which is at the first call; cuBLAS wants the other one."""
    if DEVICE == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def call(b: int, h: int, w: int, r: int, n: int, dtype: torch.dtype = torch.float32, up: bool = True) -> Tensors:
    generator = torch.Generator().manual_seed(0)
    shapes = {"p": (b, h, w, r, 4 * n), "left": (r, 4 * n, n)} | ({"up": (r, 4 * n, n)} if up else {})
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    scale = {"p": 1.0, "left": n**-0.5, "up": n**-0.5}
    return {name: (t * scale[name]).to(DEVICE, dtype).requires_grad_() for name, t in drawn.items()}


@pytest.mark.parametrize("size", ["1", "128"])
def test_the_kernels_compile_for_a_gpu_and_fit_its_shared_memory(size, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    program = [sys.executable, str(Path(__file__).parents[1] / "compile_for_gpu.py"), "lstm2d", size]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.split()]
    assert len(sizes) == 2
    assert max(sizes) <= 96 << 10
