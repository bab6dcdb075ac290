"""Writing a film frame by frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..data.io.files import check_writable
from ..video.decode import import_av


class FilmWriter:
    """An H.264 film in an .mp4; the file appears, whole, when the writer is closed.

    Args:
        path: the film; ends in .mp4.
        overwrite: whether a file there may be replaced.

    Raises:
        ConfigError: another ending, or the file is there already.

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "grey.mp4"
        >>> with FilmWriter(path) as film:
        ...     for t in range(3):
        ...         film.write(np.full((48, 64, 3), 100, np.uint8), time=t / 25)
        >>> path.exists()
        True
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        self.path = check_writable(path, (".mp4",), overwrite)
        self._draft = self.path.with_name(f".{self.path.stem}.part.mp4")
        self._av = import_av()
        self._container = self._av.open(str(self._draft), "w")
        self._stream: Any = None
        self._last = -1

    def write(self, image: np.ndarray, time: float) -> None:
        """Add a picture (H, W, 3) uint8 that is shown from a time in seconds on; an odd last row or column is cut."""
        image = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=30, options={"crf": "23", "preset": "veryfast"})
            self._stream.height, self._stream.width, self._stream.pix_fmt = *image.shape[:2], "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, 1000)
        frame = self._av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last = max(self._last + 1, round(1000 * time))
        frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if kind is None and self._stream is not None:
            self._draft.replace(self.path)
        else:
            self._draft.unlink(missing_ok=True)
