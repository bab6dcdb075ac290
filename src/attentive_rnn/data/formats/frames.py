"""The shape of a frame, where a file has only columns of numbers."""

from __future__ import annotations

from ...errors import DataError
from ..skeletons.layouts import get_layout


def frame_shape(shape: tuple[int, ...], layout: str | None, where: str) -> tuple[int, ...]:
    """The shape (M, V, C) that frames take in a joint layout, or the given one without a layout.

    Frames of D features are read person by person, joint by joint, coordinate by coordinate: with three coordinates
    where 3 V divides D, with two where only 2 V does.

    Raises:
        DataError: frames of this shape are not of the layout.
        ConfigError: there is no such layout.

    Example:
        >>> frame_shape((120,), "kinect-20", "here"), frame_shape((20, 3), "kinect-20", "here")
        ((2, 20, 3), (1, 20, 3))
    """
    if layout is None:
        return shape
    joints = len(get_layout(layout).joints)
    if len(shape) == 1:
        for coordinates in (3, 2):
            if shape[0] % (joints * coordinates) == 0:
                return shape[0] // (joints * coordinates), joints, coordinates
        raise DataError(f"{where}: {shape[0]} features a frame are not those of {joints} joints, as {layout} has")
    full = shape if len(shape) == 3 else (1, *shape)
    if len(full) != 3 or full[1] != joints:
        raise DataError(f"{where}: frames {shape} are not (persons, {joints}, coordinates), as {layout} needs")
    return full
