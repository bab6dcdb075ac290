"""Meters of the server in the text format of Prometheus: frames, seconds, errors, visitors, and the process's own.

This module needs prometheus-client, of the extra "serve": import it late.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import needed_for

with needed_for("the server's meters need prometheus-client: pip install 'attentive-rnn[serve]'"):
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

KIND = CONTENT_TYPE_LATEST
WAYS = ("live", "film", "recognise")  # in which frames come
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Meters:
    """What one server has done since its start.

    Args:
        visitors: for each way, how many send frames or wait for an answer now.

    Example:
        >>> meters = Meters({"live": lambda: 2})
        >>> meters.took("live", 0.004)
        >>> 'attentive_frames_total{way="live"} 1.0' in meters.text().decode()
        True
    """

    def __init__(self, visitors: dict[str, Callable[[], int]]) -> None:
        self._registry = own = CollectorRegistry()
        self._frames = Counter("attentive_frames", "Frames that were recognised.", ["way"], registry=own)
        self._errors = Counter("attentive_errors", "Answers that were an error.", ["way"], registry=own)
        self._seconds = Histogram(
            "attentive_frame_seconds",
            "Time from decoding to labels.",
            ["way"],
            registry=own,
            buckets=_BUCKETS,
        )
        now = Gauge("attentive_visitors", "Visitors who send frames or wait for an answer.", ["way"], registry=own)
        for way, count in visitors.items():
            now.labels(way).set_function(count)
        ProcessCollector(registry=own)

    def took(self, way: str, seconds: float, frames: int = 1) -> None:
        """Count frames that were recognised in so many seconds, together."""
        self._frames.labels(way).inc(frames)
        for _ in range(frames):
            self._seconds.labels(way).observe(seconds / frames)

    def refused(self, way: str) -> None:
        """Count an answer that was an error."""
        self._errors.labels(way).inc()

    def text(self) -> bytes:
        """All meters, as Prometheus reads them."""
        made: bytes = generate_latest(self._registry)
        return made
