"""Features of real films by real networks: what is stored, when it is made again, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.video import Backbone, EfficientNetLite0, extract_features, read_features, read_frames
from films import write_film


@pytest.fixture(scope="module")
def lite():
    return EfficientNetLite0()


def _pixels(key=b"1"):
    return Backbone(lambda x: x[:, :, ::16, ::16], "pixels", key, size=(32, 32))


def test_features_of_a_folder_are_those_of_its_frames(tmp_path, lite):
    write_film(tmp_path / "films" / "wave" / "one.mp4", 5)
    assert extract_features(tmp_path / "films", tmp_path / "out", lite, maps=True, batch_size=2) == []
    stored = read_features(tmp_path / "out" / "wave" / "one.safetensors", maps=True)
    images = np.stack([f.image for f in read_frames(tmp_path / "films" / "wave" / "one.mp4", lite.size)])
    wanted = lite(images, maps=True)
    assert stored.features.dtype == stored.maps.dtype == np.float16
    assert np.allclose(stored.features, wanted.pooled, atol=2e-3)
    assert np.allclose(stored.maps, wanted.maps, atol=5e-3)
    assert np.allclose(stored.times, np.arange(5) / 10, atol=0.01)
    assert stored.metadata["extractor"] == "efficientnet-lite0"


def test_a_second_run_makes_only_what_changed(tmp_path):
    for name in ("a", "b"):
        write_film(tmp_path / "films" / f"{name}.mp4", 3)
    done = []

    def run(extractor, **options):
        done.clear()
        extract_features(
            tmp_path / "films", tmp_path / "out", extractor, progress=lambda s: done.append(s.frames), **options
        )
        return list(done)

    assert run(_pixels()) == [3, 3]
    assert run(_pixels()) == [0, 0]
    write_film(tmp_path / "films" / "b.mp4", 4)
    assert run(_pixels()) == [0, 4]
    assert run(_pixels(b"other weights")) == [3, 4]
    assert run(_pixels(b"other weights"), maps=True) == [3, 4]
    assert run(_pixels(b"other weights")) == [0, 0]
    assert run(_pixels(b"other weights"), every=2) == [2, 2]
    assert np.allclose(read_features(tmp_path / "out" / "a.safetensors").times, [0.0, 0.2], atol=0.01)
    assert run(_pixels(b"other weights")) == [3, 4]
    (tmp_path / "out" / "a.safetensors").write_bytes(b"half a file")
    assert run(_pixels(b"other weights")) == [3, 0]


def test_a_damaged_film_is_left_out_and_named(tmp_path):
    write_film(tmp_path / "good.mp4", 3)
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    refused = extract_features(tmp_path, tmp_path / "out", _pixels())
    assert len(refused) == 1
    assert "bad.mp4" in refused[0]
    assert (tmp_path / "out" / "good.safetensors").exists()
    assert not (tmp_path / "out" / "bad.safetensors").exists()


def test_two_films_of_one_name_are_refused(tmp_path):
    write_film(tmp_path / "a.mp4", 1)
    write_film(tmp_path / "a.mkv", 1)
    with pytest.raises(ConfigError, match="rename"):
        extract_features(tmp_path, tmp_path / "out", _pixels())


def test_shards_together_are_the_whole(tmp_path):
    for name in ("wave/a", "wave/b", "sit/c"):
        write_film(tmp_path / "films" / f"{name}.mp4", 3)
    extract_features(tmp_path / "films", tmp_path / "whole", _pixels())
    for part, made in ((1, 2), (2, 1)):
        states = []
        extract_features(tmp_path / "films", tmp_path / "out", _pixels(), shard=(part, 2), progress=states.append)
        assert [state.total for state in states] == [made] * made
    for file in (tmp_path / "whole").rglob("*.safetensors"):
        part, whole = read_features(tmp_path / "out" / file.relative_to(tmp_path / "whole")), read_features(file)
        assert part.metadata == whole.metadata
        assert np.array_equal(part.features, whole.features)


def test_damaged_features_are_one_error(tmp_path):
    write_film(tmp_path / "a.mp4", 3)
    extract_features(tmp_path, tmp_path, _pixels())
    file = tmp_path / "a.safetensors"
    content = file.read_bytes()
    with pytest.raises(DataError, match="has no maps"):
        read_features(file, maps=True)
    for size in (0, 5, 60, len(content) - 4):
        file.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"a\.safetensors"):
            read_features(file)
