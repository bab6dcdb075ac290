"""One prediction from several models: the weighted sum of their class probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ConfigError
from ..tasks.metrics import probabilities


def fuse(scores: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """The fused class probabilities of models that saw the same sequences, such as the streams of a skeleton.

    p = sum_k w_k p_k / sum_k w_k. Scores that are no probabilities (a value below 0, or rows that do not add up to
    1) are taken as logits, and p_k is their softmax.

    Source: Shi et al., TIP 2020, section III-D, weights 1:1 for two streams; 2:2:1:1 for joint, bone and their
    motions, as pyskl has it.

    Args:
        scores: for each model an array (N, K), N sequences in the same order and K classes.
        weights: one for each model, not negative; all equal if left out.

    Returns:
        (N, K) float64; each row adds up to 1.

    Raises:
        ConfigError: no array, arrays of different shapes, a value that is not finite, or weights that do not fit.

    Example:
        >>> joint, bone = np.array([[0.6, 0.4]]), np.array([[0.1, 0.9]])
        >>> fuse([joint, bone]).round(2), fuse([joint, bone], [2, 1]).round(2)
        (array([[0.35, 0.65]]), array([[0.43, 0.57]]))
    """
    arrays = [np.asarray(s, dtype=np.float64) for s in scores]
    if not arrays:
        raise ConfigError("fusion: give the scores of at least one model")
    for k, array in enumerate(arrays):
        if array.ndim != 2 or 0 in array.shape:
            raise ConfigError(f"fusion: scores {k} are {array.shape}; they must be (sequences, classes)")
        if array.shape != arrays[0].shape:
            raise ConfigError(
                f"fusion: scores {k} are {array.shape} and scores 0 are {arrays[0].shape}; "
                "all models must have predicted the same sequences and classes"
            )
        if not np.isfinite(array).all():
            raise ConfigError(f"fusion: scores {k} have a value that is not finite")
    shares = _one_each(weights, len(arrays))
    if not np.isfinite(shares).all() or shares.min() < 0 or shares.sum() == 0:
        raise ConfigError(f"fusion: weights must not be negative, and not all 0; got {shares.tolist()}")
    return np.tensordot(shares / shares.sum(), [_probabilities(a) for a in arrays], axes=1)


def fuse_known(scores: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """As :func:`fuse`, where not every model has seen every sequence: each is predicted by those that have.

    Args:
        scores: as in :func:`fuse`, with rows of NaN for what a model has not seen.
        weights: as in :func:`fuse`.

    Raises:
        ConfigError: as in :func:`fuse`, or nobody has seen a sequence.

    Example:
        >>> pictures, poses = np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([[0.2, 0.8], [np.nan, np.nan]])
        >>> fuse_known([pictures, poses]).round(2)
        array([[0.4, 0.6],
               [0.3, 0.7]])
    """
    shares = _one_each(weights, len(scores))
    seen = np.stack([np.isfinite(s).all(axis=1) for s in scores])
    together = np.empty(scores[0].shape)
    for pattern in np.unique(seen, axis=1).T:
        rows = (seen == pattern[:, None]).all(axis=0)
        chosen = np.flatnonzero(pattern).tolist()
        together[rows] = fuse([scores[k][rows] for k in chosen], shares[chosen].tolist())
    return together


def _one_each(weights: Sequence[float] | None, count: int) -> np.ndarray:
    shares = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (count,):
        raise ConfigError(f"fusion: {shares.size} weights for {count} models; give one for each")
    return shares


def _probabilities(scores: np.ndarray) -> np.ndarray:
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores / scores.sum(axis=1, keepdims=True)
    return probabilities(scores)
