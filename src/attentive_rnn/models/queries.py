"""From a question to a vector: a sum over its words, or the last state of a recurrent layer that reads them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers import EleAttGRU

Reader = Literal["bag", "gru", "eleatt-gru"]
READERS = ("bag", "gru", "eleatt-gru")


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
        if reader not in READERS:
            raise ValueError(f"reader should be one of {', '.join(map(repr, READERS))}, got {reader!r}")
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
