"""Types of a call of a layer and of a single step, by the state that it carries; at run time there is nothing here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

S = TypeVar("S")  # the state: h, or (h, c) and so on
A = TypeVar("A")  # the attention of one layer


class Typed(Generic[S, A]):
    """What :meth:`RecurrentBase.forward` and :meth:`RecurrentBase.step` take and give, which nn.Module calls Any."""

    if TYPE_CHECKING:

        @overload
        def __call__(
            self,
            input: Tensor,
            hx: S | None = None,
            *,
            lengths: Tensor | None = None,
            need_attention: Literal[False] = False,
        ) -> tuple[Tensor, S]: ...
        @overload
        def __call__(
            self, input: Tensor, hx: S | None = None, *, lengths: Tensor | None = None, need_attention: Literal[True]
        ) -> tuple[Tensor, S, list[A]]: ...
        @overload
        def __call__(
            self, input: PackedSequence, hx: S | None = None, *, need_attention: Literal[False] = False
        ) -> tuple[PackedSequence, S]: ...
        @overload
        def __call__(
            self, input: PackedSequence, hx: S | None = None, *, need_attention: Literal[True]
        ) -> tuple[PackedSequence, S, list[Any]]: ...
        @overload
        def __call__(
            self, input: Any, hx: S | None = None, *, lengths: Tensor | None = None, need_attention: bool = False
        ) -> tuple[Any, ...]: ...
        def __call__(self, *arguments: Any, **options: Any) -> Any: ...

        @overload
        def step(
            self, x_t: Tensor, state: S | None = None, *, need_attention: Literal[False] = False
        ) -> tuple[Tensor, S]: ...
        @overload
        def step(
            self, x_t: Tensor, state: S | None = None, *, need_attention: Literal[True]
        ) -> tuple[Tensor, S, list[A]]: ...
        @overload
        def step(self, x_t: Tensor, state: S | None = None, *, need_attention: bool = False) -> tuple[Any, ...]: ...
        def step(self, *arguments: Any, **options: Any) -> Any: ...
