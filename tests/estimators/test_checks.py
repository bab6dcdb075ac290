"""scikit-learn's own checks of an estimator, each a test; a skipped one says its reason."""

from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from estimators.small import classifier, regressor

# Whole batches without anything that depends on their number or on chance, in float64: so a weight of two is a copy.
PLAIN = {
    "data.standardise": False,
    "data.augmentation": [],
    "model.dropout": 0.0,
    "training.label_smoothing": 0.0,
    "precision": "64-true",
}
OPTIONS = {"bidirectional": False, "batch_size": 1000, "lr": 0.03, "overrides": PLAIN}
LEARNING = {  # the checks of what was learnt, which take more than a few epochs, or neurons
    "check_classifiers_train": {"max_epochs": 40, "hidden_size": 8},
    "check_classifiers_classes": {"max_epochs": 40, "hidden_size": 8},
    "check_class_weight_classifiers": {"max_epochs": 40, "hidden_size": 8},
    "check_regressors_train": {"max_epochs": 150, "hidden_size": 32, "bidirectional": True},
}


@parametrize_with_checks(
    [classifier(**OPTIONS), regressor(**OPTIONS | {"overrides": PLAIN | {"data.standardise_target": False}})]
)
def test_scikit_learns_check(estimator, check):
    check(estimator.set_params(**LEARNING.get(check.func.__name__, {})))
