"""HDF5 files as MATLAB writes them, version 7.3."""

import h5py
import numpy as np


def write_matlab(path, **variables):
    """Write numbers, texts and lists (cells, 1 x N) of these: axes reversed, cells by reference, a text before all."""
    with h5py.File(path, "w", userblock_size=512) as file:
        places = file.create_group("#refs#")
        for name, value in variables.items():
            _put(file, name, value, places)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(512))
    return path


def _put(group, name, value, places):
    if isinstance(value, list):
        made = group.create_dataset(name, (len(value), 1), dtype=h5py.ref_dtype)
        for i, cell in enumerate(value):
            made[i, 0] = _put(places, f"{name}{i}", cell, places).ref
        kind = "cell"
    elif isinstance(value, str):
        made, kind = group.create_dataset(name, data=np.array([[ord(letter)] for letter in value], np.uint16)), "char"
    elif np.size(value) == 0:
        made, kind = group.create_dataset(name, data=np.zeros(2, np.uint64)), "double"
        made.attrs["MATLAB_empty"] = 1
    else:
        made, kind = group.create_dataset(name, data=np.atleast_2d(np.asarray(value, float)).T), "double"
    made.attrs["MATLAB_class"] = np.bytes_(kind)
    return made
