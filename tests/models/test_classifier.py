"""The sequence classifier: pooling written out by hand, lengths, configuration, attention, and what it refuses."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from attentive_rnn import SequenceClassifier
from helpers import assert_near

B, T, D, K = 4, 7, 6, 3
LENGTHS = torch.tensor([4, 7, 1, 6])
X = torch.linspace(-2, 2, B * T * D, dtype=torch.float64).sin().view(B, T, D)
POOLS = ("mean", "last", "keras_compat")
CELLS = ("rnn", "lstm", "gru")


def model_of(**options):
    sizes = {"input_size": D, "num_classes": K, "hidden_size": 5, "num_layers": 2}
    model = SequenceClassifier(**(sizes | options)).double()
    nn.init.normal_(model.classifier.bias)  # a bias of zero would hide how often it is added
    return model


def logits_by_step(model, x):
    """(B, T, K) of an evaluated model without padding: the linear layer at every step."""
    output, _ = model.layers(x.transpose(0, 1))
    return model.classifier(output).transpose(0, 1)


@pytest.mark.parametrize("cell", CELLS)
def test_the_mean_is_that_of_each_rows_steps(cell):
    model = model_of(cell=cell).eval()
    by_step = logits_by_step(model, X)
    expected = torch.stack([by_step[row, :length].mean(0) for row, length in enumerate(LENGTHS)])
    assert_near(model(X, lengths=LENGTHS), expected, 1e-13)
    assert_near(model(X), by_step.mean(1), 1e-13)


@pytest.mark.parametrize("cell", CELLS)
def test_last_is_each_rows_last_step(cell):
    model = model_of(cell=cell, pool="last").eval()
    by_step = logits_by_step(model, X)
    assert_near(model(X, lengths=LENGTHS), by_step[torch.arange(B), LENGTHS - 1], 1e-13)
    assert_near(model(X), by_step[:, -1], 1e-13)


@pytest.mark.parametrize("cell", CELLS)
def test_keras_compat_repeats_the_last_step_over_the_padding_and_divides_by_the_length(cell):
    model = model_of(cell=cell, pool="keras_compat").eval()
    by_step = logits_by_step(model, X)
    expected = []
    for row, length in enumerate(LENGTHS.tolist()):
        repeated = [by_step[row, min(t, length - 1)] for t in range(T)]
        expected.append(torch.stack(repeated).sum(0) / length)
    assert_near(model(X, lengths=LENGTHS), torch.stack(expected), 1e-13)
    assert_near(model(X), by_step.mean(1), 1e-13)


@pytest.mark.parametrize("pool", ["mean", "last"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_row_is_classified_as_it_would_be_alone(pool, bidirectional):
    model = model_of(pool=pool, bidirectional=bidirectional, zoneout=0.1).eval()
    logits = model(X, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        assert_near(logits[row : row + 1], model(X[row : row + 1, :length]), 1e-13)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_what_stands_in_the_padding_changes_nothing(pool, training):
    model = model_of(pool=pool, bidirectional=True, locked_dropout=0.2).train(training)
    padding = torch.arange(T)[None] >= LENGTHS[:, None]
    results = []
    for value in (0.0, float("nan")):
        torch.manual_seed(2)
        model.zero_grad()
        x = X.masked_fill(padding[..., None], value).requires_grad_()
        logits, attention = model(x, lengths=LENGTHS, need_attention=True)
        logits.square().sum().backward()
        results.append([logits, *attention, x.grad, *(p.grad for p in model.parameters())])
        model.zero_grad(set_to_none=True)
    for clean, poisoned in zip(*results, strict=True):
        assert torch.equal(clean, poisoned)
        assert clean.isfinite().all()


@pytest.mark.parametrize("pool", ["mean", "last", "keras_compat"])
@pytest.mark.parametrize("cell", ["gru", "rra"])
def test_a_row_without_steps_has_the_bias_as_its_logits(pool, cell):
    model = SequenceClassifier(4, 2, 5, cell=cell, pool=pool, bidirectional=True).double().eval()
    torch.nn.init.normal_(model.classifier.bias)
    x = torch.randn(3, 6, 4, dtype=torch.float64).index_fill(0, torch.tensor([1]), torch.nan)
    logits = model(x, torch.tensor([6, 0, 4]))
    assert torch.equal(logits[1], model.classifier.bias)
    torch.testing.assert_close(logits[[0, 2]], model(x[[0, 2]], torch.tensor([6, 4])), rtol=1e-12, atol=1e-13)
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_an_empty_batch_has_no_logits_and_zero_gradients():
    model = SequenceClassifier(4, 2, 5).train()
    for lengths in (None, torch.zeros(0, dtype=torch.int64)):
        logits, attention = model(torch.zeros(0, 6, 2, 2), lengths, need_attention=True)
        assert logits.shape == (0, 2)
        assert [a.shape for a in attention] == [(0, 6, 4), (0, 6, 5), (0, 6, 5)]
        logits.sum().backward()
        assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("pool", ["mean", "last", "keras_compat"])
def test_lengths_are_copied_at_the_call(pool):
    """A loader fills its buffer for the next batch before the backward pass of this one."""
    model, x = SequenceClassifier(4, 2, 5, pool=pool).eval(), torch.randn(3, 6, 4)
    gradients = []
    for fills in ([6, 2, 4], [1, 6, 6]):
        buffer = torch.tensor([6, 2, 4]).numpy()
        logits = model(x, torch.from_numpy(buffer))
        buffer[:] = fills
        gradients.append(torch.autograd.grad(logits.square().sum(), list(model.parameters())))
    assert all(map(torch.equal, *gradients))


def test_the_features_of_a_frame_are_flattened():
    model = SequenceClassifier(60, K, hidden_size=5).eval()
    x = torch.randn(2, 9, 1, 20, 3)
    assert torch.equal(model(x), model(x.flatten(2)))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_attention_of_each_layer(bidirectional):
    model = model_of(num_layers=3, gate=["sigmoid", "softmax", None], bidirectional=bidirectional).eval()
    logits, (first, second, third) = model(X, lengths=LENGTHS, need_attention=True)
    directions = (2,) if bidirectional else ()
    assert first.shape == (B, T, D, *directions)
    assert second.shape == (B, T, 5 * (2 if bidirectional else 1), *directions)
    assert third is None
    assert torch.equal(logits, model(X, lengths=LENGTHS))
    assert_near(second[1].sum(1), torch.ones_like(second[1].sum(1)), 1e-13)
    assert not first[2, 1:].any()


FULL = {
    "input_size": 4, "num_classes": 2, "hidden_size": 3, "num_layers": 2, "cell": "gru", "gate": ["sigmoid", None],
    "gate_scale": 2.0, "dropout": 0.25, "locked_dropout": 0.125, "bidirectional": True, "reset_after": True,
    "pool": "keras_compat", "zoneout": 0.0625, "residual": True, "init": "torch", "backend": "reference",
    "vocabulary_size": None, "embedding_size": None, "lags": 3, "norm": "mean", "first_lag": 2,
    "memory": 9, "gate_reads": "state", "gate_rank": 2, "recompute": 3, "keep": "bf16",
}  # fmt: skip


@pytest.mark.parametrize("options", [{"input_size": 4, "num_classes": 2}, FULL, FULL | {"gate": ("softmax", None)}])
def test_the_configuration_is_json_and_rebuilds_the_model(options):
    model = SequenceClassifier(**options).eval()
    config = json.loads(json.dumps(model.config))
    assert set(config) == set(FULL)
    assert options.items() <= (config | {"gate": options.get("gate", config["gate"])}).items()
    again = SequenceClassifier(**config).eval()
    again.load_state_dict(model.state_dict())
    x = torch.randn(3, 5, 4)
    with torch.no_grad():
        assert torch.equal(again(x), model(x))
    assert again.config == model.config
    assert repr(again) == repr(model)


def test_from_full_is_a_classifier_with_low_rank_gates_and_its_configuration():
    model = model_of(num_layers=3).eval()
    low = SequenceClassifier.from_full(model, 2)
    assert low.config == model.config | {"gate_rank": 2}
    again = SequenceClassifier(**low.config).double().eval()
    again.load_state_dict(low.state_dict())
    assert torch.equal(again(X), low(X))
    assert torch.equal(SequenceClassifier.from_full(model, 6)(X), model(X))


def test_every_option_reaches_the_layers():
    layers = SequenceClassifier(**FULL).layers
    for name in (
        "gate_scale",
        "dropout",
        "locked_dropout",
        "bidirectional",
        "zoneout",
        "residual",
        "backend",
        "gate_reads",
        "gate_rank",
        "recompute",
        "keep",
    ):
        assert getattr(layers, name) == FULL[name]
    assert layers.gates == ("sigmoid", None)
    assert "bias_hh_l0" in dict(layers.named_parameters())


def test_the_papers_initialisation_includes_the_linear_layer():
    model = SequenceClassifier(40, 30, hidden_size=50)
    assert not model.classifier.bias.any()
    bound = (6 / 80) ** 0.5
    assert 0.95 * bound < model.classifier.weight.abs().max() <= bound
    assert model.layers.weight_hh_l0.abs().max() < 0.002
    usual = SequenceClassifier(40, 30, hidden_size=50, init="torch")
    assert usual.classifier.bias.any()
    assert usual.layers.weight_hh_l0.abs().max() > 0.1


def test_memory_spreads_the_gates_biases_over_the_logarithm_of_the_steps():
    for cell, signs in (("lstm", {0: -1, 1: 1}), ("rra", {0: -1, 1: 1}), ("gru", {1: 1})):
        plain = SequenceClassifier(4, 2, hidden_size=400, num_layers=2, cell=cell, bidirectional=True)
        told = SequenceClassifier(4, 2, hidden_size=400, num_layers=2, cell=cell, bidirectional=True, memory=1000)
        for suffix in ("l0", "l1_reverse"):
            before, after = (getattr(m.layers, f"bias_ih_{suffix}").split(400) for m in (plain, told))
            for block, (old, new) in enumerate(zip(before, after, strict=True)):
                if block not in signs:
                    assert torch.equal(old, new)
                    continue
                steps = (signs[block] * new).exp()
                assert 1 <= steps.min() < 50
                assert 900 < steps.max() <= 999
                assert 420 < steps.mean() < 580
    lstm = SequenceClassifier(4, 2, hidden_size=50, num_layers=1, cell="lstm", memory=1000).layers
    first, second, *_ = lstm.bias_ih_l0.split(50)
    assert torch.equal(first, -second)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"cell": "rnn", "memory": 10}, "no gates"), ({"memory": 2}, "3 or more, got 2")],
)
def test_memory_that_no_gate_can_have_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(4, 2, **options)


@pytest.mark.parametrize("kind", ["dropout", "locked_dropout"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_dropout_acts_after_the_last_layer_too_and_in_training_only(kind, num_layers):
    model = model_of(num_layers=num_layers, **({"dropout": 0.0} | {kind: 1.0}))
    assert_near(model(X), model.classifier.bias.expand(B, K), 1e-14)
    kept = model_of(num_layers=num_layers, dropout=0.0)
    kept.load_state_dict(model.state_dict())
    assert_near(model.eval()(X), kept(X), 1e-14)


def test_locked_dropout_of_the_last_layer_holds_over_time():
    """Where the outputs are one at every step, a mask drawn at every step pools to many values, one mask to two."""
    values = {}
    for kind in ("dropout", "locked_dropout"):
        model = SequenceClassifier(D, K, 5, 1, **({"dropout": 0.0} | {kind: 0.5})).double()
        with torch.no_grad():
            for parameter in model.layers.parameters():
                parameter.zero_()
            model.layers.bias_ih_l0.fill_(0)
            n = model.layers.hidden_size
            model.layers.bias_ih_l0[n : 2 * n] = -60.0  # z = 0: every state is the candidate
            model.layers.bias_ih_l0[2 * n :] = 60.0  # which is one
            model.classifier.weight.zero_()
            model.classifier.weight[:, 0] = 1.0
        values[kind] = set(model(torch.randn(64, 9, D, dtype=torch.float64))[:, 0].mul(9).round().long().tolist())
    assert values["locked_dropout"] == {0, 18}
    assert len(values["dropout"]) > 4


def test_it_learns_which_element_carries_the_signal():
    torch.manual_seed(0)
    model = SequenceClassifier(6, 2, hidden_size=8, num_layers=1, dropout=0.0)
    x, labels = torch.randn(64, 10, 6), torch.arange(64) % 2
    x[:, :, 2] += (2.0 * labels - 1)[:, None]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    logits, (attention,) = model.eval()(x, need_attention=True)
    assert (logits.argmax(1) == labels).double().mean() > 0.95
    assert attention.mean((0, 1)).argmax() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "transformer"}, r"cell should be one of 'rnn', 'lstm', 'gru', 'rra', got 'transformer'"),
        ({"pool": "max"}, r"pool should be one of 'mean', 'last', 'keras_compat', got 'max'"),
        ({"num_classes": 0}, r"num_classes must be at least 1, got 0"),
        ({"cell": "lstm", "reset_after": True}, r"reset_after is an option of the GRU, but cell='lstm'"),
        ({"gate": "tanh"}, r"gate should be 'sigmoid', 'softmax', 'hard' or None, got 'tanh'"),
        ({"gate": ["sigmoid"]}, r"one value or one a layer, got 1 for num_layers=3"),
        ({"dropout": 1.5}, r"dropout should be a number in range \[0, 1\], got 1\.5"),
        ({"hidden_size": 0}, r"hidden_size must be greater than zero"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(**({"input_size": 4, "num_classes": 2} | options))


@pytest.mark.parametrize(
    ("x", "lengths", "error", "message"),
    [
        (torch.zeros(3, 4), None, ValueError, r"x should be \(B, T, \*features\), got 2 dimensions"),
        (torch.zeros(3, 5, 2, 3), None, RuntimeError, r"Expected 4, got 6"),
        (torch.zeros(3, 0, 4), None, RuntimeError, r"Expected sequence length to be larger than 0"),
        (torch.zeros(3, 5, 4).double(), None, ValueError, r"does not match weight dtype"),
        (torch.zeros(3, 5, 4), torch.tensor([5, 6, 1]), ValueError, r"must lie in 0\.\.5 .*, got 1\.\.6"),
        (torch.zeros(3, 5, 4), torch.tensor([5, -1, 1]), ValueError, r"must lie in 0\.\.5 .*, got -1\.\.5"),
        (torch.zeros(3, 5, 4), torch.tensor([5, 1]), ValueError, r"one length a row, shape \(3,\)"),
        (torch.zeros(3, 5, 4), [5, 5, 1], TypeError, r"must be an int64 tensor, got list"),
    ],
)
def test_bad_input(x, lengths, error, message):
    with pytest.raises(error, match=message):
        SequenceClassifier(4, 2)(x, lengths=lengths)


def test_words_become_vectors_that_are_learnt():
    model = SequenceClassifier(1, 2, 4, 1, vocabulary_size=7, embedding_size=3, dropout=0.0)
    words = torch.tensor([[[6.0], [0.0], [3.0]]])
    vectors = model.embedding.weight[words[..., 0].long()].transpose(0, 1)
    expected = model.classifier(model.layers(vectors)[0].mean(0))
    assert torch.equal(model(words), expected)
    model(words).sum().backward()
    assert model.embedding.weight.grad[[6, 0, 3]].abs().sum(1).gt(0).all()
    assert model.embedding.weight.grad[[1, 2, 4, 5]].eq(0).all()


@pytest.mark.parametrize("options", [{"vocabulary_size": 7}, {"embedding_size": 3}])
def test_a_vocabulary_and_an_embedding_need_each_other(options):
    with pytest.raises(ValueError, match="given together"):
        SequenceClassifier(1, 2, **options)
    with pytest.raises(ValueError, match="input_size must be 1"):
        SequenceClassifier(2, 2, vocabulary_size=7, embedding_size=3)


@pytest.mark.parametrize("gate", [None, "sigmoid"])
def test_attention_over_former_outputs_is_returned_with_that_on_the_inputs(gate):
    model = SequenceClassifier(4, 2, 3, 2, cell="rra", gate=gate, lags=3, first_lag=2, norm="softmax").eval()
    logits, attention = model(torch.randn(2, 5, 4), torch.tensor([5, 3]), need_attention=True)
    assert logits.shape == (2, 2)
    for layer, width in zip(attention, (4, 3), strict=True):
        assert layer.lags.shape == (2, 5, 3)
        assert (layer.inputs is None) if gate is None else (layer.inputs.shape == (2, 5, width))
    assert model.layers.specs[0].lags == (3, "softmax", 2)


def test_without_lags_it_is_the_lstm():
    plain = SequenceClassifier(4, 2, 3, 1, cell="lstm", gate=None, dropout=0.0, init="torch")
    rra = SequenceClassifier(4, 2, 3, 1, cell="rra", gate=None, dropout=0.0, init="torch", lags=0)
    rra.load_state_dict(plain.state_dict())
    x = torch.randn(2, 5, 4)
    assert torch.equal(rra(x), plain(x))
