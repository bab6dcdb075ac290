"""The base class of the recurrent layers: parameters, the call forms of torch.nn, single steps, counts."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Self, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..ops.dispatch import Choice
from ..ops.recurrence import Attention, Cell, Lags, Spec, State, Weights, check_lengths, own_lengths
from ..options import GateReads, Keep
from .forms import given_state, join_directions, pack_like, per_part
from .guarded import Guarded
from .options import (
    DEFAULTS,
    LAYOUT,
    Options,
    changed,
    check_choice,
    check_rate,
    check_type,
    complete,
    gates_per_layer,
    rank_of_gate,
    show_options,
)
from .parameters import INITIALISATIONS, PARAMETERS, chrono, factors, flops, parameter_shapes
from .recompute import in_parts
from .stepping import Steps, compute_weights


class RecurrentBase(Guarded):
    """A stack of recurrent layers, each with an attention gate on its input, called as torch.nn's layers are.

    .. math:: a_t = s\\,\\sigma(W_{xa} x_t + W_{ha} h_{t-1} + b_a), \\qquad \\tilde x_t = a_t \\odot x_t

    Every later use of x_t in the layer is of :math:`\\tilde x_t`; the gate itself reads x_t.

    Args:
        input_size: D, the number of elements of the input at a step.
        hidden_size: N, the number of neurons.
        num_layers: stacked layers; layer k reads the outputs of layer k-1.
        bias: use the biases.
        batch_first: input, output and attention are (B, T, ...) instead of (T, B, ...); states never are.
        dropout: probability of zeroing an output of a layer but the last, drawn anew at every step.
        bidirectional: run a second set of layers from the last step to the first.
        gate, gate_reads, gate_rank, gate_scale, locked_dropout, zoneout, residual, recompute, keep, init, backend: see
            :class:`.options.LayerOptions`.
        device, dtype: as in torch.nn.

    Inputs:
        * **input**: (T, B, D), or (B, T, D) if batch_first, or (T, D) without a batch, or a PackedSequence.
        * **hx**: the state before the first step, h_0 or (h_0, c_0), each (num_layers * directions, B, N), without B
          if the input has no batch; zeros if not given.
        * **lengths** (keyword): int64 (B,), the steps of each row, instead of packing; padding is never read. A row of
          length 0 keeps its state.
        * **need_attention** (keyword): return the attention too.

    Outputs:
        * **output**: (T, B, directions * N), laid out as the input is; zero past a row's length.
        * **h_n** or **(h_n, c_n)**: as hx, after each row's last step.
        * **attention**, if asked for: a list with one tensor a layer, (T, B, D_layer) laid out as that layer's input,
          or (T, B, D_layer, 2) if bidirectional; None for a layer without a gate.

    Attributes:
        weight_ih_l{k}, weight_hh_l{k}, bias_ih_l{k}: (G*N, D), (G*N, N), (G*N), G blocks of N rows, in torch's order;
            the suffix _reverse marks the second direction.
        weight_ia_l{k}, weight_ha_l{k}, bias_a_l{k}: (D, D), (D, N), (D): the gate's W_xa, W_ha and b_a; no W_xa where
            gate_reads is "state".
        weight_ua_l{k}: with gate_rank, W_ua (D, r); then weight_ia_l{k} is (r, D) and weight_ha_l{k} (r, N).
        last_backend: which backend ran the last call, and why.

    Raises:
        TypeError, ValueError, RuntimeError: where torch.nn's layers raise them.

    Source: Zhang et al., "Adding Attentiveness to the Neurons in Recurrent Neural Networks", ECCV 2018, (4), (5).
    """

    _mode: str  # as in torch.nn's messages: RNN, LSTM or GRU
    _defaults: ClassVar[Options] = DEFAULTS
    gate_reads: GateReads
    gate_rank: int | None
    gate_scale: float
    locked_dropout: float
    zoneout: float
    recompute: int | None
    keep: Keep
    backend: str
    last_backend: Choice | None = None

    @show_options(DEFAULTS)
    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        lags: Lags | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        for name, value in (("bias", bias), ("batch_first", batch_first)):
            check_type(name, value, bool)
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            check_type(name, size, int)
        check_rate("dropout", dropout)
        defaults: Mapping[str, Any] = self._defaults
        given = complete(options, defaults, type(self).__name__)
        if num_layers == 1 and (dropout > 0 or given["locked_dropout"] > 0):
            warnings.warn(
                f"dropout acts between layers: it needs num_layers greater than 1, got dropout={dropout}, "
                f"locked_dropout={given['locked_dropout']} and num_layers={num_layers}",
                stacklevel=3,
            )
        gate, init, made = given.pop("gate"), given.pop("init"), {name: given.pop(name) for name in ("device", "dtype")}
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout, self.gates = float(dropout), gates_per_layer(gate, num_layers)
        for name, value in given.items():
            setattr(self, name, float(value) if isinstance(defaults[name], float) else value)
        self.directions = 2 if bidirectional else 1
        self.specs = tuple(
            Spec(cell, one, self.gate_scale, lags, self.gate_reads, rank_of_gate(one, self.gate_rank, self._width(k)))
            for k, one in enumerate(self.gates)
        )
        self._steps, self._forward_suffixes = Steps(), tuple(f"_l{layer}" for layer in range(num_layers))
        for layer, spec in enumerate(self.specs):
            for suffix in self._suffixes(layer):
                shapes = parameter_shapes(spec, self._width(layer), hidden_size, bias)
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, nn.Parameter(torch.empty(shape, **made)))
        self.reset_parameters(init)

    @classmethod
    def from_full(cls, layer: Self, rank: int) -> Self:
        """A copy of `layer`, whose gates are full, with low-rank gates: the nearest ones to its own.

        .. math:: [W_{xa} \\; W_{ha}] = U S V^T, \\qquad W_{ua} := U_r, \\quad [W_{xa} \\; W_{ha}]' := S_r V_r^T

        It computes the same where the weights' rank is no higher. A gate of at most `rank` inputs stays full.

        Raises:
            TypeError, ValueError: `layer` is of another class or has low-rank gates, or `rank` is no size.

        Example:
            >>> import torch
            >>> from attentive_rnn import EleAttGRU
            >>> low = EleAttGRU.from_full(EleAttGRU(64, 8), rank=4)
            >>> low.weight_ia_l0.shape, low.weight_ha_l0.shape, low.weight_ua_l0.shape
            (torch.Size([4, 64]), torch.Size([4, 8]), torch.Size([64, 4]))
        """
        check_type("rank", rank, int)
        if not isinstance(layer, cls):
            raise TypeError(f"{cls.__name__}.from_full takes an {cls.__name__}, got {type(layer).__name__}")
        if layer.gate_rank is not None:
            raise ValueError(f"from_full takes a layer with full gates, but it has gate_rank={layer.gate_rank}")
        low = copy.deepcopy(layer)
        low._parameters.clear()
        low.gate_rank, low.specs = rank, ()
        for k, spec in enumerate(layer.specs):
            low.specs += (spec._replace(gate_rank=rank_of_gate(spec.gate, rank, layer._width(k))),)
            for suffix in layer._suffixes(k):
                own = layer._named(k, suffix)
                if low.specs[k].gate_rank is not None:
                    own |= factors(own, rank)
                for name in parameter_shapes(low.specs[k], 1, 1, low.bias):
                    value = own[name].detach().clone()
                    low.register_parameter(name + suffix, nn.Parameter(value, own[name].requires_grad))
        return low

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self.directions]

    def _width(self, layer: int) -> int:
        return self.input_size if layer == 0 else self.hidden_size * self.directions

    def _named(self, layer: int, suffix: str) -> dict[str, Tensor]:
        names = parameter_shapes(self.specs[layer], 1, 1, self.bias)
        return {name: getattr(self, name + suffix) for name in names}

    def weights(self, layer: int, reverse: bool = False) -> Weights:
        """The parameters of one direction of a layer, as the recurrence takes them."""
        suffix = f"_l{layer}_reverse" if reverse else f"_l{layer}"
        tensors: list[Any] = [getattr(self, name + suffix, None) for name in PARAMETERS]
        return Weights(*tensors)

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters, a list for each layer and direction, as torch.nn's layers give them."""
        return [
            list(self._named(layer, suffix).values())
            for layer in range(self.num_layers)
            for suffix in self._suffixes(layer)
        ]

    def reset_parameters(self, init: str = "torch") -> None:
        """Draw the parameters anew; `init` is "torch", "paper" or "open" (see layers/parameters.py)."""
        check_choice("init", init, tuple(INITIALISATIONS))
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                INITIALISATIONS[init](self._named(layer, suffix), self.hidden_size, self.specs[layer])

    def remember(self, steps: int) -> None:
        """Set the biases so that the gates start by remembering over up to `steps` steps (see layers/parameters.py)."""
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                chrono(self._named(layer, suffix), self.hidden_size, self.specs[layer], steps)

    @property
    def num_parameters(self) -> int:
        """Trainable numbers, by the paper's formulas: N(D+N+1) a block of the cell, D(D+N+1) a gate."""
        return sum(p.numel() for p in self.parameters())

    def flops(self, T: int = 1, B: int = 1) -> int:
        """Multiplications and additions of a forward pass over T steps of B rows, as the paper counts them."""
        layers = [flops(spec, self._width(i), self.hidden_size) for i, spec in enumerate(self.specs)]
        return T * B * self.directions * sum(layers)

    def flatten_parameters(self) -> None:
        """Do nothing; here because code written for torch.nn's layers calls it."""

    def extra_repr(self) -> str:
        special = {
            "gate": self.gates[0] if len(set(self.gates)) == 1 else self.gates,
            "reset_after": self.specs[0].cell == "gru_reset_after",
            "nonlinearity": "relu" if self.specs[0].cell == "rnn_relu" else "tanh",
        }
        defaults = {**LAYOUT, **self._defaults, "reset_after": False, "nonlinearity": "tanh"}
        for unknown in ("init", "device", "dtype"):
            del defaults[unknown]
        defaults["backend"] = defaults.pop("backend")  # the last one
        values = {name: special[name] if name in special else getattr(self, name) for name in defaults}
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed(values, defaults)])

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | None = None,
        need_attention: bool = False,
    ) -> Any:
        """Run the layers over a sequence; see the class for the arguments and what comes back."""
        packed = input if isinstance(input, PackedSequence) else None
        if packed is not None:
            if lengths is not None:
                raise ValueError("lengths cannot be given with a PackedSequence, which holds its own")
            self._check_input(packed.data, 2)
            x, lengths = pad_packed_sequence(packed)
            batched = True
        else:
            if not isinstance(input, Tensor):
                got = type(input).__name__
                raise TypeError(f"{self._mode}: Expected input to be a Tensor or a PackedSequence, got {got}")
            if input.dim() not in (2, 3):
                raise ValueError(f"{self._mode}: Expected input to be 2D or 3D, got {input.dim()}D instead")
            batched = input.dim() == 3
            self._check_input(input, input.dim())
            x = input if batched else input.unsqueeze(1)
            x = x.transpose(0, 1) if batched and self.batch_first else x
            if lengths is not None:
                lengths = own_lengths(lengths)
                check_lengths(lengths, x.shape[0], x.shape[1])
        if x.shape[0] == 0:
            raise RuntimeError(f"{self._mode}: Expected sequence length to be larger than 0")
        state = self._initial_state(hx, x, batched)
        output, state, attention = self._run(x, state, lengths, need_attention)

        def like_input(tensor: Tensor) -> Any:
            if packed is not None:
                assert lengths is not None
                return pack_like(packed, tensor, lengths)
            if not batched:
                return tensor.squeeze(1)
            return tensor.transpose(0, 1) if self.batch_first else tensor

        state = state if batched else tuple(s.squeeze(1) for s in state)
        last = state if len(state) > 1 else state[0]
        if not need_attention:
            return like_input(output), last
        return like_input(output), last, [per_part(a, like_input) for a in attention]

    def step(self, x_t: Tensor, state: Any = None, *, need_attention: bool = False) -> Any:
        """Advance by one step, for data that arrives frame by frame.

        T steps give what one pass over T steps gives.

        Args:
            x_t: the input at this step, (B, D) or (D).
            state: what the last step returned, shaped as `h_0` (and `c_0`); None: zeros.
            need_attention: return the attention too.

        Returns:
            output (B, N) or (N); the state; with need_attention, a list of one tensor a layer.

        Raises:
            RuntimeError: the layers are bidirectional, and so need the whole sequence.
        """
        if self._forward_pre_hooks:
            compute_weights(self)
        special = need_attention or self.bidirectional or self.zoneout or (self.residual and self.num_layers > 1)
        if not (state is None or special) and self._keeps_all():
            fast = self._steps.advance(self, self.specs, self._forward_suffixes, x_t, state)
            if fast is not None:
                output, after, choice = fast
                if self.last_backend is not choice:
                    self.last_backend = choice
                return output, after if len(after) > 1 else after[0]
        if self.bidirectional:
            raise RuntimeError("step() needs layers that run forward in time only, but bidirectional=True")
        if x_t.dim() not in (1, 2):
            raise ValueError(f"{self._mode}: Expected x_t to be 1D or 2D, got {x_t.dim()}D instead")
        self._check_input(x_t, x_t.dim())
        batched = x_t.dim() == 2
        x = x_t.unsqueeze(0) if batched else x_t[None, None]
        output, last, attention = self._run(x, self._initial_state(state, x, batched), None, need_attention)
        if not batched:
            output, last = output.squeeze(1), tuple(s.squeeze(1) for s in last)
            attention = [per_part(a, lambda part: part.squeeze(1)) for a in attention]
        given = last if len(last) > 1 else last[0]
        if not need_attention:
            return output.squeeze(0), given
        return output.squeeze(0), given, [per_part(a, lambda part: part.squeeze(0)) for a in attention]

    def _check_input(self, input: Tensor, dims: int) -> None:
        weight = self.weight_ih_l0
        assert isinstance(weight, Tensor)
        if input.dtype != weight.dtype and not torch._C._is_any_autocast_enabled():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def state_shapes(self, rows: int) -> list[tuple[int, ...]]:
        """The shapes of the state's tensors for `rows` sequences, (num_layers * directions, B, ...)."""
        shapes = self.specs[0].state_shapes(self.hidden_size)
        return [(self.num_layers * self.directions, rows, *shape) for shape in shapes]

    def _initial_state(self, hx: Any, x: Tensor, batched: bool) -> State:
        """The given state as (L*directions, B, ...) tensors, or zeros."""
        shapes = self.state_shapes(x.shape[1])
        if hx is None:
            return tuple(x.new_zeros(shape) for shape in shapes)
        return given_state(hx, self.specs[0], shapes, self._mode, batched, x)

    def _run(
        self, x: Tensor, state: State, lengths: Tensor | None, need_attention: bool
    ) -> tuple[Tensor, State, list[Any]]:
        """All layers over x (T, B, D), from and to states (L*directions, B, ...)."""
        last: list[State] = []
        attentions: list[Any] = []
        for layer, spec in enumerate(self.specs):
            outputs, responses = [], []
            for direction in range(self.directions):
                run = in_parts(
                    self.recompute,
                    x,
                    tuple(s[layer * self.directions + direction] for s in state),
                    self.weights(layer, reverse=direction == 1),
                    spec,
                    lengths=lengths,
                    reverse=direction == 1,
                    zoneout=self._zoneout(x),
                    need_attention=need_attention,
                    keep=self.keep,
                    backend=self.backend,
                )
                outputs.append(run.output)
                responses.append(self._response(run.attention))
                last.append(run.state)
                if not torch.compiler.is_exporting():  # which takes it for a part of the graph
                    self.last_backend = run.choice
            made = torch.cat(outputs, dim=-1) if self.bidirectional else outputs[0]
            # Past a row's length both are zero: the input is what the layer below has put out.
            x = made + x if self.residual and layer > 0 else made
            attentions.append(join_directions(responses))
            if layer < self.num_layers - 1:
                x = self._drop(x)
        return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True)), attentions

    def _response(self, attention: Attention) -> Any:
        """What a call returns of a layer's attention."""
        return attention.inputs

    def _keeps_all(self) -> bool:
        """Whether no dropout acts between the layers."""
        return not self.training or self.num_layers == 1 or not (self.dropout or self.locked_dropout)

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout between layers: fresh at every step, or one mask held over all of them."""
        if self.dropout > 0:
            x = F.dropout(x, self.dropout, self.training)
        if self.locked_dropout > 0:
            x = x * F.dropout(torch.ones_like(x[:1]), self.locked_dropout, self.training)
        return x

    def _zoneout(self, x: Tensor) -> Tensor | None:
        """The share of its old value that each unit keeps: drawn in training, its mean in evaluation."""
        if self.zoneout == 0:
            return None
        shape = (self.specs[0].cell_states, *x.shape[:2], self.hidden_size)
        if self.training:
            return torch.bernoulli(torch.full(shape, self.zoneout, dtype=x.dtype, device=x.device))
        return torch.full((1, 1, 1, 1), self.zoneout, dtype=x.dtype, device=x.device).expand(shape)
