"""Writers of the formats that the package reads, for tests only."""

import gzip
import io
import json
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
from scipy.io import savemat

from attentive_rnn.data.skeletons.nucla import ACTIONS


def ts_text(cases, labels=None, classes=(), **header):
    """A .ts file of (T, D) cases; ``header`` adds or replaces lines, None removes one."""
    keys = {
        "problemName": "Made",
        "timeStamps": "false",
        "missing": "false",
        "univariate": "false",
        "dimensions": len(cases[0][0]) if len(cases) else 1,
        "equalLength": "false",
        "classLabel": "false" if labels is None else " ".join(["true", *classes]),
    } | header
    lines = ["# written by a test", *(f"@{k} {v}" for k, v in keys.items() if v is not None), "@data"]
    for i, case in enumerate(cases):
        fields = [",".join(_number(v) for v in column) for column in np.asarray(case).T]
        lines.append(":".join(fields if labels is None else [*fields, labels[i]]))
    return "\n".join(lines) + "\n"


def _number(value):
    return "?" if np.isnan(value) else repr(float(value))


def nucla_name(action=1, subject=1, repetition=0, view=1):
    return f"a{action:02}_s{subject:02}_e{repetition:02}_v{view:02}"


def nucla_content(name, frames, **changes):
    """The content of one skeleton file; ``changes`` replace fields, None removes one."""
    label = list(ACTIONS).index(int(name[1:3])) + 1
    content = {"file_name": name, "skeletons": np.asarray(frames).tolist(), "label": label} | changes
    return {key: value for key, value in content.items() if value is not None}


def write_nucla_zip(path, contents):
    """A zip laid out as the real one: {name: content}, where content is JSON-able, or bytes as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            data = content if isinstance(content, bytes) else json.dumps(content)
            # A ZipInfo without a date gives the same bytes at every time.
            info = zipfile.ZipInfo(f"all_sqe/{name}.json")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def idx_bytes(array: np.ndarray) -> bytes:
    """A uint8 array as an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def digit_shape(digit: int, rng: np.random.Generator) -> np.ndarray:
    """A grey (28, 28) figure, different for each digit: the segments of a pocket calculator's display."""
    segments = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"][digit]
    top, left = (int(v) for v in rng.integers(3, 7, 2))
    bars = {"a": (0, 0, 3, 12), "g": (9, 0, 3, 12), "d": (18, 0, 3, 12)}
    bars |= {"f": (0, 0, 11, 3), "b": (0, 9, 11, 3), "e": (10, 0, 11, 3), "c": (10, 9, 11, 3)}
    image = np.zeros((28, 28), np.uint8)
    for segment in segments:
        y, x, height, width = bars[segment]
        image[top + y : top + y + height, left + x : left + x + width] = rng.integers(200, 256)
    return image


def write_mnist(folder: Path, train: int = 60, test: int = 40, zipped: bool = True) -> Path:
    """The four files of MNIST, with every digit in each part."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        labels = np.arange(count) % 10
        images = np.stack([digit_shape(int(label), rng) for label in labels])
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = idx_bytes(array)
            name = f"{part}-{kind}-ubyte"
            (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(data, 1) if zipped else data)
    return folder


def tint(label: int, rng: np.random.Generator) -> np.ndarray:
    """A (32, 32, 3) picture whose colour tells its class."""
    base = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]])[label % 3]
    return np.clip(base + rng.normal(0, 20, (32, 32, 3)), 0, 255).astype(np.uint8)


def write_cifar_jpegs(folder: Path, train: int = 8, test: int = 4, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """A folder {train,test}/CLASS/*.jpg with so many pictures of each class."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            place = folder / part / name
            place.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(tint(label, rng)).save(place / f"{i:04d}.jpg")
    return folder


def write_cifar_binaries(folder: Path, records: int = 4, hundred: bool = False) -> Path:
    """The files of the original binary version, with so many records each."""
    rng = np.random.default_rng(0)
    names = ["train.bin", "test.bin"] if hundred else [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    for name in names:
        rows = []
        for i in range(records):
            pixels = tint(i, rng).transpose(2, 0, 1).tobytes()
            rows.append((bytes([7, i % 3]) if hundred else bytes([i % 3])) + pixels)
        (folder / name).write_bytes(b"".join(rows))
    (folder / ("fine_label_names.txt" if hundred else "batches.meta.txt")).write_text("apple\nbear\nchair\n\n")
    return folder


def mat(**variables):
    """A MATLAB file of arrays."""
    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()


def put(path, data):
    """The path, with a file of some bytes at it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_jhmdb_joints(folder, clips):
    """CLASS/CLIP/joint_positions.mat of random joints for each clip."""
    rng = np.random.default_rng(0)
    for name in clips:
        variables = {"pos_img": rng.uniform(0, 320, (2, 15, 3)), "pos_world": rng.normal(size=(2, 15, 3))}
        put(folder / name / "joint_positions.mat", mat(**variables, scale=np.ones((1, 3)), viewpoint="S"))


_RNG = np.random.default_rng(0)


def pyskl_annotation(name, label=0, frames=4, people=1, joints=17, coordinates=2, dtype=np.float16, **changes):
    values = {
        "frame_dir": name,
        "label": label,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": _RNG.uniform(0, 1000, (people, frames, joints, coordinates)).astype(dtype),
        "keypoint_score": _RNG.uniform(0, 1, (people, frames, joints)).astype(dtype),
    } | changes
    if coordinates == 3:
        values.pop("keypoint_score")
    return {key: value for key, value in values.items() if value is not None}


def pyskl_content(**changes):
    annotations = [pyskl_annotation(f"v{i}", i % 3, frames=3 + i, people=1 + i % 3) for i in range(6)]
    names = [a["frame_dir"] for a in annotations]
    return {"split": {"train1": names[:4], "test1": names[4:]}, "annotations": annotations} | changes


def put_pickle(path, value, protocol=4):
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol=protocol))
    return path


def body_text(joints, body="72057594037931101"):
    """One body of a frame; the values that are not read are constants."""
    lines = [f"{body} 0 1 1 1 1 0 -0.05 0.02 2", "25"]
    lines += [
        " ".join(map(repr, map(float, xyz))) + " 283.7 185.2 1036.6 496.8 -0.2 0.04 0.9 -0.02 2" for xyz in joints
    ]
    return lines


def skeleton_text(frames):
    """A .skeleton file of frames, each a list of (id, joints)."""
    lines = [str(len(frames))]
    for frame in frames:
        lines.append(str(len(frame)))
        for body, joints in frame:
            lines += body_text(joints, body)
    return "\n".join(lines) + "\n"


def person(frames=20, scale=1.0, shape=(0.3, 1.0, 0.3)):
    """An upright body that moves, (T, 25, 3)."""
    return scale * (_RNG.normal(size=(frames, 25, 3)).round(3) + 0.1) * shape


def one(joints, body="1"):
    return [[(body, frame)] for frame in joints]


def write_ntu(folder, sequences):
    folder.mkdir(exist_ok=True)
    for name, frames in sequences.items():
        (folder / f"{name}.skeleton").write_text(skeleton_text(frames))
    return folder


def c3d_file(positions, names, residuals=None, rate=100.0, units="mm", scale=-1.0, more=None):
    """A .c3d file of positions (T, V, 3); a residual (T, V) of -1: an absent marker; ``more``: other lists of names."""
    import c3d

    writer = c3d.Writer(point_rate=rate, point_units=units, point_scale=scale)
    writer.set_point_labels(list(names))
    for key, words in (more or {}).items():
        text, width = c3d.Writer.pack_labels(words)
        writer.point_group.add_str(key, "", text, width, len(words))
    extra = np.zeros((*positions.shape[:2], 2))
    if residuals is not None:
        extra[..., 0] = residuals
    for frame in np.concatenate([positions, extra], axis=-1):
        writer.add_frames([(frame, np.empty((0, 0)))])
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer.write(data)
    return data.getvalue()
