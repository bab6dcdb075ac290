"""The text of an NTU RGB+D .skeleton file.

Line by line: the number of frames; for each frame the number of bodies; for each body ten values (id, clipped edges,
confidence and state of the left and the right hand, restricted, lean x and y, tracking state), the number of joints
and for each joint twelve (x y z in metres, place in the depth and the colour image, orientation w x y z, state).
"""

from __future__ import annotations

import numpy as np

from ...errors import DataError
from ..formats.table import text_lines
from ..io.files import quoted

JOINTS = 25
_BODY_VALUES, _JOINT_VALUES = 10, 12

Frame = list[tuple[str, np.ndarray]]


def parse(data: bytes, where: str) -> list[Frame]:
    """The bodies of each frame, as (id, joints (25, 3) in metres), in the order of the file.

    Raises:
        DataError: the file is truncated, goes on after its last frame, has a count or a line that is not of this
            format, or a coordinate that is not a finite number; the message has the line number.

    Example:
        >>> parse(b"2\\n0\\n0\\n", "here")
        [[], []]
    """
    lines = _Lines(text_lines(data, where), where)
    frames = []
    for _ in range(lines.count("the number of frames")):
        frame: Frame = []
        for _ in range(lines.count("the number of bodies")):
            body = lines.values(_BODY_VALUES, "a body")[0]
            joints = lines.count("the number of joints")
            if joints != JOINTS:
                raise DataError(f"{lines.place()}: a body has {joints} joints, expected {JOINTS}")
            frame.append((body, lines.joints()))
        frames.append(frame)
    lines.end()
    return frames


class _Lines:
    """The lines of a file, taken one after the other."""

    def __init__(self, lines: list[str], where: str) -> None:
        self._lines = lines
        self._where = where
        self._next = 0

    def place(self) -> str:
        """The file and the number of the line that was taken last."""
        return f"{self._where}, line {self._next}"

    def take(self, what: str) -> str:
        if self._next >= len(self._lines):
            raise DataError(f"{self._where}, line {self._next + 1}: the file ends where {what} should be")
        self._next += 1
        return self._lines[self._next - 1].strip()

    def count(self, what: str) -> int:
        text = self.take(what)
        if not text.isdecimal() or len(text) > 9:
            raise DataError(f"{self.place()}: {what} must be here, got {quoted(text)}")
        return int(text)

    def values(self, count: int, what: str) -> list[str]:
        values = self.take(what).split()
        if len(values) != count:
            raise DataError(f"{self.place()}: {what} has {len(values)} values, expected {count}")
        return values

    def joints(self) -> np.ndarray:
        first = self._next + 1
        rows = [self.values(_JOINT_VALUES, "a joint")[:3] for _ in range(JOINTS)]
        try:
            joints = np.array(rows, dtype=np.float64)
        except ValueError:
            joints = np.array([[_number(v) for v in row] for row in rows])
        bad = np.argwhere(~(np.abs(joints) <= np.finfo(np.float32).max))
        if len(bad):
            row, column = (int(i) for i in bad[0])
            raise DataError(f"{self._where}, line {first + row}: {quoted(rows[row][column])} is not a finite number")
        return joints

    def end(self) -> None:
        for i, line in enumerate(self._lines[self._next :], start=self._next + 1):
            if line.strip():
                raise DataError(f"{self._where}, line {i}: the file goes on after its last frame")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
