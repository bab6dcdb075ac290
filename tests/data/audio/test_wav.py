""".wav files and folders of them."""

import struct

import numpy as np
import pytest
from scipy.io import wavfile

from attentive_rnn.data import load, read_sequences, recognise
from attentive_rnn.data.audio.wav import read_wav
from attentive_rnn.errors import ConfigError, DataError, DataWarning
from data.damage import read_or_refuse

RATE = 16000


def tone(hertz, seconds=0.2, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path, sound=None, rate=RATE, kind="i2"):
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = tone(440) if sound is None else sound
    scale = {"u1": 127, "i2": 2**15 - 1, "i4": 2**31 - 1}.get(kind, 1)
    values = np.round(sound * scale) + 128 * (kind == "u1") if scale > 1 else sound
    wavfile.write(path, rate, values.astype(kind))
    return path


def write_24_bits(path, sound):
    values = np.round(sound * (2**23 - 1)).astype("<i4")
    data = b"".join(struct.pack("<i", value)[:3] for value in values)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE,
        3 * RATE,
        3,
        24,
        b"data",
        len(data),
    )
    path.write_bytes(head + data)
    return path


@pytest.mark.parametrize(("kind", "error"), [("u1", 0.01), ("i2", 1e-4), ("i4", 1e-8), ("f4", 1e-6), ("f8", 0)])
def test_all_widths_are_the_same_sound(tmp_path, kind, error):
    sound, rate = read_wav(write(tmp_path / "a.wav", kind=kind))
    assert rate == RATE
    np.testing.assert_allclose(sound, tone(440), atol=error)


def test_24_bits_and_stereo_are_the_same_sound(tmp_path):
    np.testing.assert_allclose(read_wav(write_24_bits(tmp_path / "a.wav", tone(440)))[0], tone(440), atol=1e-6)
    both = np.stack([tone(440), np.zeros_like(tone(440))], axis=1)
    np.testing.assert_allclose(read_wav(write(tmp_path / "b.wav", both, kind="f8"))[0], tone(440) / 2)


def test_folders_are_classes(tmp_path):
    for name, hertz in (("low", 200), ("high", 3000)):
        for i in range(4):
            write(tmp_path / name / f"{i}.wav", tone(hertz + 10 * i))
    assert recognise(tmp_path).name == "audio"
    data = read_sequences(tmp_path)
    assert (data.schema.classes, data.schema.rate, data.schema.shape) == (("high", "low"), 100.0, (40,))
    assert data.schema.features[0] == "44 Hz"
    assert (data.labels.tolist(), data.metas[5]["name"]) == ([0] * 4 + [1] * 4, "low/1")
    assert data[0].sequence[5].argmax() > data[4].sequence[5].argmax()
    train, test = load("audio", tmp_path)
    assert (len(train), len(test)) == (6, 2)


def test_folders_of_parts_are_the_parts(tmp_path):
    for part in ("train", "val", "test"):
        for name in ("a", "b"):
            write(tmp_path / part / name / "1.wav")
    parts = load("audio", tmp_path).parts()
    assert {name: len(part) for name, part in parts.items()} == {"train": 2, "valid": 2, "test": 2}
    write(tmp_path / "c" / "2.wav")
    with pytest.raises(DataError, match=r"is in a part, but c/2\.wav is in none"):
        read_sequences(tmp_path)


def test_folders_within_each_other_are_refused_since_either_may_be_the_class(tmp_path):
    write(tmp_path / "ann" / "dog" / "1.wav")
    with pytest.raises(DataError, match=r"ann/dog/1\.wav is in folders within each other"):
        read_sequences(tmp_path)


def test_the_rate_of_frames_follows_from_the_hop_and_is_no_option(tmp_path):
    with pytest.raises(ConfigError, match="unknown option 'rate'"):
        read_sequences(write(tmp_path / "a.wav"), rate=16000)


@pytest.mark.parametrize("place", [".", "meta"])
def test_a_table_names_the_labels(tmp_path, place):
    for i in range(3):
        write(tmp_path / "audio" / f"{i}.wav")
    (tmp_path / place).mkdir(exist_ok=True)
    table = tmp_path / place / "list.csv"
    table.write_text("filename,category,speaker,mood\n0.wav,dog,ann,x\naudio/1.wav,cat,bob,y\n")
    data = read_sequences(tmp_path)
    assert recognise(tmp_path).name == "audio"
    assert (data.schema.classes, data.labels.tolist()) == (("cat", "dog"), [1, 0, -1])
    assert data.metas[1] == {"name": "audio/1", "subject": "bob"}
    assert data.notes == (f"{table}: does not name 1 of 3 files; the first is 2.wav",)
    assert read_sequences(tmp_path, label="mood").schema.classes == ("x", "y")
    with pytest.raises(ConfigError, match="there is no column 'what' \\(given as label\\)"):
        read_sequences(tmp_path, label="what")
    table.write_text("filename,category\n9.wav,dog\n")
    with pytest.raises(DataError, match=r"list\.csv, line 2: '9\.wav' is not there"):
        read_sequences(tmp_path)


def test_sampling_rates_are_brought_to_one(tmp_path):
    write(tmp_path / "a" / "16.wav", tone(1000, 1))
    write(tmp_path / "a" / "44.wav", tone(1000, 1, 44100), 44100)
    data = read_sequences(tmp_path)
    assert data.lengths.tolist() == [98, 98]
    np.testing.assert_allclose(
        data[0].sequence[10:80].numpy().max(1), data[1].sequence[10:80].numpy().max(1), atol=0.02
    )
    assert data[0].sequence[50].argmax() == data[1].sequence[50].argmax()
    assert data.notes == (
        f"{tmp_path}: 1 of 2 recordings have 44100 Hz and were brought to 16000 Hz; "
        "--option sample_rate=HZ brings all to another rate",
    )


def test_long_recordings_are_cut(tmp_path):
    data = read_sequences(write(tmp_path / "a.wav", tone(440, 2)), window="0.5s", overlap=0.5)
    assert data.lengths.tolist() == [50] * 7
    assert data.metas[1] == {"name": "a/25", "recording": "a", "start": 25}


def test_bad_files_are_refused_or_left_out(tmp_path):
    good = write(tmp_path / "a" / "good.wav").read_bytes()
    bad = {
        "cut": (good[:-100], "is truncated"),
        "empty": (b"", "is not a .wav file"),
        "text": (b"hello", "is not a .wav file"),
        "silent": (write(tmp_path / "b.wav", np.zeros(0)).read_bytes(), "holds no sound"),
        "packed": (good[:20] + b"\x02\0" + good[22:], "compressed"),
        "odd": (write(tmp_path / "b.wav", rate=500).read_bytes(), "has a sampling rate of 500 Hz"),
    }
    for name, (content, message) in bad.items():
        path = tmp_path / "a" / f"{name}.wav"
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}\.wav: .*{message}"):
            read_sequences(path)
    (tmp_path / "b.wav").unlink()
    write(tmp_path / "a" / "nan.wav", np.full(100, np.nan), kind="f4")
    with pytest.raises(DataError, match=r"missing=skip leaves out what cannot be read"):
        read_sequences(tmp_path)
    data = read_sequences(tmp_path, missing="skip")
    assert len(data) == 1
    assert data.notes[0].startswith(f"{tmp_path}: 7 of 8 sequences are left out")


def test_another_hop_or_other_bands_are_noticed_at_use(tmp_path):
    from attentive_rnn.data import match

    path = write(tmp_path / "a.wav")
    wanted = read_sequences(path).schema
    with pytest.raises(DataError, match="the features are not those of the model"):
        match(read_sequences(path, sample_rate=8000), wanted)
    with pytest.warns(DataWarning, match="has 50 frames per second, but the model was trained with 100"):
        match(read_sequences(path, hop=0.02), wanted)


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    path = write(tmp_path / "a.wav", tone(440, 0.02))
    assert read_or_refuse(read_sequences, path, path.read_bytes()) > 500


@pytest.mark.parametrize("options", [{}, {"split": "is_train"}])
def test_a_column_of_true_and_false_in_the_table_beside_tells_the_parts(tmp_path, options):
    for i in range(6):
        write(tmp_path / "set" / f"{i}.wav", tone(200 * (i + 1)))
    rows = [f"{i}.wav,{'ab'[i % 2]},{i < 4}\n" for i in range(6)]
    (tmp_path / "set" / "labels.csv").write_text("file,label,is_train\n" + "".join(rows))
    splits = load("audio", tmp_path / "set", **options)
    assert [[meta["name"] for meta in part.metas] for part in splits.parts().values()] == [
        ["0", "1", "2", "3"],
        ["4", "5"],
    ]
    assert any("the part of each sequence is that of 'is_train'" in note for note in splits.notes)
