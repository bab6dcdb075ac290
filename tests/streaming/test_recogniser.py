"""A stream of frames ends where one pass over the sequence does, for any model and preprocessing that can stream."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import (
    AlignView,
    Compose,
    ConvertLayout,
    FlipLeftRight,
    MotionFeatures,
    OriginAtBodyCentre,
    Resample,
    Schema,
    SequenceDataset,
    Stream,
    Streamed,
    UniformSampling,
    UnitBodySize,
)
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.streaming import Recognizer
from attentive_rnn.tasks.metrics import probabilities
from attentive_rnn.training import SavedModel, Standardise

CAUSAL = {
    "none": Compose([]),
    "origin": OriginAtBodyCentre(1),
    "view": Compose([OriginAtBodyCentre(1), AlignView("ntu-25")]),
    "layout": ConvertLayout("ntu-25", "kinect-20"),
    "mirror": FlipLeftRight("ntu-25", probability=1.0),
    "bones": Stream("bone", "ntu-25"),
    "motion": Compose([OriginAtBodyCentre(1), MotionFeatures()]),
    "standardised": Standardise([0.5] * 150, [2.0] * 150),
}


def _saved(preprocessing=None, schema=None, **options):
    schema = schema or Schema(classes=("sit", "stand", "wave"), shape=(2, 25, 3), layout="ntu-25")
    preprocessing = preprocessing or OriginAtBodyCentre(1)
    width = preprocessing.schema_after(schema).size
    options = {"hidden_size": 7, "num_layers": 2} | options
    return SavedModel(SequenceClassifier(width, 3, **options).eval(), schema, preprocessing)


def _frames(count=9, absent=()):
    frames = torch.randn(count, 2, 25, 3)
    frames[:4, 1] = 0  # the second person comes later
    for t in absent:
        frames[t] = 0
    return frames


def _offline(saved, frames):
    data = SequenceDataset([frames], [-1], [{}], saved.schema)
    return probabilities(saved.logits(data))[0]


@pytest.mark.parametrize("name", CAUSAL)
def test_a_stream_prepares_frames_as_the_sequence_is_prepared(name):
    """Also where nobody is there at first, and where everybody goes for a moment."""
    frames = _frames(absent=(0, 1, 6))
    stream = Streamed(CAUSAL[name])
    for _ in range(2):
        pushed = torch.stack([stream.push(frame) for frame in frames])
        assert torch.allclose(pushed, CAUSAL[name](frames, np.random.default_rng(0)), atol=1e-6)
        stream.reset()


@pytest.mark.parametrize("transform", [UnitBodySize("ntu-25"), Resample(30, 15), UniformSampling(4)])
def test_preprocessing_that_needs_frames_to_come_is_refused_by_name(transform):
    with pytest.raises(ConfigError, match=transform.name):
        Recognizer(_saved(Compose([transform])))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "rra"])
@pytest.mark.parametrize("pool", ["mean", "last", "keras_compat"])
@pytest.mark.parametrize("need_attention", [False, True])
def test_pushed_frames_end_at_the_offline_pass(cell, pool, need_attention):
    saved, frames = _saved(cell=cell, pool=pool), _frames()
    recognizer = Recognizer(saved, need_attention=need_attention)
    for t, frame in enumerate(frames, 1):
        result = recognizer.push(frame)
        assert np.allclose(result.probabilities, _offline(saved, frames[:t]), atol=1e-5)
    assert result.frame == 8


@pytest.mark.parametrize("options", [{"backend": "reference"}, {"zoneout": 0.2}, {"cell": "rra", "norm": "content"}])
def test_layers_that_the_kernels_cannot_step_end_at_the_offline_pass_too(options):
    saved, frames = _saved(**options), _frames()
    recognizer = Recognizer(saved)
    for frame in frames:
        result = recognizer.push(frame)
    assert np.allclose(result.probabilities, _offline(saved, frames), atol=1e-5)


def test_a_stream_sees_weights_that_change_in_place():
    saved, frames = _saved(), _frames()
    recognizer = Recognizer(saved)
    recognizer.push_chunk(frames)
    with torch.no_grad():
        for parameter in saved.model.parameters():
            parameter.mul_(1.5)
    for frame in frames:
        result = recognizer.push(frame, "after")
    assert np.allclose(result.probabilities, _offline(saved, frames), atol=1e-5)


def test_chunks_of_any_size_give_what_frames_give():
    saved, frames = _saved(gate=["sigmoid", None]), _frames(12)
    one_by_one = Recognizer(saved, need_attention=True)
    singles = [one_by_one.push(frame) for frame in frames]
    for sizes in ([12], [1, 4, 7], [5, 0, 7]):
        recognizer, results = Recognizer(saved, need_attention=True), []
        for chunk in torch.split(frames, sizes):
            results += recognizer.push_chunk(chunk)
        assert len(results) == 12
        for single, result in zip(singles, results, strict=True):
            assert np.allclose(single.probabilities, result.probabilities, atol=1e-6)
            assert np.allclose(single.attention[0], result.attention[0], atol=1e-6)
            assert single.attention[1] is result.attention[1] is None
            assert (single.label, single.start) == (result.label, result.start)
            assert (single.ended is None) == (result.ended is None)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gate": [None, "softmax", "sigmoid"], "num_layers": 3, "gate_scale": 2.0},
        {"cell": "rra"},
        {"gate": ["sigmoid", None], "backend": "reference"},
    ],
)
def test_the_attention_is_that_of_the_layers(options):
    saved, frames = _saved(**options), _frames()
    recognizer = Recognizer(saved, need_attention=True)
    pushed = [recognizer.push(frame).attention for frame in frames]
    ready = saved.preprocessing(frames, np.random.default_rng(0))
    with torch.no_grad():
        _, attention = saved.model(ready[None], need_attention=True)
    for layer, wanted in enumerate(attention):
        wanted = getattr(wanted, "inputs", wanted)  # RRA's has a part for the lags too
        if wanted is None:
            assert {a[layer] for a in pushed} == {None}
        else:
            assert np.allclose(np.stack([a[layer] for a in pushed]), wanted[0], atol=1e-6)


def test_every_track_has_its_own_state_and_loses_it_at_its_end():
    saved = _saved()
    first, second = _frames(), _frames()
    recognizer = Recognizer(saved)
    for a, b in zip(first, second, strict=True):
        ann, bob = recognizer.push(a, "ann"), recognizer.push(b, "bob")
    assert np.allclose(ann.probabilities, _offline(saved, first), atol=1e-5)
    assert np.allclose(bob.probabilities, _offline(saved, second), atol=1e-5)
    last = recognizer.end("ann")
    assert (last.label, last.end) == (ann.label, 9)
    assert recognizer.tracks == ["bob"]
    assert recognizer.end("nobody") is None
    for frame in second:
        again = recognizer.push(frame, "ann")
    assert np.allclose(again.probabilities, bob.probabilities, atol=1e-6)


@pytest.mark.parametrize("preprocessing", CAUSAL)
def test_frames_of_several_tracks_in_one_step_give_what_they_give_one_by_one(preprocessing):
    """Also where tracks begin late, where nobody is seen at first, and where one takes no part in a step."""
    saved = _saved(CAUSAL[preprocessing], gate=["sigmoid", None])
    frames = torch.stack([_frames(8, absent) for absent in ((), (0, 1, 5), (2,), ())])
    together, single = (Recognizer(saved, hold=2, need_attention=True) for _ in range(2))
    for t in range(8):
        tracks = [who for who in range(4) if t >= who and (t + who) % 4]
        results = together.push_together(frames[tracks, t], tracks)
        for who, result in zip(tracks, results, strict=True):
            wanted = single.push(frames[who, t], who)
            assert np.allclose(result.probabilities, wanted.probabilities, atol=1e-6)
            assert (result.frame, result.label, result.start) == (wanted.frame, wanted.label, wanted.start)
            assert (result.ended is None) == (wanted.ended is None)
            assert np.allclose(result.attention[0], wanted.attention[0], atol=1e-6)
            assert result.attention[1] is None
            np.testing.assert_allclose(result.inputs, wanted.inputs, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm"},
        {"cell": "rra"},
        {"cell": "rra", "norm": "content"},
        {"zoneout": 0.2},
        {"backend": "reference"},
        {"pool": "last"},
    ],
)
def test_tracks_of_any_layers_advance_together(options):
    saved = _saved(**options)
    frames = torch.randn(3, 6, 2, 25, 3)
    recognizer = Recognizer(saved)
    for t in range(6):
        results = recognizer.push_together(list(frames[:, t]), "abc")
    for person, result in zip(frames, results, strict=True):
        assert np.allclose(result.probabilities, _offline(saved, person), atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rra"])
@pytest.mark.parametrize("together", [False, True])
def test_nothing_of_a_track_that_has_ended_is_seen_by_the_next(cell, together):
    saved, frames = _saved(cell=cell), _frames()
    recognizer = Recognizer(saved, most_tracks=3)
    for track in "abc":
        recognizer.push(frames[0], track)
    for track in "abc":
        recognizer.end(track)
    recognizer._carried._memory[:] = np.nan
    recognizer._pooled[:] = np.nan
    tracks = "xyz" if together else "x"
    for frame in frames:
        results = recognizer.push_together([frame] * len(tracks), tracks)
    for result in results:
        assert np.allclose(result.probabilities, _offline(saved, frames), atol=1e-5)


def test_a_step_that_is_refused_leaves_all_tracks_as_they_were():
    saved, frames = _saved(), _frames()
    recognizer = Recognizer(saved, most_tracks=2)
    recognizer.push_together(frames[[0, 0]], ["ann", "bob"])
    bad = frames[1].clone()
    bad[0, 3] = torch.inf
    for given, tracks, message in [
        (torch.stack([frames[1], bad]), ["ann", "bob"], "track 'bob': a value of a frame is missing or infinite"),
        ([frames[1], torch.zeros(4)], ["ann", "bob"], r"track 'bob': a frame must be \(2, 25, 3\)"),
        (frames[[1, 1]], ["ann", "ann"], "track 'ann' has two frames"),
        (frames[[1, 1]], ["ann", "eve"], "2 tracks are open"),
        (frames[[1, 1]], ["ann"], "2 frames of 1 tracks"),
    ]:
        with pytest.raises(DataError, match=message):
            recognizer.push_together(given, tracks)
    assert recognizer.tracks == ["ann", "bob"]
    results = recognizer.push_together(frames[[1, 1]], ["ann", "bob"])
    assert np.allclose(results[0].probabilities, _offline(saved, frames[:2]), atol=1e-5)
    assert recognizer.push_together([], []) == []


@pytest.mark.parametrize("together", [False, True])
def test_a_frame_may_be_written_over_once_it_is_pushed(together):
    saved, frames = _saved(Compose([MotionFeatures()])), _frames()
    recognizer, buffer = Recognizer(saved), torch.empty(2, 2, 25, 3)
    for frame in frames:
        buffer[:] = frame
        results = recognizer.push_together(buffer, "ab") if together else [recognizer.push(buffer[0])]
    for result in results:
        assert np.allclose(result.probabilities, _offline(saved, frames), atol=1e-5)


def test_a_window_lets_the_past_fade():
    saved, frames = _saved(), _frames(40)
    whole, faded = Recognizer(saved), Recognizer(saved, window=5)
    pairs = [(whole.push(f).probabilities, faded.push(f).probabilities) for f in frames]
    for a, b in pairs[:5]:
        assert np.allclose(a, b, atol=1e-6)
    assert not np.allclose(*pairs[-1], atol=1e-4)


def test_a_person_alone_takes_the_first_place_of_a_frame():
    saved, person = _saved(), torch.randn(25, 3)
    frame = torch.stack([person, torch.zeros(25, 3)])
    one, two = Recognizer(saved), Recognizer(saved)
    assert np.array_equal(one.push(person.numpy()).probabilities, two.push(frame).probabilities)


def test_a_model_that_reads_backwards_is_refused():
    with pytest.raises(ConfigError, match="bidirectional"):
        Recognizer(_saved(bidirectional=True))


@pytest.mark.parametrize("options", [{"window": 0}, {"hold": 0}])
def test_windows_of_no_frame_are_refused(options):
    with pytest.raises(ConfigError, match="1 frame or more"):
        Recognizer(_saved(), **options)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (torch.zeros(3, 3), r"must be \(2, 25, 3\)"),
        (torch.full((2, 25, 3), float("nan")), "missing or infinite"),
        (torch.full((2, 25, 3), float("inf")), "missing or infinite"),
        ("hello", "must be numbers"),
        ([[1], [2, 3]], "must be numbers"),
    ],
)
def test_a_frame_that_is_none_leaves_the_track_as_it_was(frame, message):
    saved, frames = _saved(), _frames()
    recognizer = Recognizer(saved)
    recognizer.push_chunk(frames[:4])
    with pytest.raises(DataError, match=message):
        recognizer.push(frame)
    result = recognizer.push_chunk(frames[4:])[-1]
    assert np.allclose(result.probabilities, _offline(saved, frames), atol=1e-5)


def test_memory_does_not_grow_and_a_long_stream_equals_its_chunks():
    saved = _saved()
    recognizer, frames = Recognizer(saved), torch.randn(500, 2, 25, 3)
    for frame in frames[:200]:
        recognizer.push(frame)
    tracemalloc.start()
    held = []
    for _ in range(4):
        for frame in frames:
            result = recognizer.push(frame)
        gc.collect()
        held.append(tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*attentive_rnn*")]))
    tracemalloc.stop()
    sizes = [sum(trace.size for trace in snapshot.traces) for snapshot in held]
    assert sizes[-1] < sizes[0] + 20_000  # a number kept from each of the 1500 frames would be 36,000 at the least
    chunks = Recognizer(saved)
    chunks.push_chunk(frames[:200])
    for _ in range(4):
        wanted = chunks.push_chunk(frames)[-1]
    assert np.allclose(result.probabilities, wanted.probabilities, atol=1e-6)


def test_a_joint_that_is_not_seen_may_be_nan_or_zero():
    schema = Schema(classes=("a", "b"), shape=(1, 20, 3), layout="kinect-20")
    saved = SavedModel(SequenceClassifier(60, 2, 6).eval(), schema, OriginAtBodyCentre())
    x = torch.randn(6, 1, 20, 3)
    gone = torch.rand(6, 1, 20) < 0.3
    gone[0, 0, 1] = False
    zeros, missing = (torch.where(gone[..., None], value, x) for value in (0.0, torch.nan))
    recognizer = Recognizer(saved)
    for frame, other in zip(zeros, missing, strict=True):
        one, two = recognizer.push(frame, "zeros"), recognizer.push(other, "nan")
        assert (one.probabilities == two.probabilities).all()
    whole = saved.logits(SequenceDataset([zeros], [0], [{}], schema))[0]
    last = np.log(one.probabilities)
    np.testing.assert_allclose(last - last.mean(), whole - whole.mean(), atol=1e-5)


def test_a_frame_that_begins_one_track_too_many_is_refused():
    recognizer = Recognizer(_saved(), most_tracks=2)
    frame = _frames(1)[0]
    for track in ("Ann", "Bob"):
        recognizer.push(frame, track)
    with pytest.raises(DataError, match="2 tracks are open"):
        recognizer.push(frame, "Eve")
    with pytest.raises(DataError, match="missing or infinite"):
        recognizer.push(frame * torch.inf, "Ann")
    recognizer.end("Ann")
    recognizer.push(frame, "Eve")
    assert recognizer.tracks == ["Bob", "Eve"]
