"""The Triton kernels compiled for a GPU that need not be there."""

from __future__ import annotations

import pytest

from on_gpu import SHARED_MEMORY, compiled_shared_memory

pytestmark = pytest.mark.usefixtures("triton_runs")


@pytest.mark.parametrize("arguments", ["gru sigmoid 0 128", "lstm softmax 5 128", "lstm none 2 1"])
def test_the_largest_and_the_smallest_kernels_compile_for_a_gpu_and_fit_its_shared_memory(arguments, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    sizes = compiled_shared_memory(*arguments.split())
    assert len(sizes) == (2 if " 0 " in arguments else 3)
    assert max(sizes) <= SHARED_MEMORY
