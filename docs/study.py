"""The tables and the picture of docs/study.md, from docs/study.csv; of docs/results.md the one of Northwestern-UCLA.

    python -m docs.study

reads the rows that `attentive study docs/study.yaml --table docs/study.csv` has added so far, draws docs/study.png, and
puts the tables between the marks in docs/study.md; the words around them stay as they are. The table of N-UCLA is of
these rows and of those that `attentive study docs/nucla-streams.yaml --table docs/nucla-streams.csv` has added.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attentive_rnn.experiments.statistics import rank
from attentive_rnn.experiments.study import Study, read_study
from attentive_rnn.experiments.table import Row, StudyTable, complete, markdown, mean_interval, paired
from attentive_rnn.experiments.variants import ROLES
from attentive_rnn.tasks.metrics import Interval, student

HERE = Path(__file__).parent
CHOICE = "choice: "  # what the names of trials inside the training views begin with
EXPECTED = {  # points, written before the runs
    "the paper's start": "-1 to -0.5",
    "180 epochs": "+0.5 to +1.5",
    "bodies of one size": "-0.5 to +0.5",
    "batches of 16": "0 to +1",
    "hidden joints": "0 to +1.5",
    "mirrored bodies": "+0.5 to +1.5",
}
MODELS = {"gate": "EleAtt-GRU %", "no-gate": "GRU as wide %", "no-gate-wide": "GRU with as many parameters %"}
OTHERS = {
    "no-gate": ("the plain network as wide", "#0072B2", "o"),
    "no-gate-wide": ("with as many parameters", "#D55E00", "s"),
}


def main() -> None:
    """Write the page and the picture of the rows that are there."""
    study, table = read_study(HERE / "study.yaml"), StudyTable(HERE / "study.csv")
    reported = [name for name in study.names if not name.startswith(CHOICE)]
    parts = {
        "results": results(table, [name for name in reported if "gate" in table.of(name)]),
        "ranks": ranks(table, sets(study)),
        "choice": choice(table, [entry.name for entry in study.entries if entry.name.startswith(CHOICE)]),
        "progress": progress(study, table),
        "picture": "![Gain of the gate on each set](study.png)\n" if draw(table, reported, HERE / "study.png") else "",
    }
    fill(HERE / "study.md", parts)
    fill(HERE / "results.md", {"nucla": nucla(table, StudyTable(HERE / "nucla-streams.csv"))})


def fill(page: Path, parts: dict[str, str]) -> None:
    """Put each part between its two marks on a page."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if start not in text or end not in text:
            raise ValueError(f"{page} has no place for {name}: it needs {start.strip()} and {end}")
        before, _, rest = text.partition(start)
        text = before + start + part + end + rest.partition(end)[2]
    page.write_text(text, encoding="utf-8")


def sets(study: Study) -> list[str]:
    """One name for each data set, the first that the study has of it."""
    found: dict[str, str] = {}
    for entry in study.entries:
        if not entry.name.startswith(CHOICE):
            found.setdefault(entry.data or entry.recipe, entry.name)
    return list(found.values())


def results(table: StudyTable, names: list[str]) -> str:
    """A line for each name: the accuracy of each model, without copies in brackets, and what the gate gains."""
    rows = []
    for name in names:
        runs = table.of(name)
        gains = {role: points(paired(runs["gate"], runs.get(role, {}))) for role in OTHERS}
        rows.append(
            {
                "data set": name,
                "seeds": len(runs["gate"]),
                **{title: accuracy(runs.get(role, {})) for role, title in MODELS.items()},
                "gate minus as wide": gains["no-gate"],
                "gate minus as many parameters": gains["no-gate-wide"],
            }
        )
    return markdown(rows) if rows else ""


def accuracy(runs: Mapping[int, Row]) -> str:
    """The mean test accuracy of a model, and in brackets that without copies of training sequences."""
    if not runs:
        return ""
    unseen = [row.unseen for row in runs.values() if row.unseen is not None]
    without = f" ({100 * statistics.mean(unseen):.1f})" if unseen else ""
    return f"{100 * mean_interval(runs.values()).value:.1f}{without}"


def nucla(table: StudyTable, streams: StudyTable) -> str:
    """The networks on Northwestern-UCLA: the study's three, and the streams with their fusions."""
    found = [
        ("study.csv", title.removesuffix(" %"), table.of("N-UCLA").get(role, {})) for role, title in MODELS.items()
    ]
    found += [("nucla-streams.csv", f"EleAtt-GRU, {name}", streams.of(name)["gate"]) for name in streams.names()]
    rows = []
    for file, network, runs in found:
        if not runs:
            continue
        unseen = [replace(row, test=row.unseen) for row in runs.values() if row.unseen is not None]
        rows.append(
            {
                "network": network,
                "rows in": file,
                "seeds": len(runs),
                "accuracy %": interval(mean_interval(runs.values())),
                "without copies %": interval(mean_interval(unseen)) if len(unseen) > 1 else "",
            }
        )
    return markdown(rows) if rows else ""


def interval(found: Interval) -> str:
    """A share in percent with its interval."""
    value, low, high = (100 * number for number in found)
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def ranks(table: StudyTable, names: list[str]) -> str:
    """The average ranks of the three models over the sets that have rows of all of them."""
    scores = complete(table, names, ROLES)
    if len(scores) < 2:
        return ""
    return f"Sets: {', '.join(scores)}.\n\n{rank(scores).markdown()}"


def choice(table: StudyTable, names: list[str]) -> str:
    """Each trial's models against the recipe's own: by seed, both models together, and the gate's gain in the trial."""
    base = table.of(names[0]) if names[0] in table.names() else {}
    rows = []
    for name in names:
        runs = {role: table.of(name).get(role, {}) for role in ROLES[:2]}
        if not any(runs.values()):
            continue
        means = [f"{100 * mean_interval(found.values()).value:.1f}" if found else "" for found in runs.values()]
        rows.append(
            {
                "change": name.removeprefix(CHOICE),
                "seeds": " ".join(map(str, sorted({seed for found in runs.values() for seed in found}))),
                **dict(zip(("gate, %", "no gate, %"), means, strict=True)),
                "expected": EXPECTED.get(name.removeprefix(CHOICE), ""),
                "both, minus the recipe's": "" if name == names[0] else points(gained(runs, base)),
                "gate minus no gate": points(paired(runs["gate"], runs["no-gate"])),
            }
        )
    return markdown(rows) if rows else ""


def gained(runs: Mapping[str, Mapping[int, Row]], base: Mapping[str, Mapping[int, Row]]) -> Interval | None:
    """The mean difference of runs to those of the same model and seed; None below two of them."""
    both = [(role, seed) for role, found in runs.items() for seed in found if seed in base.get(role, {})]
    return student([runs[role][seed].test - base[role][seed].test for role, seed in both]) if len(both) > 1 else None


def points(gain: Interval | None) -> str:
    """A difference in points with its interval."""
    if gain is None:
        return ""
    value, low, high = (100 * number for number in gain)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def progress(study: Study, table: StudyTable) -> str:
    """The number of runs of the study that are in the table, as a sentence."""
    wanted = [(e.name, model, seed) for e in study.entries for seed in e.seeds for model in e.models]
    there = sum(key in table.rows for key in wanted)
    return f"{there} of the study's {len(wanted)} runs are in study.csv.\n"


def draw(table: StudyTable, names: list[str], path: Path) -> bool:
    """Draw the gain of the gate on each name that has two seeds or more; whether there is one."""
    of = {name: runs for name in names if "gate" in (runs := table.of(name))}
    gains = {name: {role: paired(runs["gate"], runs.get(role, {})) for role in OTHERS} for name, runs in of.items()}
    gains = {name: found for name, found in gains.items() if any(found.values())}
    if not gains:
        return False
    figure = Figure(figsize=(8, 1.2 + 0.5 * len(gains)), layout="constrained")
    axis = figure.subplots()
    for role, (label, colour, marker) in OTHERS.items():
        shift = 0.12 if role == "no-gate" else -0.12
        for place, found in enumerate(reversed(gains.values())):
            if (gain := found[role]) is not None:
                value, low, high = (100 * number for number in gain)
                axis.plot([low, high], [place + shift] * 2, color=colour, linewidth=2)
                axis.plot(value, place + shift, marker, color=colour, label=label)
    axis.set_ylim(-0.5, len(gains) - 0.5)
    axis.axvline(0, color="0.5", linewidth=1)
    axis.set_yticks(range(len(gains)), list(reversed(gains)))
    axis.set_xlabel("points that the gate gains over ..., with the 95 % interval over the seeds")
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(*named_once(axis), frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    figure.savefig(path, dpi=150)
    return True


def named_once(axis: Axes) -> tuple[list[Artist], list[str]]:
    """The legend's handles and labels, each label once."""
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    return list(once.values()), list(once)


if __name__ == "__main__":
    main()
