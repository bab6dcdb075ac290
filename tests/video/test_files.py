"""A file for each video: which are made, by whom, and what is left out."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.video.files import make_files, places_for, shard_of

MAKE = """
import sys, time
from pathlib import Path
from attentive_rnn.video.files import make_files, places_for

folder = Path(sys.argv[1])

def make(video, place, origin):
    with open(folder / "tried", "a") as file:
        file.write(video.name + "\\n")
    print(video.name, flush=True)
    time.sleep(float(sys.argv[2]))
    place.write_text(origin["video_sha256"])
    return 1

def read(place):
    return {"video_sha256": place.read_text()}

videos = sorted((folder / "videos").iterdir())
make_files(places_for(videos, folder / "videos", folder / "out", ".made"), folder / "out", {}, read, make)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in "abcdefgh":
        (tmp_path / "videos" / f"{name}.mp4").write_text(name)
    return tmp_path


def start(folder, seconds):
    call = [sys.executable, "-c", MAKE, str(folder), str(seconds)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True)


def tried(folder):
    return sorted((folder / "tried").read_text().split())


def test_processes_at_the_same_time_make_each_file_once(folder):
    first, second = start(folder, 0.05), start(folder, 0.05)
    for process in (first, second):
        process.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert tried(folder) == [f"{name}.mp4" for name in "abcdefgh"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == [f"{name}.made" for name in "abcdefgh"]


def test_after_a_kill_one_video_at_most_is_seen_again(folder):
    with start(folder, 0.2) as process:
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    start(folder, 0).communicate()
    assert tried(folder) == sorted([*(f"{name}.mp4" for name in "abcdefgh"), "d.mp4"])
    assert sorted(path.name for path in (folder / "out").iterdir()) == [f"{name}.made" for name in "abcdefgh"]


def test_what_cannot_be_used_is_left_out_with_its_reason(folder):
    def make(video, place, origin):
        if video.stem == "c":
            raise DataError(f"{video}: is damaged")
        place.write_text("made")
        return 3

    videos, states = sorted((folder / "videos").iterdir())[:4], []
    places = places_for(videos, folder / "videos", folder / "out", ".made")
    refused = make_files(places, folder / "out", {}, lambda place: {}, make, progress=states.append)
    assert refused == {videos[2]: f"{videos[2]}: is damaged"}
    assert [(state.done, state.total, state.frames) for state in states] == [(1, 4, 3), (2, 4, 3), (3, 4, 0), (4, 4, 3)]


def test_two_videos_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="rename one"):
        places_for([tmp_path / "a.mp4", tmp_path / "a.mkv"], tmp_path, tmp_path / "out", ".made")


@pytest.mark.parametrize("text", ["2", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", ""])
def test_a_shard_is_a_part_of_a_number(text):
    with pytest.raises(ConfigError, match="--shard must be a part and their number"):
        shard_of(text)
