"""Log-mel features: the energy of a sound in bands of pitch, frame by frame.

Input is a sound as numbers from -1 to 1 at one sampling rate; output is a frame of log energies for each hop. The bands
are triangles of equal height, evenly spaced on the mel scale: 2595 log10(1 + f / 700) for f in Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..options import number, whole

_SPAN = 0.025  # seconds of a frame
_FLOOR = 1e-8  # energy, about that of the last bit of 16; silence has its logarithm
_AT_ONCE = 4096  # frames


@dataclass(frozen=True)
class LogMel:
    """Log-mel features.

    Args:
        mels: bands.
        hop: seconds from a frame to the next.
        sample_rate: of the sounds, in Hz.

    Raises:
        ConfigError: a value out of its range.

    Example:
        >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
        >>> mel = LogMel(mels=20)
        >>> features = mel(tone)
        >>> features.shape, mel.names[int(features[50].argmax())]
        ((98, 20), '921 Hz')
    """

    mels: int = 40
    hop: float = 0.01
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        whole("audio", "mels", self.mels, 1)
        number("audio", "mels", self.mels, 1, 256)
        whole("audio", "sample_rate", self.sample_rate, 1000)
        number("audio", "sample_rate", self.sample_rate, 1000, 384000)
        number("audio", "hop", self.hop, 1 / self.sample_rate, 10)

    @property
    def step(self) -> int:
        """Samples from a frame to the next."""
        return max(round(self.hop * self.sample_rate), 1)

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.step

    @property
    def edges(self) -> np.ndarray:
        """The lower edge, middle and upper edge of band i in Hz are entries i, i + 1 and i + 2, (mels + 2,)."""
        top = 2595 * np.log10(1 + self.sample_rate / 2 / 700)
        return 700 * (10 ** (np.linspace(0, top, self.mels + 2) / 2595) - 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The middle of each band, as the name of its feature."""
        names = [f"{middle:.0f} Hz" for middle in self.edges[1:-1]]
        return tuple(names) if len(set(names)) == len(names) else tuple(f"{m:.2f} Hz" for m in self.edges[1:-1])

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        """The features (T, mels) float32 of a sound (samples,); a sound shorter than a frame is one frame."""
        size = max(round(_SPAN * self.sample_rate), 1)
        sound = np.pad(sound, (0, max(size - len(sound), 0)))
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[:: self.step]
        points = 2 ** int(np.ceil(np.log2(size)))
        weights, window = self._weights(points), np.hanning(size + 1)[:-1]
        made = [
            np.abs(np.fft.rfft(frames[at : at + _AT_ONCE] * window, points)) ** 2 @ weights.T / size
            for at in range(0, len(frames), _AT_ONCE)
        ]
        return np.log(np.concatenate(made) + _FLOOR).astype(np.float32)

    def _weights(self, points: int) -> np.ndarray:
        """The share of each frequency in each band, (mels, points // 2 + 1)."""
        heard = np.fft.rfftfreq(points, 1 / self.sample_rate)
        low, middle, high = (self.edges[i : i + self.mels, None] for i in range(3))
        weights = np.maximum(np.minimum((heard - low) / (middle - low), (high - heard) / (high - middle)), 0)
        # A band that is narrower than the distance of two frequencies has the one next to its middle.
        for band in np.flatnonzero(weights.sum(1) == 0):
            weights[band, np.abs(heard - middle[band]).argmin()] = 1
        return weights
