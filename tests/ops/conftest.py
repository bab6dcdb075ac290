"""Fixtures of the tests of the compiled CPU kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from attentive_rnn.ops import native
from helpers import poison_pool

CAPABILITY = torch.backends.cpu.get_cpu_capability()
HERE = {"AVX512": ("generic", "avx2", "avx512"), "AVX2": ("generic", "avx2")}.get(CAPABILITY, ("generic",))


@pytest.fixture
def _poisoned() -> None:
    """Memory that nobody has written is NaN: torch.empty's, and what the kernels take from their pool."""
    torch.use_deterministic_algorithms(True)
    poison_pool()


@pytest.fixture(params=["generic", "avx2", "avx512"])
def has_isa(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether this machine has an instruction set, which the kernels then use; they refuse one that it has not."""
    best, isa = native.kernels.isa(), request.param
    if isa not in HERE:
        with pytest.raises(ValueError, match=f"no instruction set '{isa}'"):
            native.kernels.select_isa(isa)
        yield False
        return
    native.kernels.select_isa(isa)
    yield True
    native.kernels.select_isa(best)
