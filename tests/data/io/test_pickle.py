"""Pickles: plain values and arrays are read, and nothing that a pickle names is run."""

import os
import pickle
import pickletools
import struct
import time

import numpy as np
import pandas as pd
import pytest

from attentive_rnn.data.formats.pyskl import read
from attentive_rnn.data.io.pickle import load_plain
from attentive_rnn.errors import DataError
from data.writers import put_pickle, pyskl_annotation, pyskl_content


class Calls:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def evil(marker):
    """Pickles that would make the file ``marker`` if anything in them ran."""
    command, code = f"touch {marker}", f"__import__('pathlib').Path({str(marker)!r}).touch()"
    run = pickle.dumps(Calls(os.system, command))
    call = pickle.dumps(Calls(eval, code))
    reconstruct = b"cnumpy._core.multiarray\n_reconstruct\n"
    text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()  # noqa: E731
    return {
        "os.system": run,
        "eval": call,
        "in an annotation": pickle.dumps({"split": {}, "annotations": [Calls(eval, code)]}),
        "as a key of the split": pickle.dumps({"split": {"a": [Calls(os.system, command)]}, "annotations": []}),
        "as the label": pickle.dumps(pyskl_content(annotations=[pyskl_annotation("v", label=Calls(eval, code))])),
        "in an array of objects": pickle.dumps(
            pyskl_content(annotations=[pyskl_annotation("v", keypoint=np.array([Calls(eval, code)]))])
        ),
        "by the name of an attribute": b"\x80\x04"
        + text("builtins")
        + text("__import__")
        + b"\x93"
        + text("os")
        + b"\x85R.",
        "by a dotted name": b"\x80\x04" + text("numpy") + text("ndarray.__class__") + b"\x93.",
        "by a path through numpy": b"\x80\x04"
        + text("numpy")
        + text("os.system")
        + b"\x93"
        + text(command)
        + b"\x85R.",
        "by numpy's own eval": b"\x80\x02cnumpy.testing._private.utils\nrunstring\n" + text(code) + b"}\x86R.",
        "by INST": b"(" + text(code) + b"ibuiltins\neval\n.",
        "by OBJ": b"(cbuiltins\neval\n" + text(code) + b"o.",
        "by NEWOBJ": b"\x80\x02cbuiltins\neval\n" + text(code) + b"\x85\x81.",
        "by a persistent id": b"P1\n.",
        "by an extension": b"\x80\x02\x82\x01.",
        "by changing a function": b"\x80\x02" + reconstruct + b"}" + text("__code__") + text(code) + b"s" + b"b.",
        "by changing slots of a function": b"\x80\x02" + reconstruct + b"N}" + text("_call") + text(code) + b"s\x86b.",
        "by making an array class": b"\x80\x02" + reconstruct + b"(cos\nsystem\n" + text(command) + b"tR.",
    }


@pytest.mark.parametrize("kind", evil("m"))
def test_a_pickle_that_tries_to_run_code_is_refused_and_did_not_run(tmp_path, kind):
    marker = tmp_path / "ran"
    path = put_pickle(tmp_path / "d.pkl", evil(marker)[kind])
    with pytest.raises(DataError, match=r"d.pkl: is not read as a pickle"):
        read(path)
    assert not marker.exists()


def test_the_evil_pickles_would_run_elsewhere(tmp_path):
    for kind in ("os.system", "eval", "in an annotation", "as the label", "in an array of objects"):
        marker = tmp_path / "ran"
        loaded = pickle.loads(evil(marker)[kind])
        del loaded
        assert marker.exists()
        marker.unlink()


def test_a_place_in_the_memo_that_would_fill_the_memory_is_refused(tmp_path):
    start = time.process_time()
    path = put_pickle(tmp_path / "d.pkl", b"\x80\x02Nr\xff\xff\xff\xff.")
    with pytest.raises(DataError, match="out of order"):
        read(path)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("opened", [b")" + b"\x85" * 100_000, b"]" * 100_000 + b"a" * 99_999])
def test_values_nested_too_deep_are_refused(opened):
    with pytest.raises(DataError, match="nested deeper than"):
        load_plain(b"\x80\x04}" + opened + b"Ns.", "here")


def test_a_list_that_holds_itself_is_no_total_of_frames(tmp_path):
    ring = [1]
    ring.append(ring)
    with pytest.raises(DataError, match="its values hold each other"):
        read(put_pickle(tmp_path / "d.pkl", pyskl_content(annotations=[pyskl_annotation("v", total_frames=ring)])))


def test_only_numbers_are_arrays():
    for array in (
        np.array([1, None]),
        np.array(["a"]),
        np.array([1j]),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, "i4,f4"),
    ):
        with pytest.raises(DataError, match="only numbers are read"):
            load_plain(pickle.dumps(array), "here")
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array([1, 2], ">i4")):
        for protocol in (0, 2, 4, 5):
            data = pickle.dumps(array, protocol=protocol)
            if protocol:
                np.testing.assert_array_equal(load_plain(data, "here").values, array)
            else:
                with pytest.raises(DataError, match="instruction"):
                    load_plain(data, "here")
    assert load_plain(pickle.dumps(np.int64(3)), "here") == 3


def test_an_array_whose_shape_does_not_fit_is_refused():
    data = pickle.dumps(np.zeros((2, 3)), protocol=4)
    shape = next(p for op, _, p in pickletools.genops(data) if op.name == "BININT1" and data[p + 1] == 3)
    with pytest.raises(DataError, match="shape of an array does not fit"):
        load_plain(data[: shape + 1] + b"\xff" + data[shape + 2 :], "here")


def test_a_pickled_data_frame_is_refused_with_what_to_save_instead():
    with pytest.raises(DataError, match="save a DataFrame with to_parquet or to_csv"):
        load_plain(pickle.dumps(pd.DataFrame({"x": [1.0]})), "frame.pkl")
