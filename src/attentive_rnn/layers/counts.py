"""Operations a step, as the paper counts them: every multiplication and every addition."""

from __future__ import annotations

from ..ops.eleatt import Spec


def flops(spec: Spec, d: int, n: int) -> int:
    """Multiplications and additions of one step of one direction, with D inputs and N neurons.

    GRU N(6D + 6N + 5) and the gate D(2D + 2N + 1) (Zhang et al., ECCV 2018, section 5.4); the LSTM's
    N(8D + 8N + 4), the RNN's N(2D + 2N) and the 2KN of K lags follow by the same counting.
    """
    cell = {
        "gru": n * (6 * d + 6 * n + 5),
        "gru_reset_after": n * (6 * d + 6 * n + 5),
        "lstm": n * (8 * d + 8 * n + 4),
        "rnn_tanh": n * (2 * d + 2 * n),
        "rnn_relu": n * (2 * d + 2 * n),
    }[spec.cell]
    gate = 0 if spec.gate is None else d * (2 * d + 2 * n + 1)
    return cell + gate + (0 if spec.lags is None else 2 * spec.lags.number * n)
