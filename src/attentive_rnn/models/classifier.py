"""The paper's classifier: stacked recurrent layers, a linear layer at every step, the mean of the logits over time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import torch
from torch import Tensor, nn

from ..layers import RRA, EleAttGRU, EleAttLSTM, EleAttRNN
from ..layers.base import RecurrentBase
from ..layers.options import check_choice, complete, show_options
from ..ops.recurrence import Attention, own_lengths
from ..options import CLASSIFIER_DEFAULTS, HIDDEN_SIZE, LAYER_DEFAULTS, NUM_LAYERS, POOLS, ClassifierOptions

LAYERS: dict[str, Callable[..., RecurrentBase]] = {"rnn": EleAttRNN, "lstm": EleAttLSTM, "gru": EleAttGRU, "rra": RRA}


class SequenceClassifier(nn.Module):
    """Classify sequences with stacked attentive layers, dropout after each, and a linear read-out pooled over time.

    .. math:: y = \\frac{1}{T} \\sum_t (W h_t + b), \\qquad p = \\mathrm{softmax}(y)

    With a vocabulary each frame is the index of a word, and the layers read a learnt vector for it. One output
    without a softmax, K = 1, makes a regressor.

    Args:
        input_size: D, the number of elements of a frame, all its axes flattened; 1 with a vocabulary.
        num_classes: the number of classes K, or 1 for a number to be predicted.
        hidden_size: N, the neurons of each layer.
        num_layers: the number of recurrent layers.
        cell: "gru", "lstm", "rnn" or "rra", the LSTM with attention over its past outputs.
        bidirectional: run a second set of layers from the last step to the first.
        dropout: probability of zeroing an output, after each layer, the last included; drawn anew at every step.
        reset_after: for the GRU, as in :class:`EleAttGRU`.
        lags, norm, first_lag: for the cell "rra", as in :class:`RRA`.
        memory: steps that the gates remember over at the start, for long sequences; None: as `init` has it.
        pool: "mean" over a row's steps; "last", its last step; "keras_compat", the authors' pooling as their library
            ran it: a padded step repeats the last one, so the sum over all T_max steps is divided by the row's length.
        vocabulary_size: words of a text; None: frames are numbers.
        embedding_size: numbers that a word becomes, needed with a vocabulary.
        gate, gate_reads, gate_rank, gate_scale, locked_dropout, zoneout, residual, recompute, keep, init, backend: of
            layers, see :class:`attentive_rnn.layers.options.LayerOptions`; locked_dropout acts after the last layer
            too, and init is "paper" if not given.

    Inputs:
        * **x**: (B, T, *features), any features whose product is D; with a vocabulary (B, T, 1), whole numbers from 0
          to vocabulary_size - 1 in any dtype that holds them.
        * **lengths**: int64 (B,), the steps of each row; None: all T. The logits of a row of length 0 are the linear
          layer's bias.
        * **need_attention**: return the attention too.
        * **every_step**: give the logits after each step, as if the sequence ended there; those past a row's length
          mean nothing. Of one direction, and pooled by "mean" or "last".

    Outputs:
        * **logits**: (B, K), or (B, T, K) with every_step.
        * **attention**, if asked for: a list of one tensor a layer, (B, T, D_layer), None for one without a gate; for
          the cell "rra" pairs of the weights of the lags, (B, T, lags), and of these.

    Raises:
        RuntimeError: the features of a frame are not D. ValueError: an argument is out of range, or every_step is
            asked of a model whose logits at a step depend on those to come.

    Source: Zhang et al., ECCV 2018, section 5.2 (layers, dropout, linear layer); the pooling over time follows the
    authors' published code of the network that the paper takes over.

    Example:
        >>> import torch
        >>> from attentive_rnn import SequenceClassifier
        >>> model = SequenceClassifier(input_size=60, num_classes=10)
        >>> model(torch.randn(2, 50, 1, 20, 3), lengths=torch.tensor([50, 31])).shape
        torch.Size([2, 10])
    """

    @show_options(CLASSIFIER_DEFAULTS)
    def __init__(
        self,
        input_size: int,
        num_classes: int,
        hidden_size: int = HIDDEN_SIZE,
        num_layers: int = NUM_LAYERS,
        *,
        vocabulary_size: int | None = None,
        **options: Unpack[ClassifierOptions],
    ) -> None:
        super().__init__()
        given = complete(options, CLASSIFIER_DEFAULTS, type(self).__name__)
        cell, pool, reset_after, embedding_size = (given[k] for k in ("cell", "pool", "reset_after", "embedding_size"))
        dropout, locked_dropout, memory, gate = (given[k] for k in ("dropout", "locked_dropout", "memory", "gate"))
        check_choice("cell", cell, tuple(LAYERS))
        check_choice("pool", pool, POOLS)
        if num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, got {num_classes}")
        if (vocabulary_size is None) != (embedding_size is None):
            raise ValueError("vocabulary_size and embedding_size must be given together")
        if vocabulary_size is not None and input_size != 1:
            raise ValueError(f"with a vocabulary a frame is one index: input_size must be 1, got {input_size}")
        if reset_after and cell != "gru":
            raise ValueError(f"reset_after is an option of the GRU, but cell={cell!r}")
        self.config: dict[str, Any] = {
            "input_size": input_size,
            "num_classes": num_classes,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "vocabulary_size": vocabulary_size,
            **given,
            "gate": gate if gate is None or isinstance(gate, str) else list(gate),
        }
        special: dict[str, Any] = {"reset_after": True} if reset_after else {}
        if cell == "rra":
            special = {name: given[name] for name in ("lags", "norm", "first_lag")}
        self.embedding: nn.Embedding | None = None
        if vocabulary_size is not None and embedding_size is not None:
            self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.layers = LAYERS[cell](
            input_size if embedding_size is None else embedding_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=given["bidirectional"],
            dropout=dropout if num_layers > 1 else 0.0,
            **{name: given[name] for name in LAYER_DEFAULTS if name != "locked_dropout"},
            locked_dropout=locked_dropout if num_layers > 1 else 0.0,
            **special,
        )
        if memory is not None:
            self.layers.remember(memory)
        self.classifier = nn.Linear(hidden_size * self.layers.directions, num_classes)
        if given["init"] != "torch":
            nn.init.xavier_uniform_(self.classifier.weight)
            nn.init.zeros_(self.classifier.bias)
            if self.embedding is not None:
                nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.dropout = nn.Dropout(dropout)
        self.locked_dropout = nn.Dropout(locked_dropout)
        self.pool = pool

    @classmethod
    def from_full(cls, model: SequenceClassifier, rank: int) -> SequenceClassifier:
        """A copy of `model`, whose gates are full, with low-rank gates; see :meth:`RecurrentBase.from_full`."""
        low = copy.deepcopy(model)
        low.layers = type(model.layers).from_full(model.layers, rank)
        low.config["gate_rank"] = rank
        return low

    @property
    def num_parameters(self) -> int:
        """Trainable numbers, the linear layer's included."""
        return sum(p.numel() for p in self.parameters())

    def flops(self, T: int = 1, B: int = 1) -> int:
        """Multiplications and additions of a forward pass over T steps of B rows, a linear layer at every step."""
        linear = 2 * self.classifier.in_features * self.classifier.out_features
        return self.layers.flops(T, B) + T * B * linear

    @property
    def forward_only(self) -> bool:
        """Whether the logits after a step depend on no step to come."""
        return not self.layers.bidirectional and self.pool != "keras_compat"

    if TYPE_CHECKING:  # nn.Module calls the result of a call Any

        @overload
        def __call__(
            self,
            x: Tensor,
            lengths: Tensor | None = None,
            need_attention: Literal[False] = False,
            every_step: bool = False,
        ) -> Tensor: ...
        @overload
        def __call__(
            self, x: Tensor, lengths: Tensor | None = None, *, need_attention: Literal[True], every_step: bool = False
        ) -> tuple[Tensor, list[Any]]: ...
        @overload
        def __call__(
            self, x: Tensor, lengths: Tensor | None = None, need_attention: bool = False, every_step: bool = False
        ) -> Any: ...
        def __call__(self, *arguments: Any, **options: Any) -> Any: ...

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, need_attention: bool = False, every_step: bool = False
    ) -> Any:
        """Logits (B, K), or (B, T, K), and the attention of each layer if asked for; see the class."""
        if every_step and not self.forward_only:
            raise ValueError('every_step needs bidirectional=False and pool="mean" or "last"')
        if x.dim() < 3:
            raise ValueError(f"x should be (B, T, *features), got {x.dim()} dimensions")
        lengths = own_lengths(lengths)
        frames = x.flatten(2).transpose(0, 1)
        if self.embedding is not None:
            frames = self.embedding(frames.squeeze(2).long())
        output, _, *attention = self.layers(frames, lengths=lengths, need_attention=need_attention)
        lengths = None if lengths is None else lengths.to(x.device)
        output = self.dropout(output)
        if self.locked_dropout.p > 0:
            output = output * self.locked_dropout(torch.ones_like(output[:1]))
        # The linear layer commutes with the mean: one product a row does the work of one a step.
        if every_step:
            logits = self.classifier(output if self.pool == "last" else _means(output)).transpose(0, 1)
        else:
            logits = self.classifier(pooled(output, lengths, self.pool))
        if self.pool == "keras_compat" and lengths is not None:
            steps = lengths.to(output.dtype)
            repeats = torch.where(steps > 0, output.shape[0] / steps.clamp(min=1) - 1, 0)
            logits = logits + self.classifier.bias * repeats[:, None]
        return (logits, [_rows_first(a) for a in attention[0]]) if need_attention else logits


def _rows_first(attention: Any) -> Any:
    """What a layer attended to, (B, T, ...) for (T, B, ...)."""
    if attention is None:
        return None
    if isinstance(attention, Attention):
        return Attention(*map(_rows_first, attention))
    return attention.transpose(0, 1)


def _means(output: Tensor) -> Tensor:
    """The mean of the outputs up to each step, (T, B, N)."""
    steps = torch.arange(1, len(output) + 1, dtype=output.dtype, device=output.device)
    return output.cumsum(0) / steps[:, None, None]


def pooled(output: Tensor, lengths: Tensor | None, pool: str) -> Tensor:
    """Outputs (T, B, N), zero past a row's length, pooled over time to (B, N); zero for a row of length 0."""
    if lengths is None:
        return output[-1] if pool == "last" else output.mean(0)
    last = output.gather(0, (lengths - 1).clamp(min=0)[None, :, None].expand(1, *output.shape[1:])).squeeze(0)
    if pool == "last":
        return last
    steps = lengths.to(output.dtype)[:, None]
    total = output.sum(0)
    if pool == "keras_compat":
        total = total + (output.shape[0] - steps) * last
    return total / steps.clamp(min=1)
