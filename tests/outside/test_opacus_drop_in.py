"""The suite by which Opacus shows its recurrent layers to be drop-in for torch.nn's, run on this package's layers.

The suite (Hypothesis; all kinds, sizes, directions, packed sequences sorted and not, given states or none) builds a
layer, loads torch's state dict into it, and compares. Here it builds the adapters below, whose gate is absent or
saturated at one. Opacus compares the state dicts after a backward pass, which no backward pass changes; the suite is
therefore run with a comparison of the gradients themselves in addition.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from opacus.tests.dp_layers import dp_rnn_test
from torch import Tensor, nn
from torch.testing import assert_close

from attentive_rnn import EleAttGRU, EleAttLSTM, EleAttRNN
from attentive_rnn.layers.base import RecurrentBase
from attentive_rnn.ops.recurrence import Weights


class WithTorchsStateDict(RecurrentBase):
    """Give a layer torch's parameters: both biases, whose sum is ours, and no gate among them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, parameter in list(self.named_parameters()):
            if name.startswith(("weight_ia", "weight_ha")):
                delattr(self, name)
                self.register_buffer(name, torch.zeros_like(parameter.data), persistent=False)
            if name.startswith("weight_ia"):  # the gate's bias, which it has here even where the layer has none
                bias = name.replace("weight_ia", "bias_a")
                self._parameters.pop(bias, None)
                self.register_buffer(bias, torch.full(parameter.shape[:1], 40.0), persistent=False)
            if name.startswith("bias_ih") and not hasattr(self, name.replace("bias_ih", "bias_hh")):
                self.register_parameter(name.replace("bias_ih", "bias_hh"), nn.Parameter(torch.empty_like(parameter)))

    def weights(self, layer: int, reverse: bool = False) -> Weights:
        known = super().weights(layer, reverse)
        if known.b_hh is None or self.specs[layer].cell == "gru_reset_after":
            return known
        assert known.b_ih is not None
        return known._replace(b_ih=known.b_ih + known.b_hh, b_hh=None)


class RNN(EleAttRNN, WithTorchsStateDict):
    pass


class GRU(EleAttGRU, WithTorchsStateDict):
    pass


class LSTM(EleAttLSTM, WithTorchsStateDict):
    pass


class Suite(dp_rnn_test.DPLSTM_test):
    """Opacus' suite with gradients that are compared."""

    __test__ = False  # run below, with the adapters

    def compare_gradients(self, nn_module: nn.Module, dp_module: nn.Module, *args: Any, **kwargs: Any) -> None:
        super().compare_gradients(nn_module, dp_module, *args, **kwargs)
        ours, theirs = gradients(dp_module), gradients(nn_module)
        assert ours.keys() == theirs.keys()
        assert any(gradient.any() for gradient in theirs.values())
        assert_close(ours, theirs, atol=kwargs["atol"], rtol=kwargs["rtol"])


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in module.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("gate", [None, "sigmoid"], ids=["no gate", "saturated gate"])
def test_layers_pass_the_drop_in_suite(gate, monkeypatch):
    calls = []

    def made(cls: type[RecurrentBase], **more: Any) -> Any:
        def make(*args: Any, **kwargs: Any) -> RecurrentBase:
            calls.append(cls.__name__)
            return cls(*args, **kwargs, gate=gate, **more)

        return make

    monkeypatch.setattr(dp_rnn_test, "DPRNN", made(RNN))
    monkeypatch.setattr(dp_rnn_test, "DPGRU", made(GRU, reset_after=True))
    monkeypatch.setattr(dp_rnn_test, "DPLSTM", made(LSTM))
    repeatable = settings(
        deadline=None,
        max_examples=200,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    suite = Suite("test_rnn")
    upstream = dp_rnn_test.DPLSTM_test.test_rnn.hypothesis

    @repeatable
    @given(**upstream._given_kwargs)
    def run(**example: Any) -> None:
        upstream.inner_test(suite, **example)

    run()
    assert len(calls) >= 200
    assert set(calls) == {"RNN", "GRU", "LSTM"}


def test_the_suite_refuses_a_layer_that_differs(monkeypatch):
    """A gate at one half must be found out, or the suite shows nothing."""

    def half_open(*args: Any, **kwargs: Any) -> GRU:
        return GRU(*args, **kwargs, reset_after=True, gate_scale=0.5)

    monkeypatch.setattr(dp_rnn_test, "DPGRU", half_open)
    example = {"mode": "gru", "batch_size": 2, "seq_len": 3, "emb_size": 5, "hidden_size": 3, "num_layers": 1}
    flags = {"bidirectional": False, "bias": True, "batch_first": False, "zero_init": True, "packed_input_flag": 0}
    with pytest.raises(AssertionError, match="values do not match"):
        dp_rnn_test.DPLSTM_test.test_rnn.hypothesis.inner_test(Suite("test_rnn"), **example, **flags)
