"""PyTorch's own samples and error inputs for nn.RNN, nn.GRU, nn.LSTM and their cells, run on this package's classes.

The samples come from torch.testing (ModuleInfo), and the checks are those that PyTorch makes of its own modules with
them. Left out: samples with proj_size, since these layers have no projection; checks of a second device, of memory
formats and of in-place modules, which do not concern them.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.testing import assert_close
from torch.testing._internal import common_modules as samples_of

from attentive_rnn import RRA, EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttLSTMCell, EleAttRNN, EleAttRNNCell, RRACell

GATES = ("sigmoid", "softmax", None)


def gated(cls: type[nn.Module], gate: str | None, **more: Any) -> type[nn.Module]:
    """`cls` with other defaults, since a sample's constructor arguments are torch's."""

    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        kwargs.pop("proj_size", None)
        options = {"gate": gate} | more | kwargs
        if cls is RRA and len(args) > 2:  # torch's third is num_layers
            args = (*args[:2], options.pop("lags", 5), *args[2:])
        cls.__init__(self, *args, **options)

    return type(cls.__name__, (cls,), {"__init__": __init__})


def with_every_state(lstm_samples: Any, axis_of_rows: Any, state_axis: int) -> Any:
    """An LSTM's samples for a layer that gives more states than the two it takes."""

    def reference(module: nn.Module, _parameters: Any, x: Tensor, hx: Any = None) -> Any:
        axis = axis_of_rows(module)
        given = None if hx is None else tuple(s.unsqueeze(state_axis) for s in hx)
        returned = module(x.unsqueeze(axis), given)
        output, states = returned if state_axis else (None, returned)
        states = tuple(s.squeeze(state_axis) for s in states)
        return states if output is None else (output.squeeze(axis), states)

    def samples(*args: Any, **kwargs: Any) -> list[samples_of.ModuleInput]:
        return [
            samples_of.ModuleInput(s.constructor_input, s.forward_input, reference_fn=reference)
            for s in lstm_samples(*args, **kwargs)
        ]

    return samples


rra_samples = with_every_state(samples_of.module_inputs_torch_nn_LSTM, lambda m: 0 if m.batch_first else 1, 1)
rra_cell_samples = with_every_state(samples_of.module_inputs_torch_nn_LSTMCell, lambda m: 0, 0)
rnn_samples = partial(samples_of.module_inputs_torch_nn_RNN_GRU, is_rnn=True)
gru_samples = partial(samples_of.module_inputs_torch_nn_RNN_GRU, is_rnn=False)
rnn_cell_samples = partial(samples_of.module_inputs_torch_nn_RNN_GRU_Cell, is_rnn=True)
layer_errors = samples_of.module_error_inputs_torch_nn_RNN_GRU
cell_errors = samples_of.module_error_inputs_torch_nn_RNN_GRU_Cell
FAMILIES = {
    "RNN": (EleAttRNN, rnn_samples, layer_errors),
    "GRU": (EleAttGRU, gru_samples, layer_errors),
    "LSTM": (EleAttLSTM, samples_of.module_inputs_torch_nn_LSTM, layer_errors),
    "RNNCell": (EleAttRNNCell, rnn_cell_samples, cell_errors),
    "GRUCell": (EleAttGRUCell, samples_of.module_inputs_torch_nn_RNN_GRU_Cell, cell_errors),
    "LSTMCell": (
        EleAttLSTMCell,
        samples_of.module_inputs_torch_nn_LSTMCell,
        samples_of.module_error_inputs_torch_nn_LSTMCell,
    ),
    "RRA": (RRA, rra_samples, layer_errors),
    "RRACell": (RRACell, rra_cell_samples, samples_of.module_error_inputs_torch_nn_LSTMCell),
}
INFOS = {
    f"{name}-{gate}": samples_of.ModuleInfo(
        gated(cls, gate), module_inputs_func=inputs, module_error_inputs_func=errors, train_and_eval_differ=True
    )
    for name, (cls, inputs, errors) in FAMILIES.items()
    for gate in GATES
}
for name in ("GRU", "GRUCell"):
    cls, inputs, errors = FAMILIES[name]
    INFOS[f"{name}-reset_after"] = samples_of.ModuleInfo(
        gated(cls, "sigmoid", reset_after=True), module_inputs_func=inputs, module_error_inputs_func=errors
    )

for name in ("RRA", "RRACell"):
    cls, inputs, errors = FAMILIES[name]
    INFOS[f"{name}-content"] = samples_of.ModuleInfo(
        gated(cls, None, norm="content", lags=2, first_lag=2),
        module_inputs_func=inputs,
        module_error_inputs_func=errors,
        train_and_eval_differ=True,
    )

every_info = pytest.mark.parametrize("info", INFOS.values(), ids=INFOS.keys())
both_modes = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def samples(
    info: samples_of.ModuleInfo, dtype: torch.dtype, training: bool, requires_grad: bool = False, **options: Any
) -> Iterator[tuple[nn.Module, samples_of.ModuleInput]]:
    """A module made as each sample says, and the sample."""
    drawn = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training, **options
    )
    kept = [sample for sample in drawn if not sample.constructor_input.kwargs.get("proj_size")]
    assert kept
    for sample in kept:
        made = sample.constructor_input
        yield info.module_cls(*made.args, **made.kwargs).to(dtype).train(training), sample


def call(module: nn.Module, sample: samples_of.ModuleInput) -> Any:
    return module(*sample.forward_input.args, **sample.forward_input.kwargs)


def tensors_of(returned: Any) -> list[Tensor]:
    """Every tensor in nested tuples and packed sequences, in order."""
    if isinstance(returned, PackedSequence):
        return [returned.data]
    if isinstance(returned, Tensor):
        return [returned]
    return [tensor for part in returned for tensor in tensors_of(part)]


@every_info
@both_modes
@both_dtypes
def test_forward_agrees_with_the_batched_reference(info, dtype, training):
    for module, sample in samples(info, dtype, training):
        returned = call(module, sample)
        expected = sample.reference_fn(module, *sample.forward_input.args, **sample.forward_input.kwargs)
        assert_close(returned, expected)


@every_info
@both_dtypes
def test_dtype_methods_move_every_parameter(info, dtype):
    for module, sample in samples(info, dtype, training=True):
        module = module.float().double() if dtype == torch.float64 else module.double().float()
        assert {p.dtype for p in module.parameters()} == {dtype}
        assert {t.dtype for t in tensors_of(call(module, sample))} == {dtype}


@every_info
@both_dtypes
def test_factory_arguments_reach_every_parameter(info, dtype):
    for _, sample in samples(info, dtype, training=True):
        made = sample.constructor_input
        module = info.module_cls(*made.args, **made.kwargs, device="cpu", dtype=dtype)
        assert {(p.device.type, p.dtype) for p in module.parameters()} == {("cpu", dtype)}
        on_meta = info.module_cls(*made.args, **made.kwargs, device="meta", dtype=dtype)
        assert {(p.device.type, p.dtype) for p in on_meta.parameters()} == {("meta", dtype)}


@every_info
def test_the_default_device_is_used_and_empty_modules_can_be_filled(info):
    for module, sample in samples(info, torch.float64, training=False):
        with torch.device("meta"):
            empty = info.module_cls(*sample.constructor_input.args, **sample.constructor_input.kwargs)
        assert {p.device.type for p in empty.parameters()} == {"meta"}
        filled = empty.to_empty(device="cpu").double().eval()
        filled.load_state_dict(module.state_dict())
        assert_close(call(filled, sample), call(module, sample), rtol=0, atol=0)


@every_info
@both_modes
def test_repr_names_the_class_and_its_sizes(info, training):
    for module, _ in samples(info, torch.float32, training):
        assert repr(module) == str(module)
        assert repr(module).startswith(f"{info.module_cls.__name__}({module.input_size}, {module.hidden_size}")


@every_info
@both_modes
def test_saved_weights_and_deep_copies_give_the_same(info, training):
    for module, sample in samples(info, torch.float32, training):
        expected = call(module, sample)
        stored = io.BytesIO()
        torch.save(module.state_dict(), stored)
        stored.seek(0)
        loaded = info.module_cls(*sample.constructor_input.args, **sample.constructor_input.kwargs).train(training)
        loaded.load_state_dict(torch.load(stored, weights_only=True))
        for again in (loaded, copy.deepcopy(module)):
            assert again.training == training
            assert_close(call(again, sample), expected, rtol=0, atol=0)
            assert not {p.data_ptr() for p in again.parameters()} & {p.data_ptr() for p in module.parameters()}


@pytest.mark.parametrize(("cls", "inputs"), [family[:2] for family in FAMILIES.values()], ids=FAMILIES.keys())
@both_modes
def test_a_pickled_module_gives_the_same(cls, inputs, training):
    """On the classes as they are, since pickle finds a class by its name."""
    for _, sample in samples(samples_of.ModuleInfo(gated(cls, None), module_inputs_func=inputs), torch.float32, True):
        sizes = {name: size for name, size in sample.constructor_input.kwargs.items() if name != "proj_size"}
        module = cls(*sample.constructor_input.args, **sizes).train(training)
        expected = call(module, sample)
        stored = io.BytesIO()
        torch.save(module, stored)
        stored.seek(0)
        again = torch.load(stored, weights_only=False)
        assert again.training == training
        assert_close(call(again, sample), expected, rtol=0, atol=0)


def strided(tensor: Tensor) -> Tensor:
    """The same numbers, every second one of a larger tensor, with `requires_grad` as it was."""
    wide = tensor.detach().repeat_interleave(2, dim=-1)[..., ::2]
    assert not wide.is_contiguous()
    return wide.requires_grad_(tensor.requires_grad)


@every_info
@both_modes
def test_tensors_that_are_not_contiguous_give_the_same_outputs_and_gradients(info, training):
    for module, sample in samples(info, torch.float64, training, requires_grad=True):
        given = tensors_of(sample.forward_input.args)
        returned = tensors_of(call(module, sample))
        weights = list(module.parameters())
        cotangents = [torch.randn_like(out) for out in returned]
        expected = torch.autograd.grad(returned, given + weights, cotangents, allow_unused=True)
        for index in range(len(given) + 1):  # each alone, then all of them
            changed = [strided(t) if index in (i, len(given)) else t for i, t in enumerate(given)]
            again = tensors_of(module(*like(sample.forward_input.args, iter(changed))))
            assert_close(again, returned)
            skewed = [strided(c) if c.shape[-1] > 1 else c for c in cotangents]
            assert_close(torch.autograd.grad(again, changed + weights, skewed, allow_unused=True), expected)


def like(structure: Any, leaves: Iterator[Tensor]) -> Any:
    """`structure` with its tensors replaced, in order."""
    return next(leaves) if isinstance(structure, Tensor) else tuple(like(part, leaves) for part in structure)


def checked_function(module: nn.Module, sample: samples_of.ModuleInput) -> tuple[Any, Tensor]:
    """The module as a function from one vector, all its inputs and parameters, to one vector, all that it returns.

    One vector each way, for the gradient checkers take time for every pair of an input and an output.
    """
    args = sample.forward_input.args
    packed = args[0] if isinstance(args[0], PackedSequence) else None
    given = [packed.data, *tensors_of(args[1:])] if packed is not None else tensors_of(args)
    names = [name for name, _ in module.named_parameters()]
    leaves = given + list(module.parameters())

    def function(vector: Tensor) -> Tensor:
        parts = vector.split([leaf.numel() for leaf in leaves])
        parts = [part.view_as(leaf) for part, leaf in zip(parts, leaves, strict=True)]
        inputs, weights = parts[: len(given)], dict(zip(names, parts[len(given) :], strict=True))
        again = (packed._replace(data=inputs[0]),) if packed is not None else like(args, iter(inputs))
        returned = tensors_of(torch.func.functional_call(module, weights, again))
        return torch.cat([tensor.flatten() for tensor in returned])

    return function, torch.cat([leaf.detach().flatten() for leaf in leaves]).requires_grad_()


def checked_functions(info: samples_of.ModuleInfo, training: bool, **options: Any) -> Iterator[tuple[Any, Tensor]]:
    """Those of all samples but the ones with batch_first, which only lay the numbers out in another way."""
    for module, sample in samples(info, torch.float64, training, requires_grad=True, **options):
        if not getattr(module, "batch_first", False):
            yield checked_function(module, sample)


@every_info
@both_modes
def test_gradients_are_those_of_finite_differences(info, training):
    for function, vector in checked_functions(info, training):
        assert gradcheck(function, vector, fast_mode=True)


@every_info
@both_modes
def test_second_gradients_are_those_of_finite_differences(info, training):
    for function, vector in checked_functions(info, training):
        assert gradgradcheck(function, vector, fast_mode=True)


packed_infos = {name: info for name, info in INFOS.items() if name.startswith(("RNN-", "GRU-"))}


@pytest.mark.parametrize("info", packed_infos.values(), ids=packed_infos.keys())
@both_modes
def test_packed_samples_give_what_each_sequence_gives_alone(info, training):
    for module, sample in samples(info, torch.float64, training, with_packed_sequence=True):
        given = sample.forward_input.args[0]
        if not isinstance(given, PackedSequence):
            continue
        returned, last = call(module, sample)
        assert torch.equal(returned.batch_sizes, given.batch_sizes)
        (x, lengths), (output, _) = pad_packed_sequence(given), pad_packed_sequence(returned)
        for row, length in enumerate(lengths.tolist()):
            alone = x[:length, row : row + 1].transpose(0, 1) if module.batch_first else x[:length, row : row + 1]
            expected, expected_last = module(alone)
            expected = expected.transpose(0, 1) if module.batch_first else expected
            assert_close(output[:length, row], expected[:, 0])
            assert_close(last[:, row], expected_last[:, 0])


@pytest.mark.parametrize("info", packed_infos.values(), ids=packed_infos.keys())
def test_gradients_of_packed_samples_are_those_of_finite_differences(info):
    for module, sample in samples(info, torch.float64, True, requires_grad=True, with_packed_sequence=True):
        if isinstance(sample.forward_input.args[0], PackedSequence) and not module.batch_first:
            function, vector = checked_function(module, sample)
            assert gradcheck(function, vector, fast_mode=True)
            assert gradgradcheck(function, vector, fast_mode=True)


@every_info
@both_modes
@both_dtypes
def test_error_inputs_raise_what_torch_raises(info, dtype, training):
    cases = info.module_error_inputs_func(info, device="cpu", dtype=dtype, requires_grad=False, training=training)
    assert cases
    for case in cases:
        sample = case.module_error_input
        made = sample.constructor_input
        if case.error_on is samples_of.ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(case.error_type, match=case.error_regex):
                info.module_cls(*made.args, **made.kwargs)
        else:
            options = {} if "dtype" in made.kwargs else {"dtype": dtype}
            module = info.module_cls(*made.args, **made.kwargs, **options).train(training)
            with pytest.raises(case.error_type, match=case.error_regex):
                call(module, sample)


@every_info
@pytest.mark.parametrize("swap", [False, True])
def test_conversion_replaces_numbers_and_keeps_parameters(info, swap, monkeypatch):
    """`module.to` with and without torch's switch to swap tensors instead of assigning their data."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(swap)
    try:
        module, sample = next(samples(info, torch.float32, training=False))
        known = list(module.parameters())
        module.to(torch.float64)
        assert all(a is b for a, b in zip(module.parameters(), known, strict=True))
        module.to(torch.float32)
        assert {t.dtype for t in tensors_of(call(module, sample))} == {torch.float32}
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)
