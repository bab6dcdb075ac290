"""Writers of the formats that the package reads, for tests only."""

import json
import zipfile

import numpy as np

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
