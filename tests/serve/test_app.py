"""The page in a real browser with a fake camera, and the server against broken, huge and hostile visitors."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import socket
import sys
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright
from websockets.sync.client import connect

from attentive_rnn.serve.app import _picture
from films import write_film
from served import begin, start

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def test_a_film_is_answered_line_by_line(server, tmp_path):
    status, lines = server.post(write_film(tmp_path / "a.mp4", 7).read_bytes())
    assert status == 200
    assert len(lines) == 8
    assert [line["frame"] for line in lines[:-1]] == list(range(7))
    assert all(min(line["milliseconds"].values()) >= 0 for line in lines[:-1])
    assert list(lines[0]["milliseconds"]) == ["decode", "features", "recognition"]
    assert sum(lines[0]["people"][0]["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert [(s["start"], s["end"]) for s in lines[-1]["segments"]] == [(0, 7)]


def test_broken_huge_and_hostile_films_get_one_message_and_the_server_lives(server, tmp_path):
    process = server.process
    whole = write_film(tmp_path / "a.mp4", 60, options={"movflags": "faststart"}).read_bytes()
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    for film in (
        b"",
        b"no film",
        whole[: len(whole) // 2],
        playlist,
        np.random.default_rng(0).bytes(10_000),
        whole[:40] + bytes(3000),
    ):
        status, lines = server.post(film)
        assert status == 200
        assert "the video" in lines[-1]["error"]
        assert str(tmp_path) not in lines[-1]["error"]
    status, lines = server.post(bytes(2**20 + 1))
    assert (status, lines[0]["error"]) == (413, "the video is too large: at most 1 MiB")
    assert server.post(b"", {"Origin": "http://elsewhere.example"})[0] == 403
    assert process.poll() is None
    assert server.post(whole)[0] == 200


def test_pictures_too_large_to_decode_are_refused_by_their_size(server, tmp_path):
    """A film of a few kilobytes that would need gigabytes."""
    film = write_film(tmp_path / "wide.mkv", 1, height=16, width=16_000, codec="ffv1")
    status, lines = server.post(film.read_bytes())
    assert (status, len(lines)) == (200, 1)
    assert "a picture is 16000 x 16; 8192 is most" in lines[0]["error"]


def test_visitors_that_go_away_leave_the_server_to_the_others(server, tmp_path):
    """In the middle of an upload; in the middle of the answer; and with pictures still on their way."""
    process = server.process
    film = write_film(tmp_path / "a.mp4", 400).read_bytes()
    with begin(server, len(film)) as visitor:
        visitor.sendall(film[: len(film) // 2])
    with begin(server, len(film)) as visitor:
        visitor.sendall(film)
        assert visitor.recv(2000).startswith(b"HTTP/1.1 200")
    with connect(server.live, additional_headers=server.key) as live:
        for _ in range(5):
            live.send(b"no picture")
    assert len(server.post(film)[1]) == 401
    assert process.poll() is None


def test_films_that_come_at_once_are_all_answered(server, tmp_path):
    film = write_film(tmp_path / "a.mp4", 20).read_bytes()
    with ThreadPoolExecutor(4) as visitors:
        answers = list(visitors.map(lambda _: server.post(film), range(4)))
    assert [(status, len(lines)) for status, lines in answers] == [(200, 21)] * 4
    first = [line["people"][0]["probabilities"] for line in answers[0][1][:-1]]
    assert all([line["people"][0]["probabilities"] for line in a[1][:-1]] == first for a in answers)


def test_pictures_that_are_none_get_one_message_and_the_connection_lives(server):
    from io import BytesIO

    from PIL import Image

    picture, bomb = BytesIO(), BytesIO()
    Image.fromarray(np.full((48, 64, 3), 200, np.uint8)).save(picture, "JPEG")
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    with connect(server.live, additional_headers=server.key) as live:
        for sent, message in [
            (b"no picture", "no picture"),
            (picture.getvalue()[:200], "no picture"),
            (bomb.getvalue(), "picture"),
            (bytes(5 * 2**20), "at most 4 MiB"),
            ("text", "as bytes"),
        ]:
            live.send(sent)
            assert message in json.loads(live.recv(30))["error"]
        live.send(picture.getvalue())
        assert len(json.loads(live.recv(30))["people"][0]["probabilities"]) == 3
    with (
        pytest.raises(Exception, match=r"403|1008"),
        connect(server.live, additional_headers=server.key, origin="http://elsewhere.example") as live,
    ):
        live.recv(10)


def test_pictures_are_turned_upright_and_keep_their_brightness():
    """As their file asks, and of 16 bits too."""
    left, half = np.zeros((40, 60), np.uint8), Image.Exif()
    left[:, :30] = 200
    half[0x0112] = 3  # half a turn

    def looked_at(image, kind, size, **options):
        file = io.BytesIO()
        image.save(file, kind, **options)
        return _picture(file.getvalue(), size).astype(int)

    for size in (None, (20, 30)):
        plain = looked_at(Image.fromarray(left), "PNG", size)
        assert plain[0, 0].tolist() == [200] * 3
        assert np.array_equal(looked_at(Image.fromarray(left), "PNG", size, exif=half), plain[::-1, ::-1])
        assert abs(looked_at(Image.fromarray(left), "JPEG", size, exif=half) - plain[::-1, ::-1]).max() < 10
        assert np.array_equal(looked_at(Image.fromarray(left.astype(np.uint16) * 256), "PNG", size), plain)


def test_the_server_listens_to_this_machine_only(server):
    port = int(server.address.rsplit(":", 1)[1])
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        own = "127.0.0.2" if sys.platform == "darwin" else own
    with socket.socket() as probe:
        probe.settimeout(2)
        reached = probe.connect_ex((own, port)) == 0
    assert reached == own.startswith("127.0.0.1") or own.startswith("127.")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH nor in $CHROMIUM; on Debian: apt-get install chromium")
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--disable-component-update"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


def test_the_page_shows_the_webcam_live(server, browser, tmp_path):
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert page.is_hidden("#findings")
    page.click("#camera")
    page.wait_for_selector("text=Live", timeout=60_000)
    page.wait_for_selector("#bars li:nth-child(3)", timeout=60_000)
    page.wait_for_selector(r"text=/medians of the last \d\d/", timeout=60_000)
    assert page.text_content("#label") in ("sit", "stand", "wave")
    assert re.match(r"\d+\.\d pictures a second, \d+ dropped", page.text_content("#pace"))
    stages = page.locator("#stages li").all_text_contents()
    assert [re.fullmatch(r"([a-z]+)\d+\.\d ms", stage)[1] for stage in stages] == [
        "decode",
        "features",
        "recognition",
        "draw",
    ]
    page.locator("#segments button").last.click()
    assert re.match(r"Person 0: (sit|stand|wave), pictures \d+ to \d+", page.text_content("#state"))
    page.screenshot(path=os.environ.get("ATTENTIVE_SCREENSHOT", str(tmp_path / "page.png")))
    page.close()
    own = server.address, server.address.replace("http", "ws"), "data:", "blob:"
    assert all(url.startswith(own) for url in asked)


def test_the_page_reads_a_film_and_says_what_is_wrong_with_a_broken_one(server, browser, tmp_path):
    page = browser.new_page()
    page.goto(server.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    page.set_input_files("#file", write_film(tmp_path / "a.mp4", 9))
    page.wait_for_selector("text=Done", timeout=60_000)
    page.click("#segments button")
    assert page.text_content("#state").endswith("pictures 0 to 8, 0.00 to 0.90 s")
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    page.set_input_files("#file", tmp_path / "bad.mp4")
    page.wait_for_selector("#state.error", timeout=60_000)
    assert "not a video" in page.text_content("#state")
    page.close()


@pytest.fixture
def colourful(tmp_path):
    """A film in which the label changes."""
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]], np.uint8)
    images = colours.repeat(12, 0)[:, None, None].repeat(48, 1).repeat(64, 2)
    return write_film(tmp_path / "colours.mp4", images)


def test_the_timeline_grows_to_the_segments_that_the_server_finds(server, browser, colourful):
    lines = server.post(colourful.read_bytes())[1]
    wanted = lines.pop()["segments"]
    assert len(wanted) > 1
    page = browser.new_page()
    page.goto(server.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    grown = page.evaluate("(lines) => { lines.forEach((line) => show(line)); refresh(); return segments; }", lines)
    assert grown == wanted
    assert page.locator("#segments button").all_text_contents() == [one["label"] for one in wanted]
    first, last = (page.locator("#segments button").nth(i).bounding_box() for i in (0, -1))
    line = page.locator("#segments div").bounding_box()
    assert first["x"] == pytest.approx(line["x"], abs=1)
    assert last["x"] + last["width"] == pytest.approx(line["x"] + line["width"], abs=1)
    assert first["width"] / line["width"] == pytest.approx((wanted[0]["end"] - wanted[0]["start"]) / 60, abs=0.02)
    page.close()


def test_segments_are_exported_as_csv_json_and_subtitles(server, browser, colourful, tmp_path):
    wanted = server.post(colourful.read_bytes())[1][-1]["segments"]
    rows = [one | {"start_seconds": one["start"] / 10, "end_seconds": one["end"] / 10} for one in wanted]
    page = browser.new_page()
    page.goto(server.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert page.is_hidden("#export")
    page.set_input_files("#file", colourful)
    page.wait_for_selector("text=Done", timeout=60_000)
    written = {}
    for kind in ("csv", "json", "vtt", "eaf"):
        with page.expect_download() as download:
            page.click(f"#export [data-kind={kind}]")
        assert download.value.suggested_filename == f"segments.{kind}"
        download.value.save_as(tmp_path / kind)
        written[kind] = (tmp_path / kind).read_bytes().decode()
    assert json.loads(written["json"]) == rows
    read = list(csv.DictReader(io.StringIO(written["csv"], newline="")))
    assert [{key: str(value) for key, value in row.items()} for row in rows] == read
    cue = written["vtt"].split("\n\n")
    assert cue[0] == "WEBVTT"
    assert len(cue) == 1 + len(rows)
    assert cue[1].rstrip() == f"00:00:00.000 --> 00:00:0{rows[0]['end_seconds']:.3f}\n<v person 0>{rows[0]['label']}"
    labels = [one.text for one in ElementTree.fromstring(written["eaf"]).iter("ANNOTATION_VALUE")]
    assert labels == [row["label"] for row in rows]
    page.close()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("srt", b"[]", 404),
        ("csv", b"segments", 400),
        ("csv", b'[{"track": 0}]', 400),
        ("eaf", b'[{"track": 0, "label": "a", "start": 0, "end": 1}]', 400),
        ("vtt", b'[{"track": 0, "label": "a", "start": 0, "end": 1, "start_seconds": 0, "end_seconds": 1e999}]', 400),
        ("csv", b'[{"track": 0, "label": "a", "start": 5, "end": 1}]', 400),
        ("csv", b'[{"track": 0, "label": "a", "start": -1, "end": 1}]', 400),
        ("json", b'[{"track": 0, "label": "a", "start": 0, "end": 1, "start_seconds": NaN, "end_seconds": 1}]', 400),
        ("vtt", b'[{"track": 0, "label": "a", "start": 0, "end": 1, "start_seconds": -1, "end_seconds": 1}]', 400),
        ("csv", b"[]", 200),
    ],
)
def test_what_are_no_segments_is_refused(server, kind, body, status):
    request = urllib.request.Request(f"{server.address}/segments/{kind}", body, server.key, method="POST")
    assert server._answer(request)[0] == status


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A server of two models, of other classes and colours."""
    served = start(tmp_path_factory.mktemp("two_runs"), models=2)
    with served.process as process:
        yield served
        process.terminate()
        process.wait(20)


def test_each_visitor_chooses_a_run(two_runs, tmp_path):
    first = json.loads(two_runs.get("/model")[1])
    assert len(first["runs"]) == 2
    assert first["run"] == first["runs"][0]
    query = urllib.parse.urlencode({"run": first["runs"][1]})
    second = json.loads(two_runs.get(f"/model?{query}")[1])
    assert (first["classes"], second["classes"]) == (["sit", "stand", "wave"], ["sit 1", "stand 1", "wave 1"])
    status, said = two_runs.get("/model?run=elsewhere")
    assert status == 404
    assert "there is no run 'elsewhere' here" in json.loads(said)["error"]
    film = write_film(tmp_path / "a.mp4", 9).read_bytes()
    labels = {}
    for path in ("/film", f"/film?{query}"):
        request = urllib.request.Request(two_runs.address + path, film, two_runs.key, method="POST")
        labels[path] = json.loads(two_runs._answer(request)[1].splitlines()[-1])["segments"][0]["label"]
    assert labels["/film"] in first["classes"]
    assert labels[f"/film?{query}"] in second["classes"]
    with connect(f"{two_runs.live}?run=elsewhere", additional_headers=two_runs.key) as live:
        assert "there is no run 'elsewhere' here" in json.loads(live.recv(30))["error"]


def test_the_page_changes_the_run_and_keys_go_along_the_segments(two_runs, browser, colourful):
    page = browser.new_page()
    page.goto(two_runs.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    page.select_option("#run", index=1)
    page.wait_for_function("() => model.run === document.getElementById('run').value")
    page.set_input_files("#file", colourful)
    page.wait_for_selector("text=Done", timeout=60_000)
    assert page.text_content("#label").endswith(" 1")
    assert page.locator("#courses div").count() == 1
    assert page.text_content("#courses span").startswith("person 0: ")
    page.click("#segments button >> nth=0")
    said = page.text_content("#state")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#state") != said
    page.keyboard.press("ArrowLeft")
    assert page.text_content("#state") == said
    page.keyboard.press("w")
    page.wait_for_selector("text=Live", timeout=60_000)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(server, browser, colourful, tmp_path, scheme):
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(server.entrance)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert page.is_hidden("#choice")
    page.set_input_files("#file", colourful)
    page.wait_for_selector("text=Done", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(246, 246, 244)") == (scheme == "light")
    page.screenshot(path=os.environ.get("ATTENTIVE_PHONE", str(tmp_path / "phone")) + f"-{scheme}.png", full_page=True)
    page.close()
