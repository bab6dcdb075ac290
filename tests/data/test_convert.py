import numpy as np
import pytest
import torch

from attentive_rnn.data import convert, get_source, load, read_sequences
from attentive_rnn.errors import ConfigError, DataError
from data.generic import assert_same
from data.writers import nucla_content, nucla_name, ts_text, write_nucla_zip


@pytest.fixture
def skeletons(tmp_path):
    rng = np.random.default_rng(0)
    names = [nucla_name(a, s, 0, v) for a in (1, 12) for s in (1, 2) for v in (1, 2, 3)]
    contents = {n: nucla_content(n, rng.normal(size=(2 + i, 20, 3))) for i, n in enumerate(names)}
    return write_nucla_zip(tmp_path / "s.zip", contents)


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_both_parts_come_back_as_they_were(skeletons, tmp_path, suffix):
    out = convert(skeletons, tmp_path / f"out.{suffix}")
    name = "npz" if suffix == "npz" else "table"
    for found, wanted in zip(load(name, out), load("nucla", skeletons), strict=True):
        assert_same(found, wanted)
    again = convert(out, tmp_path / f"again.{suffix}")
    assert_same(get_source(name).read(again), get_source(name).read(out))


def test_pyskl_keeps_the_coordinates_labels_and_parts(skeletons, tmp_path):
    out = convert(skeletons, tmp_path / "out.pkl")
    for found, wanted in zip(load("pyskl", out), load("nucla", skeletons), strict=True):
        assert found.labels.tolist() == wanted.labels.tolist()
        assert [m["name"] for m in found.metas] == [m["name"] for m in wanted.metas]
        assert all(torch.equal(a, b) for a, b in zip(found.sequences, wanted.sequences, strict=True))


def test_a_set_without_parts_stays_so_unless_a_share_is_asked_for(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("id,label,x\n" + "".join(f"{i},{'ab'[i % 2]},{i}\n" for i in range(8)))
    plain = get_source("npz").read(convert(path, tmp_path / "plain.npz"))
    assert not any("split" in meta for meta in plain.metas)
    split = convert(path, tmp_path / "split.npz", test_fraction=0.5, seed=3)
    for found, wanted in zip(load("npz", split), load("table", path, test_fraction=0.5, seed=3), strict=True):
        assert_same(found, wanted)


def test_one_file_of_a_pair_and_unlabelled_sequences_are_converted_without_parts(tmp_path):
    (tmp_path / "x.ts").write_text(ts_text([[[1.0]], [[2.0], [3.0]]]))
    data = read_sequences(convert(tmp_path / "x.ts", tmp_path / "x.npz"))
    assert data.labels.tolist() == [-1, -1]
    assert data.metas[0] == {"name": "x/1"}


def test_a_file_is_replaced_only_when_told_to(skeletons, tmp_path):
    out = tmp_path / "out.npz"
    out.write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        convert(skeletons, out)
    assert out.read_text() == "precious"
    assert len(read_sequences(convert(skeletons, out, overwrite=True))) == 12


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "x_TRAIN.ts").write_text("damaged")
    with pytest.raises(DataError, match="line 1"):
        convert(tmp_path / "x_TRAIN.ts", tmp_path / "x.npz")
    (tmp_path / "x_TRAIN.ts").write_text(ts_text([[[1.0]]]))
    with pytest.raises(ConfigError, match="cannot be written"):
        convert(tmp_path / "x_TRAIN.ts", tmp_path / "x_TRAIN.ts" / "x.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["x_TRAIN.ts"]


def test_a_wrong_suffix_or_option_is_refused(skeletons, tmp_path):
    with pytest.raises(ConfigError, match=r"must end in \.npz or .parquet or .pkl"):
        convert(skeletons, tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="missing must be one of refuse, skip, got 'zero'"):
        convert(skeletons, tmp_path / "out.npz", missing="zero")
    with pytest.raises(ConfigError, match="unknown option 'fill'"):
        convert(skeletons, tmp_path / "out.npz", fill="zero")


def test_features_are_refused_as_pyskl(tmp_path):
    (tmp_path / "x.ts").write_text(ts_text([[[1.0]]]))
    with pytest.raises(DataError, match="no skeleton"):
        convert(tmp_path / "x.ts", tmp_path / "x.pkl")


def test_the_real_skeletons_come_back_as_they_were(shared_data, real_nucla, tmp_path):
    out = convert(shared_data / "nw-ucla" / "all_sqe.zip", tmp_path / "nucla.npz")
    for found, wanted in zip(load("npz", out), real_nucla, strict=True):
        assert_same(found, wanted)
