"""Log-mel features of tones, silence and short sounds."""

import numpy as np
import pytest

from attentive_rnn.data.audio.mel import LogMel
from attentive_rnn.errors import ConfigError


@pytest.mark.parametrize("hertz", [200, 1000, 3000, 7000])
def test_a_tone_is_loudest_in_the_band_that_holds_it(hertz):
    mel = LogMel()
    features = mel(np.sin(2 * np.pi * hertz * np.arange(8000) / 16000))
    band = features.mean(0).argmax()
    assert mel.edges[band] < hertz < mel.edges[band + 2]
    assert mel.names[band] == f"{mel.edges[band + 1]:.0f} Hz"


def test_a_sound_ten_times_as_loud_has_a_hundred_times_the_energy():
    mel, noise = LogMel(), np.random.default_rng(0).normal(0, 0.01, 16000)
    np.testing.assert_allclose(mel(10 * noise) - mel(noise), np.log(100), atol=0.02)


def test_frames_follow_each_other_by_the_hop():
    sound = np.zeros(16000)
    sound[8000] = 1  # at half a second
    features = LogMel(hop=0.02)(sound)
    assert (len(features), LogMel(hop=0.02).rate) == (49, 50.0)
    assert abs(features.sum(1).argmax() - 24.5) <= 1


@pytest.mark.parametrize("samples", [1, 399, 400])
def test_a_short_sound_is_one_frame(samples):
    assert LogMel()(np.ones(samples)).shape == (1, 40)


def test_silence_is_finite_and_every_band_hears_something():
    assert np.isfinite(LogMel()(np.zeros(4000))).all()
    for mel in (LogMel(mels=256), LogMel(mels=64, sample_rate=1000)):
        noise = mel(np.random.default_rng(0).normal(size=8000))
        assert (noise.std(0) > 0).all()
        assert len(set(mel.names)) == mel.mels


@pytest.mark.parametrize("options", [{"mels": 0}, {"mels": 300}, {"hop": 0}, {"hop": 11}, {"sample_rate": 10}])
def test_values_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=f"audio: {next(iter(options))} must be"):
        LogMel(**options)
