"""Common parts of the networks for images: their base class, the spatial attention by name, the reader of questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..layers import AttentionRNN2d, CBAMSpatialGate, ConvMask2d, EleAttGRU, LocalAttention2d, NoAttention2d
from ..layers.options import check_choice

Attention = Literal["arnn", "pan-context", "pan", "cbam", "conv", "none"]
WITHOUT_QUERY = ("cbam", "conv", "none")
Reader = Literal["bag", "gru", "eleatt-gru"]
READERS = ("bag", "gru", "eleatt-gru")


class ImageModel(nn.Module):
    """A network called as ``model(x, question, need_attention=False)`` on images (B, 3, S, S) from 0 to 1.

    With ``need_attention`` it returns its output and a list of masks (B, 1, H, W).

    Args:
        image_size: S.
        arguments: those of the network's constructor, as plain values that JSON can hold.

    Attributes:
        image_size: S.
        config: all arguments, which make the network again.
    """

    def __init__(self, image_size: int, **arguments: Any) -> None:
        super().__init__()
        self.image_size = image_size
        self.config: dict[str, Any] = {"image_size": image_size, **arguments}

    @property
    def num_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def masks_in_image(self, masks: Sequence[Tensor]) -> list[Tensor]:
        """Masks of the network, (B, 1, h, w) each, where they lie in the image: (B, S, S) each."""
        size = (self.image_size, self.image_size)
        return [F.interpolate(mask, size)[:, 0] for mask in masks]

    def flops(self, T: int = 1, B: int = 1) -> int:
        """Multiplications and additions of convolutions and matrix products in a forward pass over B images.

        Those inside a compiled recurrence are not seen by PyTorch's counter, and not in this number.
        """
        return counted_flops(
            self, torch.zeros(B, 3, self.image_size, self.image_size), torch.ones(B, 1, dtype=torch.int64)
        )


def counted_flops(model: nn.Module, x: Tensor, *others: Tensor) -> int:
    """Multiplications and additions that PyTorch's counter sees of a forward pass."""
    parameter = next(model.parameters())
    training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x.to(parameter), *(other.to(parameter.device) for other in others))
    model.train(training)
    return counter.get_total_flops()


def spatial_gate(
    name: Attention,
    channels: int,
    *,
    hidden_size: int = 32,
    block: int = 1,
    query_size: int | None = None,
    normalize: Literal["sigmoid", "softmax"] = "sigmoid",
) -> nn.Module:
    """A module called as ``gate(x, query) -> (y, mask)``.

    Args:
        name: "arnn", :class:`AttentionRNN2d`; "pan-context" and "pan", :class:`LocalAttention2d` with a context of 3x3
            and of 1x1; "cbam", :class:`CBAMSpatialGate`; "conv", :class:`ConvMask2d`; "none". The last three read no
            query, and "cbam" is always a sigmoid.
        channels: C of the maps.
        hidden_size: neurons, for "arnn" and the local attentions.
        block: for "arnn", one value for so many rows and columns.
        query_size: length of the query; None: there is none.
        normalize: "sigmoid" or "softmax".

    Raises:
        ValueError: an unknown name, or arguments that the gate does not take.

    Example:
        >>> import torch
        >>> y, mask = spatial_gate("pan", 8, query_size=10)(torch.randn(2, 8, 7, 5), torch.randn(2, 10))
        >>> y.shape, mask.shape
        (torch.Size([2, 8, 7, 5]), torch.Size([2, 1, 7, 5]))
    """
    if name == "arnn":
        return AttentionRNN2d(channels, hidden_size, block=block, query_size=query_size, normalize=normalize)
    if name in ("pan-context", "pan"):
        context = 3 if name == "pan-context" else 1
        return LocalAttention2d(channels, hidden_size, context, query_size=query_size, normalize=normalize)
    if name == "cbam":
        return CBAMSpatialGate()
    if name == "conv":
        return ConvMask2d(channels, normalize=normalize)
    if name == "none":
        return NoAttention2d()
    raise ValueError(f"attention should be arnn, pan-context, pan, cbam, conv or none, got {name!r}")


class QuestionReader(nn.Module):
    """Make one vector of the words of a question.

    "bag" counts the words: a question of one word is a one-hot vector, to which a layer's own linear map is an
    embedding. "gru" and "eleatt-gru" embed the words and read them in order; the last state is the vector.

    Args:
        words: the number of words V; they are numbered from 1, and 0 is what follows a question's end.
        reader: "bag", "gru" or "eleatt-gru".
        size: E, of the vector of a reader that is recurrent; for "bag" it is V.

    Inputs:
        * **question**: int64 (B, L).

    Outputs:
        * (B, E).

    Attributes:
        output_size: E.

    Example:
        >>> import torch
        >>> reader = QuestionReader(30, "eleatt-gru", size=64)
        >>> reader(torch.tensor([[4, 7, 2], [5, 0, 0]])).shape
        torch.Size([2, 64])
    """

    def __init__(self, words: int, reader: Reader = "bag", size: int = 64) -> None:
        super().__init__()
        check_choice("reader", reader, READERS)
        self.words = words
        self.output_size = words if reader == "bag" else size
        if reader != "bag":
            self.embedding = nn.Embedding(words + 1, size, padding_idx=0)
            self.layer = EleAttGRU(size, size, gate="sigmoid" if reader == "eleatt-gru" else None)

    def forward(self, question: Tensor) -> Tensor:
        """The vector (B, E) of questions (B, L); see the class."""
        if not hasattr(self, "layer"):
            return F.one_hot(question, self.words + 1)[..., 1:].sum(1).to(torch.get_default_dtype())
        lengths = (question > 0).sum(1).clamp(min=1)
        _, state = self.layer(self.embedding(question).transpose(0, 1), lengths=lengths)
        last: Tensor = state[-1]
        return last
