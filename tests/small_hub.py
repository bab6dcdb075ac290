"""A hub of models on this machine, which huggingface_hub talks to as to the real one: to make, fill and fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Files = dict[str, bytes]


class SmallHub(ThreadingHTTPServer):
    """A server with the commits of each repository, the newest last; `token` is what a writer must have."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commits: dict[str, list[Files]] = {}
        self.claimed: dict[str, int] = {}  # sizes that are told instead of the true ones, by file
        self.token = "hf_writer"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def found(self, repository: str, revision: str) -> tuple[str, Files] | None:
        """The commit, by its number as a hash, and the files of a revision: main, v1, v2 ..., or a hash."""
        commits = self.commits[repository]
        numbers = {"main": len(commits)} | {f"v{i}": i for i in range(1, len(commits) + 1)}
        number = int(revision, 16) if len(revision) == 40 else numbers.get(revision)
        return None if number is None else (f"{number:040x}", commits[number - 1])


@contextmanager
def small_hub() -> Iterator[SmallHub]:
    """The server, while it runs."""
    hub = SmallHub()
    thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: SmallHub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        place = self.path.split("?")[0].strip("/").split("/")
        if place[1:] == ["validate-yaml"]:
            return self._answer({"errors": [], "warnings": []})
        if self.headers.get("authorization") != f"Bearer {self.server.token}":
            return self._answer({"error": "Invalid username or password."}, 401)
        if place[1:] == ["repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.commits.setdefault(name, [])
            return self._answer({"url": f"{self.server.address}/{name}"})
        name, action = "/".join(place[2:4]), place[4]
        if action == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        lines = [json.loads(line)["value"] for line in body.splitlines() if json.loads(line)["key"] == "file"]
        before = self.server.commits[name][-1] if self.server.commits[name] else {}
        self.server.commits[name].append(before | {one["path"]: base64.b64decode(one["content"]) for one in lines})
        commit = f"{len(self.server.commits[name]):040x}"
        return self._answer({"commitUrl": f"{self.server.address}/{name}/commit/{commit}", "commitOid": commit})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        place = self.path.split("?")[0].strip("/").split("/")
        name = "/".join(place[2:4] if place[0] == "api" else place[:2])
        if name not in self.server.commits:
            return self._answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        found = self.server.found(name, place[5] if place[0] == "api" else place[3])
        if found is None:
            return self._answer({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        commit, files = found
        if place[0] == "api" and place[4] == "revision":
            return self._answer({"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]})
        if place[0] == "api":
            return self._answer([self._entry(file, content) for file, content in files.items()])
        file = "/".join(place[4:])
        told = {"X-Linked-Size": str(self.server.claimed[file])} if file in self.server.claimed else {}
        return self._send(files[file], told | {"ETag": f'"{_digest(files[file])}"', "X-Repo-Commit": commit})

    def _entry(self, file: str, content: bytes) -> dict[str, Any]:
        size = self.server.claimed.get(file, len(content))
        return {"type": "file", "path": file, "size": size, "oid": _digest(content)}

    def _answer(self, values: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(values).encode(), {"Content-Type": "application/json"} | (headers or {}), status)

    def _send(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the standard error."""


def _digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
