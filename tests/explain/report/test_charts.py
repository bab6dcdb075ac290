"""Charts of a report stay in their frame, with round ticks."""

from __future__ import annotations

import pytest

from attentive_rnn.draw.charts import Bin
from attentive_rnn.explain.report.charts import learning_curves, nice_step, reliability_chart, scatter_chart


def test_curves_stay_in_their_frame_on_linear_and_logarithmic_axes():
    rows = [{"epoch": i, "train_loss": 10.0 ** (1 - i), "valid_loss": 1.0, "train_acc": 0.5} for i in range(5)]
    loss, accuracy = learning_curves(rows, best=3)
    assert "logarithmic" in loss["label"]
    assert [tick["text"] for tick in loss["y"]] == ["0.001", "0.01", "0.1", "1", "10"]
    assert [tick["text"] for tick in accuracy["y"]] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    for chart in (loss, accuracy, *learning_curves([{"train_loss": 0.0}], None)):
        for line in chart["lines"]:
            for point in line["points"].split():
                x, y = map(float, point.split(","))
                assert 44 <= x <= 352
                assert 10 <= y <= 192
    assert learning_curves([], None) == []
    assert nice_step(0.9) == pytest.approx(0.2)


def test_numbers_far_below_zero_have_an_axis_of_a_few_ticks():
    chart = scatter_chart([-300.1, -300.2], [-300.0, -300.2])
    assert [tick["text"] for tick in chart["y"]] == ["-400", "-300", "-200", "-100", "0", "100"]
    (loss,) = learning_curves([{"train_loss": -1e15}], None)
    assert len(loss["y"]) < 12


def test_bars_are_as_high_as_the_accuracy():
    bars = reliability_chart([Bin(0.4, 0.5, 7, 0.45, 0.0), Bin(0.9, 1.0, 3, 0.95, 1.0)])["bars"]
    assert [bar["height"] for bar in bars] == [0, 182]
    assert [bar["y"] + bar["height"] for bar in bars] == [192, 192]
    assert bars[0]["x"] + bars[0]["width"] < bars[1]["x"]


def test_points_of_right_answers_lie_on_the_line_and_are_thinned_out():
    chart = scatter_chart([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    for x, y in chart["points"]:
        assert (x - 44) / (352 - 44) == pytest.approx((192 - y) / (192 - 10), abs=1e-3)
    assert len(scatter_chart([0.5] * 1200, [1.0] * 1200)["points"]) == 400
