"""Models that a server offers by name: each is loaded when somebody first asks for it, and the last few are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import DataError
from ..streaming.pipeline import Pipeline
from ..streaming.recogniser import Recognizer
from ..training.saved_model import SavedModel

KEPT = 8  # models in memory


class Model(NamedTuple):
    """A model, and what recognises with it.

    Args:
        saved: the model.
        pipeline: makes the one that recognises one visitor's pictures.
        recognizer: makes the one that recognises the frames of one request of another program.
    """

    saved: SavedModel
    pipeline: Callable[[], Pipeline]
    recognizer: Callable[[], Recognizer]


class Models:
    """The models of a server.

    Args:
        names: of the models; the first is loaded at once, and is that of who asks for none.
        load: gives the model of a name.

    Raises:
        UserError: the first cannot be loaded.
    """

    def __init__(self, names: Sequence[str], load: Callable[[str], Model]) -> None:
        self.names, self._load = tuple(names), load
        self._loaded = {self.names[0]: load(self.names[0])}
        self._one_at_a_time = asyncio.Lock()

    @property
    def first(self) -> Model:
        """The model of who asks for none."""
        return self._loaded[self.names[0]]

    async def get(self, name: str | None) -> Model:
        """The model of a name, loaded in a thread if need be, so that other visitors do not wait; None: the first.

        Raises:
            DataError: there is none of that name.
            UserError: it cannot be loaded.
        """
        name = name or self.names[0]
        if name not in self.names:
            raise DataError(f"there is no run {name!r} here; there are {', '.join(self.names)}")
        if name in self._loaded:
            return self._loaded[name]
        async with self._one_at_a_time:
            if name in self._loaded:
                return self._loaded[name]
            made = await asyncio.to_thread(self._load, name)
            if len(self._loaded) == KEPT:
                del self._loaded[list(self._loaded)[1]]  # the oldest but the first
            self._loaded[name] = made
            return made
