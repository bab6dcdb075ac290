"""The model of an all-reduce between machines."""

from __future__ import annotations

import pytest
from benchmarks.scale import bytes_sent, exchange


def test_a_ring_sends_each_gradient_nearly_twice_however_many_machines_there_are():
    assert bytes_sent(1000, 1) == 0
    assert bytes_sent(1000, 2) == 4000
    assert bytes_sent(1000, 10**9) == pytest.approx(8000)


def test_an_exchange_takes_its_bytes_at_the_bandwidth_and_a_latency_for_each_message():
    assert exchange(125_000_000, 2, gbit=4, latency=0.0) == pytest.approx(1.0)
    assert exchange(125_000_000, 2, gbit=4, latency=0.5) == pytest.approx(2.0)
