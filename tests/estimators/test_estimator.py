"""Estimators of sequences: what scikit-learn does with them, their weights, and what their training repeats."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from rich.console import Console
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.training import load_config, load_model, save_model, train
from attentive_rnn.training.setup import load_splits
from estimators.small import classifier, regressor, sequences


def test_labels_of_any_type_come_back_and_are_learnt():
    X, y = sequences()
    for labels in (y, np.where(y == "high", 7, -3), y.astype(object), y == "high"):
        fitted = classifier(max_epochs=25, lr=0.02).fit(X, labels)
        assert fitted.predict(X).dtype == labels.dtype
        assert fitted.score(X, labels) == 1
        assert fitted.classes_.tolist() == sorted(set(labels.tolist()))
        assert fitted.predict_proba(X).sum(1) == pytest.approx(np.ones(24))


def test_one_of_several_processes_fits_nothing_of_its_own(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="each would do all of the work"):
        classifier().fit(*sequences())


def test_numbers_are_learnt_in_their_own_unit():
    X, _ = sequences(40)
    y = np.array([1e4 + 1e3 * one[:, 0].mean() for one in X])
    assert regressor(max_epochs=40, lr=0.02).fit(X, y).score(X, y) > 0.8


def test_a_random_state_repeats_to_the_bit_and_leaves_the_callers_random_numbers():
    X, y = sequences()
    before = torch.get_rng_state()
    first, second, other = (classifier(random_state=seed, dropout=0.3).fit(X, y).predict_proba(X) for seed in (0, 0, 1))
    assert (first == second).all()
    assert (first != other).any()
    assert torch.equal(torch.get_rng_state(), before)
    state = np.random.RandomState(3)
    drawn = [classifier(random_state=state).fit(X, y).config_.seed for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_the_model_is_that_of_a_run_with_the_same_seed(tmp_path):
    quiet = Console(quiet=True)
    data = load("japanese-vowels").train
    fitted = classifier(recipe="japanese-vowels", max_epochs=2).fit(data)
    keys = {"model.hidden_size": 4, "model.num_layers": 1, "training.max_epochs": 2, "training.batch_size": 8}
    keys |= {"training.select": "last", "data.valid_fraction": 0.0, "device": "cpu"}
    config = load_config("japanese-vowels", [(key, str(value)) for key, value in keys.items()])
    run = train(config, tmp_path, console=quiet, splits=load_splits(config, quiet))
    expected = load_model(run.path).model.state_dict()
    found = fitted.model_.model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_nothing_is_written(tmp_path, monkeypatch, capfd):
    X, y = sequences()
    monkeypatch.chdir(tmp_path)
    classifier().fit(X, y)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    classifier(verbose=True).fit(X, y)
    assert "epoch 3/3" in capfd.readouterr().err


def test_a_weight_counts_as_so_many_copies_and_none_as_absence():
    X, y = sequences(12)
    keys = {"data.standardise": False, "data.augmentation": [], "model.dropout": 0.0}
    weight = np.array([2.0, 1, 1, 0, 3, 1, 1, 1, 2, 1, 1, 0])
    copies = np.repeat(np.arange(12), weight.astype(int))
    for make, labels in ((classifier, y), (regressor, np.arange(12.0))):
        if make is regressor:
            keys["data.standardise_target"] = False
        weighted = make(batch_size=100, overrides=keys).fit(X, labels, sample_weight=weight)
        repeated = make(batch_size=100, overrides=keys).fit([X[i] for i in copies], labels[copies])
        for name, value in repeated.model_.model.state_dict().items():
            torch.testing.assert_close(weighted.model_.model.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_weights_of_classes_move_the_answers_towards_the_heavier_class():
    X, y = sequences()
    share = [
        classifier(class_weight=weight).fit(X, y).predict_proba(X)[:, 0].mean()
        for weight in ({"high": 20.0, "low": 1.0}, None, {"high": 1.0, "low": 20.0})
    ]
    assert share[0] > share[1] > share[2]
    balanced, plain = (classifier(class_weight=weight).fit(X, y).predict_proba(X) for weight in ("balanced", None))
    assert (balanced == plain).all()  # since both classes have as many sequences


def test_an_early_stop_keeps_the_best_epoch_on_the_sequences_held_out():
    X, y = sequences(40)
    fitted = classifier(early_stopping=True, patience=2, max_epochs=100, lr=0.02).fit(X, y)
    assert fitted.config_.training.select == "best"
    assert fitted.config_.data.valid_fraction == 0.2
    assert fitted.score(X, y) > 0.9


def test_any_key_of_a_recipe_can_be_set_and_an_unknown_one_is_named():
    X, y = sequences(8)
    config = (
        classifier(gate="none", hidden_size=np.int64(5), overrides={"optim.schedule": "constant"}).fit(X, y).config_
    )
    assert (config.model.gate, config.model.hidden_size, config.optim.schedule) == (None, 5, "constant")
    with pytest.raises(ConfigError, match=r"did you mean 'optim\.lr'"):
        classifier(overrides={"optim.lrr": 1}).fit(X, y)
    with pytest.raises(ConfigError, match=r"model\.hidden_size must be"):
        classifier(hidden_size=0).fit(X, y)
    with pytest.raises(ConfigError, match="devices must be 1"):
        classifier(overrides={"devices": 2}).fit(X, y)


def test_pipelines_searches_and_calibration_take_it_as_their_own():
    X, y = sequences(40)
    table = np.stack([one[:4, 0] for one in X])
    assert cross_val_score(make_pipeline(StandardScaler(), classifier()), table, y, cv=2).shape == (2,)
    shorter = make_pipeline(FunctionTransformer(lambda X: [one[:4] for one in X]), classifier())
    search = GridSearchCV(shorter, {"attentiveclassifier__hidden_size": [3, 4]}, cv=2).fit(X, y)
    assert search.best_estimator_[-1].model_.classifier.layers.hidden_size in (3, 4)
    assert search.predict(X).shape == (40,)
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(table, y)
    assert calibrated.predict_proba(table).sum(1) == pytest.approx(np.ones(40))


def test_a_pickle_and_a_saved_model_answer_alike_and_a_clone_is_not_fitted(tmp_path):
    X, y = sequences()
    fitted = classifier().fit(X, y)
    expected = fitted.predict_proba(X)
    assert (pickle.loads(pickle.dumps(fitted)).predict_proba(X) == expected).all()
    save_model(tmp_path / "model", fitted.model_)
    assert load_model(tmp_path / "model").schema.classes == ("high", "low")
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


def test_explanations_have_an_attention_for_each_frame_and_the_truth_where_it_is_given():
    X, y = sequences(12)
    fitted = classifier(num_layers=2).fit(X, y)
    for one, values, label in zip(fitted.explain(X, y), X, y, strict=True):
        assert one.response.shape == values.shape
        assert one.schema.classes[int(one.label)] == label
        assert one.probabilities == pytest.approx(fitted.predict_proba([values])[0], abs=1e-6)
    assert not fitted.explain(X[:1])[0].labelled
    assert fitted.explain(X, layer=2)[0].response.shape == (len(X[0]), 8)
    mean = np.mean([np.log(one.response).mean() for one in fitted.explain(X)])
    assert mean == pytest.approx(0, abs=0.3)  # the usual is that of the training sequences
    for layer in (0, 3):
        with pytest.raises(ConfigError, match="layers go from 1 to 2"):
            fitted.explain(X, layer=layer)


def test_labels_that_are_missing_or_no_classes_are_refused():
    X, y = sequences(8)
    with pytest.raises(ValueError, match="requires y to be passed"):
        classifier().fit(X)
    with pytest.raises(ValueError, match="Unknown label type"):
        classifier().fit(X, np.arange(8) + 0.5)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier().fit(X, y[:5])
    with pytest.raises(ValueError, match="contains NaN"):
        regressor().fit(X, [np.nan] * 8)
    with pytest.raises(ValueError, match="Negative values"):
        classifier().fit(X, y, sample_weight=[-1.0] * 8)
