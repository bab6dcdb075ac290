"""A server of a small model for the tests of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from served import Served, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("served"))
    with served.process as process:
        yield served
        process.terminate()
        process.wait(20)
