"""The HTTP interface of a server: labels for joints, health and meters, and what is refused."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from websockets.sync.client import connect

from attentive_rnn.serve.api import ASKED
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import load_model
from served import begin, start


@pytest.fixture(scope="module")
def recognizer(server, tmp_path_factory):
    """Of the served model, with the hold of `attentive serve`."""
    folder = tmp_path_factory.getbasetemp() / "served0" / "model"
    return lambda: Recognizer(load_model(folder), hold=5)


def test_tracks_get_the_labels_and_segments_of_a_recogniser(server, recognizer):
    rng = np.random.default_rng(0)
    tracks = {"Ann": 3 * rng.normal(size=(40, 3)), "Bob": rng.normal(size=(25, 3))}
    status, said = server.ask(json.dumps({"tracks": {who: x.tolist() for who, x in tracks.items()}}).encode())
    assert status == 200
    alone = recognizer()
    for who, frames in tracks.items():
        results = alone.push_chunk(frames, who)
        wanted = results[-1]
        segments = [result.ended for result in results if result.ended] + [alone.end(who)]
        found = said["tracks"][who]
        assert found["label"] == ("sit", "stand", "wave")[wanted.label]
        assert found["since"] == wanted.start
        assert list(found["probabilities"].values()) == pytest.approx(wanted.probabilities, abs=1e-4)
        assert [(s["start"], s["end"]) for s in found["segments"]] == [(s.start, s.end) for s in segments]


def test_each_request_begins_its_tracks_anew(server):
    body = json.dumps({"tracks": {"Ann": [[1, 2, 3]]}}).encode()
    assert server.ask(body) == server.ask(body)
    assert server.ask(b'{"tracks": {}}') == (200, {"tracks": {}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "as JSON"),
        (b"joints", "as JSON"),
        (b"[" * 100_000, "as JSON"),
        (b'{"frames": []}', "as JSON"),
        (b'{"tracks": {"Ann": 3}}', "'tracks': 'Ann': Input should be a valid list"),
        (b'{"tracks": {"Ann": [[1, 2, 3]], "Ann": [[4, 5, 6]]}}', "'Ann' occurs twice"),
        (b'{"tracks": {"Ann": [["1", "2", "3"]]}}', "frame 0: track 'Ann': a frame must be numbers (3,), got texts"),
        (b'{"tracks": {"Ann": []}}', "track 'Ann' has no frame"),
        (b'{"tracks": {"Ann": [[1, 2, 3], [1, 2]]}}', "frame 1: track 'Ann': a frame must be (3,)"),
        (b'{"tracks": {"Ann": [[1, 2, 3]], "Bob": [[1, 2, NaN]]}}', "frame 0: track 'Bob': a value of a frame is"),
        (json.dumps({"tracks": {i: [[1, 2, 3]] for i in range(1001)}}).encode(), "1000 tracks are open"),
    ],
)
def test_a_request_that_is_none_gets_one_message_and_the_server_lives(server, body, message):
    status, said = server.ask(body)
    assert status == 400
    assert message in said["error"]
    assert server.get("/health")[0] == 200


def test_half_a_character_in_a_name_comes_back_as_it_was(server):
    status, said = server.ask(b'{"tracks": {"\\ud800": [[1, 2, 3]]}}')
    assert (status, list(said["tracks"])) == (200, ["\ud800"])


def test_every_refusal_is_json_with_one_error(server):
    for status, body in (server.get("/nowhere"), server.get("/recognise"), server.get("/model?run=elsewhere")):
        assert status in (404, 405)
        assert list(json.loads(body)) == ["error"]
    status, said = server.ask(gzip.compress(b'{"tracks": {}}'), {"Content-Encoding": "gzip"})
    assert (status, said) == (415, {"error": "the request is packed (gzip); send it as it is"})


def test_a_request_that_nobody_waits_for_is_given_up(server):
    """Nor does it hold up those who wait for their turn."""
    frames = json.dumps({"tracks": {"Ann": [[1, 2, 3]] * 300_000}}).encode()
    before = meters(server).get('attentive_frames_total{way="recognise"}', 0)
    with begin(server, len(frames), "/recognise") as visitor:
        visitor.sendall(frames)
    assert server.ask(json.dumps({"tracks": {"Ann": [[1, 2, 3]]}}).encode())[0] == 200
    assert meters(server)['attentive_frames_total{way="recognise"}'] == before + 1


def test_a_request_that_is_too_large_is_refused_before_it_is_read(server):
    with begin(server, ASKED + 1, "/recognise") as visitor:
        answer = visitor.makefile("rb").read(-1)
    assert answer.startswith(b"HTTP/1.1 413")
    assert json.loads(answer.split(b"\r\n\r\n")[1]) == {"error": "the request is too large: at most 8 MiB"}


def test_health_tells_the_classes_and_the_meters_count_frames_and_errors(server):
    health = json.loads(server.get("/health")[1])
    assert (health["status"], health["classes"]) == ("ok", ["sit", "stand", "wave"])
    before = meters(server)
    server.ask(json.dumps({"tracks": {"Ann": [[1, 2, 3]] * 7}}).encode())
    server.ask(b"{}")
    after = meters(server)
    frames, errors = 'attentive_frames_total{way="recognise"}', 'attentive_errors_total{way="recognise"}'
    assert after[frames] == before.get(frames, 0) + 7
    assert after[errors] == before.get(errors, 0) + 1
    assert after['attentive_visitors{way="live"}'] == 0
    assert after["process_resident_memory_bytes"] > 2**20


def meters(server):
    """The values of the meters, by name and labels."""
    lines = server.get("/metrics")[1].decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@pytest.mark.parametrize("path", ["/recognise", "/health", "/metrics", "/openapi.json"])
def test_other_programs_need_the_token_and_the_name_of_the_server_too(server, path):
    ask = server.ask if path == "/recognise" else lambda body, headers: server.get(path, headers)
    assert ask(b"{}", {"Authorization": "Bearer wrong"})[0] == 401
    assert ask(b"{}", {"Host": "evil.example"})[0] == 421
    assert ask(b"{}", {"Origin": "http://elsewhere.example"})[0] == 403


def test_the_interface_describes_itself(server):
    described = json.loads(server.get("/openapi.json")[1])
    post = described["paths"]["/recognise"]["post"]
    assert "tracks" in post["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"/health", "/metrics"} <= set(described["paths"])
    assert json.loads(server.get("/model")[1])["shape"] == [3]


def test_a_model_of_other_features_than_those_of_pictures_is_served_to_other_programs(tmp_path):
    server = start(tmp_path, pictures=False)
    with server.process as process:
        status, said = server.ask(json.dumps({"tracks": {"Ann": [[1, 2, 3]]}}).encode())
        assert status == 200
        assert said["tracks"]["Ann"]["label"] in ("sit", "stand", "wave")
        with connect(server.live, additional_headers=server.key) as socket:
            assert "takes frames (3,)" in json.loads(socket.recv())["error"]
        status, lines = server.post(b"film")
        assert status == 200
        assert ["takes frames (3,)" in line["error"] for line in lines] == [True]
        process.terminate()
        assert process.wait(30) == 0
