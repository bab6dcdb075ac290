"""Machines that can run the Triton kernels, and reasons that keep a call from them."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops import backends, gpu
from on_gpu import GPU

pytestmark = pytest.mark.usefixtures("triton_runs")


def test_the_machine_says_where_the_kernels_run(monkeypatch):
    assert backends()[0].available
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    if not GPU:
        assert backends()[0] == ("triton", False, "PyTorch sees no GPU")
        assert gpu.why_not([torch.zeros(1)], torch.float32) == "tensors are on cpu"
