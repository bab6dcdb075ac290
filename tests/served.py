"""A server of a small model, as a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema
from attentive_rnn.training import SavedModel, save_model
from onnx import TensorProto, helper, save


class Served(NamedTuple):
    """A server: its address without and with the token, the token as a header, and its process."""

    address: str
    entrance: str
    key: dict[str, str]
    process: subprocess.Popen[str]

    @property
    def live(self) -> str:
        return self.address.replace("http", "ws") + "/live"

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """The status and body of a page, with the token if no headers are given."""
        return self._answer(urllib.request.Request(self.address + path, headers=self.key | (headers or {})))

    def post(self, film: bytes, headers: dict[str, str] | None = None) -> tuple[int, list[Any]]:
        """The status and lines of the answer to a film."""
        request = urllib.request.Request(self.address + "/film", film, self.key | (headers or {}), method="POST")
        status, body = self._answer(request)
        return status, [json.loads(line) for line in body.splitlines()]

    def ask(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """The status and the answer to a request of another program."""
        address = self.address + "/recognise"
        request = urllib.request.Request(address, body, self.key | (headers or {}), method="POST")
        status, answer = self._answer(request)
        return status, json.loads(answer)

    @staticmethod
    def _answer(request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def start(folder: Path, pictures: bool = True, models: int = 1) -> Served:
    """Serve models of mean colours, made in `folder`; without pictures, as of three other features."""
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 3, *s]) for n, s in (("x", "HW"), ("y", "hw"))]
    graph = helper.make_graph([helper.make_node("GlobalAveragePool", ["x"], ["y"])], "mean", value[:1], value[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "mean.onnx")
    torch.manual_seed(1)  # the label changes with the colours
    model = SequenceClassifier(3, 3, 8, 1).eval()
    places = [folder / ("model" if i == 0 else f"model{i}") for i in range(models)]
    for i, place in enumerate(places):
        classes = tuple(f"{name} {i}" if i else name for name in ("sit", "stand", "wave"))
        save_model(place, SavedModel(model, Schema(classes=classes, shape=(3,)), Compose([])))
    call = [sys.executable, "-m", "attentive_rnn.cli", "serve", *map(str, places), "--port", "0"]
    network = ["--backbone", str(folder / "mean.onnx"), "--size", "32", "32", "--largest", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [*call, *(network if pictures else [])], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    entrance = process.stdout.readline().strip()
    address, token = entrance.split("/?token=")
    return Served(address, entrance, {"Authorization": f"Bearer {token}"}, process)


def begin(server: Served, length: int, path: str = "/film") -> socket.socket:
    """A connection that has sent the head of an upload."""
    host, port = server.address.removeprefix("http://").split(":")
    visitor = socket.create_connection((host, int(port)), timeout=60)
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in server.key.items()]
    visitor.sendall("\r\n".join([*lines, "", ""]).encode())
    return visitor
