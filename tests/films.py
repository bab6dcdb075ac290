"""Small films that tests write with real codecs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_film(
    path: Path,
    frames: int | np.ndarray,
    *,
    height: int = 48,
    width: int = 64,
    codec: str = "h264",
    rate: int = 10,
    rotation: int = 0,
    times: list[float] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A film of the given pictures (T, H, W, 3) uint8, or of that many with a red corner, top left, on a grey ramp."""
    if isinstance(frames, int):
        images = np.zeros((frames, height, width, 3), np.uint8)
        images[...] = (np.arange(frames) * 5 % 200)[:, None, None, None]
        images[:, : height // 2, : width // 2] = [255, 0, 0]
    else:
        images = frames
        height, width = images.shape[1:3]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = round(1000 * (times[i] if times else i / rate))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file with sound and no pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
