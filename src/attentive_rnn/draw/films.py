"""Films of pictures (H, W, 3): .mp4 by PyAV, picture by picture or at once, and .gif by Pillow."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..data.io.files import check_writable, write_file
from ..data.io.locks import temporary
from ..errors import ConfigError, needed_for

DEFAULT_RATE = 15.0  # pictures per second, where the data do not say


def write_film(path: Path, pictures: Sequence[np.ndarray], rate: float) -> None:
    """Write pictures (H, W, 3) uint8 as a .gif or .mp4, in place of what is there.

    Args:
        path: the film.
        pictures: at least one, all of one size.
        rate: pictures per second.

    Raises:
        ConfigError: the path cannot be written.
        MissingExtraError: PyAV, which .mp4 needs, is not installed.
    """
    if path.suffix.lower() == ".gif":
        write_file(path, _gif(pictures, rate))
        return
    with FilmWriter(path, overwrite=True, rate=rate) as film:
        for picture in pictures:
            film.write(picture)


class FilmWriter:
    """An H.264 film in an .mp4; the file appears, whole, when the writer is closed.

    Args:
        path: the film; ends in .mp4.
        overwrite: whether a file there may be replaced.
        rate: pictures per second; None: each picture comes with its time, and encoding is fast rather than good.

    Raises:
        ConfigError: another ending, the file is there already, or it cannot be written.
        MissingExtraError: PyAV is not installed.

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "grey.mp4"
        >>> with FilmWriter(path) as film:
        ...     for t in range(3):
        ...         film.write(np.full((48, 64, 3), 100, np.uint8), time=t / 25)
        >>> path.exists()
        True
    """

    def __init__(self, path: str | Path, overwrite: bool = False, rate: float | None = None) -> None:
        self.path = check_writable(path, (".mp4",), overwrite)
        self._draft = temporary(self.path)
        self._av = import_av()
        try:
            self._draft.parent.mkdir(parents=True, exist_ok=True)
            self._draft.touch()  # PyAV would say only at the first picture that it cannot
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        self._container = self._av.open(str(self._draft), "w", format="mp4")
        self._rate, self._last = rate, -1
        self._stream: Any = None

    def write(self, image: np.ndarray, time: float | None = None) -> None:
        """Add a picture (H, W, 3) uint8 that is shown from a time in seconds on; an odd last row or column is cut."""
        image = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
        if self._stream is None:
            self._stream = self._begin(*image.shape[:2])
        frame = self._av.VideoFrame.from_ndarray(image, format="rgb24")
        if time is not None:
            self._last = max(self._last + 1, round(1000 * time))
            frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        self._container.mux(self._stream.encode(frame))

    def _begin(self, height: int, width: int) -> Any:
        live = self._rate is None
        rate = 30 if self._rate is None else Fraction(self._rate).limit_denominator(1000)
        options = {"crf": "23", "preset": "ultrafast"} if live else {}
        stream = self._container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        if live:
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.thread_count = 1  # several take more time in all, which the poses need
        return stream

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if kind is None and self._stream is not None:
            self._draft.replace(os.path.realpath(self.path))
        else:
            self._draft.unlink(missing_ok=True)


def import_av() -> Any:
    """The module of PyAV.

    Raises:
        MissingExtraError: it is not installed.
    """
    with needed_for("an .mp4 film needs PyAV: pip install av; or write a .gif"):
        import av
    return av


def _gif(pictures: Sequence[np.ndarray], rate: float) -> bytes:
    from PIL import Image

    images = [Image.fromarray(picture).quantize(64) for picture in pictures]
    buffer = io.BytesIO()
    # A GIF counts time in hundredths of a second, and viewers slow down what is faster than two of them.
    duration = max(20, round(100 / rate) * 10)
    images[0].save(buffer, "gif", save_all=True, append_images=images[1:], duration=duration, loop=0)
    return buffer.getvalue()
