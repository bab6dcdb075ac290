"""A table as a trained estimator: parameters chosen by cross-validation, its score, and a picture of its attention.

Usage: python examples/estimator.py FOLDER; the picture is written into FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from attentive_rnn.data import SequenceDataset, from_frame, load
from attentive_rnn.estimators import AttentiveClassifier
from attentive_rnn.explain.sequences import draw_classes


def as_table(part: SequenceDataset) -> pd.DataFrame:
    """A row for each moment of each recording, as a file of a watch's measurements may have them."""
    recordings = [
        pd.DataFrame(part[i].sequence.numpy(), columns=part.schema.features).assign(
            recording=i, activity=part.schema.classes[part.labels[i]]
        )
        for i in range(len(part))
    ]
    return pd.concat(recordings, ignore_index=True)


def main(folder: Path) -> None:
    """Train, print the score, and draw what the network attends to in each activity."""
    tables = [as_table(part) for part in load("basic-motions")]
    print(tables[0].head(3).to_string())
    train, test = (from_frame(table, sequence="recording", label="activity") for table in tables)
    y_train, y_test = (np.array(part.schema.classes)[part.labels] for part in (train, test))

    network = AttentiveClassifier(num_layers=1, max_epochs=15, random_state=0)
    search = GridSearchCV(network, {"hidden_size": [6, 12], "lr": [0.003, 0.01]}, cv=2)
    search.fit(train.sequences, y_train)
    print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")
    print(f"accuracy in cross-validation {search.best_score_:.2f}, on new recordings {search.score(test, y_test):.2f}")

    best = clone(search.best_estimator_).fit(train)  # the data set itself: with the names of its features
    explanations = best.explain(test, y_test)
    print(f"{explanations[0].name}: {explanations[0].in_words()}")
    for path in draw_classes(explanations, folder):
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
