"""A continuous recording of an EEG, cut into windows at its events, and the channels by which they are told apart.

Usage: python examples/eeg_windows.py. The recording is made up: (channels, samples) with events, as MNE gives them.
"""

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.estimators import AttentiveClassifier

CHANNELS = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "O2")
STATES = ("eyes open", "eyes closed")
RATE, SECONDS = 64, 2  # samples a second, and seconds of a window


def recording(events: int = 60) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Microvolts (channels, samples) and the events (sample, state): the 10 Hz rhythm at the back shows closed eyes."""
    rng = np.random.default_rng(0)
    window = RATE * SECONDS
    microvolts = rng.normal(scale=10, size=(len(CHANNELS), events * window))
    found = [(i * window, int(rng.integers(2))) for i in range(events)]
    for start, state in found:
        rhythm = np.sin(2 * np.pi * (10 * np.arange(window) / RATE + rng.random()))
        microvolts[5:, start : start + window] += (30 if state else 5) * rhythm
    return microvolts, found


def windows(microvolts: np.ndarray, events: list[tuple[int, int]]) -> SequenceDataset:
    """A sequence (samples, channels) for each event, with the names of the channels."""
    size = RATE * SECONDS
    cut = [torch.tensor(microvolts[:, start : start + size].T, dtype=torch.float32) for start, _ in events]
    names = [{"name": f"event {i}"} for i in range(len(events))]
    schema = Schema(STATES, (len(CHANNELS),), features=CHANNELS, rate=float(RATE))
    return SequenceDataset(cut, [state for _, state in events], names, schema)


def main() -> None:
    """Train on a part of the windows; print the score on the others and what was attended to."""
    data = windows(*recording())
    states = [STATES[label] for label in data.labels]
    chosen, rest = train_test_split(range(len(data)), test_size=20, stratify=states, random_state=0)
    classifier = AttentiveClassifier(hidden_size=8, num_layers=1, max_epochs=12, lr=0.01, random_state=0)
    classifier.fit(data.subset(chosen))
    test = data.subset(rest)
    print(f"accuracy on {len(rest)} other windows: {classifier.score(test, np.array(states)[rest]):.2f}")
    closed = test.subset([test.labels.tolist().index(1)])
    print(f"{closed.metas[0]['name']}, eyes closed: {classifier.explain(closed)[0].in_words()}")


if __name__ == "__main__":
    main()
