"""Frames of a camera at this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..errors import DataError, MissingExtraError
from .decode import Frame


def read_camera(index: int) -> Iterator[Frame]:
    """The frames of a camera as they are taken, without an end.

    Args:
        index: which camera, from 0.

    Raises:
        DataError: there is no such camera, or it stops.
        MissingExtraError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("cameras need OpenCV: pip install opencv-python-headless") from error
    camera = cv2.VideoCapture(index)
    try:
        if not camera.isOpened():
            raise DataError(f"camera {index}: cannot be opened; is it there, and free?")
        start = time.monotonic()
        while True:
            taken, image = camera.read()
            if not taken:
                raise DataError(f"camera {index}: gives no more pictures")
            yield Frame(image[:, :, ::-1].copy(), time.monotonic() - start)
    finally:
        camera.release()
