"""Where the steps that a model is given come from: which element of the sequence as it was read each one is."""

from __future__ import annotations

import numpy as np
import torch

from ..data import Compose, Transform
from ..data.transforms import Standardise


def places(preprocessing: Transform, shape: tuple[int, ...]) -> np.ndarray | None:
    """The number of the element (T, ...), counted from 0, that each element after preprocessing is.

    Args:
        preprocessing: what moves, joins or leaves out steps; that it standardises values does not matter.
        shape: of the sequence as it was read, the steps first.

    Returns:
        int64 of the shape of the preprocessed sequence; None if its values are made of several others.

    Example:
        >>> from attentive_rnn.data import JoinSteps
        >>> places(JoinSteps(2), (4, 1)).tolist()
        [[0, 1], [2, 3]]
    """
    parts = preprocessing.transforms if isinstance(preprocessing, Compose) else [preprocessing]
    moves = Compose([part for part in parts if not isinstance(part, Standardise)])
    numbers = np.arange(np.prod(shape))
    moved = moves(torch.from_numpy(numbers.reshape(shape)).double(), np.random.default_rng(0)).numpy()
    return moved.astype(np.int64) if np.isin(moved, numbers).all() else None
