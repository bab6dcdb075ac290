"""The public function of the 2-D LSTM: derivatives, and the reason for a backend."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attentive_rnn import AttentionRNN2d
from attentive_rnn.ops import BackendError
from attentive_rnn.ops.lstm2d import Weights, lstm2d
from random_maps import random_input, random_weights

every_backend = pytest.mark.parametrize("backend", ["reference", "hoisted", "auto"])


@every_backend
@pytest.mark.parametrize("feed", [False, True], ids=["h", "values-fed-back"])
def test_first_and_second_derivatives(backend, feed):
    p, w = random_input(1, 2, 3, 2, 2), random_weights(2, 2, feed)
    tensors = [t for t in (p, *w) if t is not None]

    def run(p: Tensor, *weights: Tensor) -> Tensor:
        return lstm2d(p, Weights(*weights), backend=backend).h

    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors, fast_mode=True)


def test_values_fed_back_name_the_reason_for_pytorchs_operators():
    layer = AttentionRNN2d(3, 4, feed_mask=True)
    layer(torch.randn(1, 3, 4, 4))
    refusal = "its kernels do not feed the mask's values back"
    assert layer.last_backend == ("hoisted", f"triton: {refusal}; cpu: {refusal}")
    layer.backend = "cpu"
    with pytest.raises(BackendError, match=r"do not feed the mask's values back; use backend='auto'"):
        layer(torch.randn(1, 3, 4, 4))
