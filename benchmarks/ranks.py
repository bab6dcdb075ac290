"""What a trained run keeps of its accuracy when its gates are made low-rank, without training on.

    python -m benchmarks.ranks RUN [--data PATH] [--ranks 1 2 4 8 16 32]

RUN is the folder of a finished run of `attentive train` with full gates; its gates become the nearest ones of each rank
(`SequenceClassifier.from_full`), and each model answers the test part. Output is a table of the rank, the numbers in
the gates, and the run's metric. It shows what is lost; a rank is chosen on other sequences.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import attentive_rnn
from attentive_rnn import SequenceClassifier


def gate_numbers(model: SequenceClassifier) -> int:
    """The parameters of all gates."""
    names = ("weight_ia", "weight_ha", "weight_ua", "bias_a")
    return sum(p.numel() for name, p in model.layers.named_parameters() if name.startswith(names))


def table(run: str, data: str | None, ranks: list[int]) -> list[str]:
    """The lines of the table."""
    trained = attentive_rnn.load(run)
    model, splits, metric = trained.saved.model, trained.splits(data), trained.task.metric
    if not isinstance(model, SequenceClassifier):
        raise SystemExit(f"{run}: its model is no classifier of sequences")
    rows: list[tuple[str, SequenceClassifier]] = [("full", model)]
    rows += [(str(rank), SequenceClassifier.from_full(model, rank)) for rank in ranks]
    lines = [f"| rank | numbers in the gates | test {metric.name} |", "|---|---|---|"]
    for name, low in rows:
        scores = replace(trained, saved=replace(trained.saved, model=low)).scores(splits)
        lines.append(f"| {name} | {gate_numbers(low):,} | {metric.in_words(scores[metric.name])} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--data", help="where the data are now")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    options = parser.parse_args()
    print("\n".join(table(options.run, options.data, options.ranks)))


if __name__ == "__main__":
    main()
