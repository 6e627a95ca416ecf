"""Calibration against scikit-learn, by hand, and by what holds for every score."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, d2_brier_score, d2_log_loss_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from core.errors import CutoffError
from core.evaluation.calibration import (
    BINNINGS,
    METHODS,
    Report,
    brier,
    brier_parts,
    calibration_error,
    cross_fitted,
    fit,
    fit_classes,
    fit_line,
    log_loss,
    prevalence_brier,
    prevalence_log_loss,
    reliability,
    temperature_sentence,
    top_label_error,
)
from core.experiment.config import make_config
from core.theory.conversion import to_probabilities
from tests.support.scored_rows import rows

every_method = pytest.mark.parametrize("method", METHODS)


def calibrated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of n rows, and the logits of their true probabilities."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1.5, 2, n)
    return rng.random(n) < expit(z), z


# --- cross-fitting


@every_method
def test_a_row_has_no_part_in_its_own_cross_fitted_score(method):
    y, z = calibrated(120)
    p = expit(z)
    changed = y.copy()
    changed[7] ^= True

    def crossed(labels):
        return cross_fitted(lambda rows: fit(method, labels[rows], p[rows]), y, p)

    before, after = crossed(y), crossed(changed)
    assert before[7] == after[7]
    assert (before != after).any()


def test_cross_fitted_isotonic_scores_are_not_optimistic():
    """Labels that scores know nothing of: in-sample the Brier score seems better than that of the prevalence."""
    rng = np.random.default_rng(0)
    y, p = rng.random(300) < 0.3, rng.random(300)
    in_sample = fit("isotonic", y, p)(p)
    crossed = cross_fitted(lambda rows: fit("isotonic", y[rows], p[rows]), y, p)
    assert brier_score_loss(y, in_sample) < y.mean() * (1 - y.mean()) < brier_score_loss(y, crossed)


def test_cross_fitting_takes_fewer_folds_of_a_rare_class_and_refuses_a_single_row():
    rng = np.random.default_rng(0)
    p, y = rng.random(50), np.arange(50) < 3
    assert cross_fitted(lambda rows: fit("sigmoid", y[rows], p[rows]), y, p).shape == (50,)
    alone = np.arange(50) < 1
    with pytest.raises(CutoffError, match="at least two rows of each class"):
        cross_fitted(lambda rows: fit("sigmoid", alone[rows], p[rows]), alone, p)


# --- measures


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_error_is_that_of_the_curve_of_scikit_learn_weighted_by_rows(seed: int, bins: int):
    rng = np.random.default_rng(seed)
    p = rng.random(200)
    y = rng.random(200) < p**2
    share, score = calibration_curve(y, p, n_bins=bins)
    edges = np.linspace(0, 1, bins + 1)
    rows = np.histogram(p, edges)[0]
    expected = np.abs(share - score) @ rows[rows > 0] / 200
    assert calibration_error(y, p, bins) == pytest.approx(expected)


def test_error_by_hand():
    y = np.array([True, False, True, True])
    assert calibration_error(y, np.array([0.1, 0.1, 0.9, 0.9]), 2) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    assert calibration_error(y, np.array([1.0, 0.0, 1.0, 1.0])) == 0
    assert np.isnan(calibration_error(np.zeros(0, bool), np.zeros(0)))


def test_score_on_an_edge_belongs_to_the_upper_bin():
    assert calibration_error(np.array([True, False]), np.array([0.5, 0.4]), 2) == pytest.approx((0.5 + 0.4) / 2)


def test_log_loss_is_that_of_scikit_learn_and_finite_for_certain_mistakes():
    y, p = np.array([True, False, True]), np.array([0.9, 0.2, 0.4], np.float32)
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p.astype(float)))
    assert np.isfinite(log_loss(y, np.array([0.0, 1.0, 0.0])))
    assert log_loss(np.array([True]), np.array([0.5])) == pytest.approx(np.log(2))


def test_many_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    y, p = rng.random(50) < 0.3, rng.random((4, 3, 50))
    for function in (log_loss, calibration_error):
        alone = [[float(function(y, p[r, c])) for c in range(3)] for r in range(4)]
        np.testing.assert_allclose(function(y, p), alone)


@given(st.integers(0, 2**32 - 1))
def test_brier_score_and_what_the_prevalence_alone_has_are_those_of_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    p, y = rng.random(50), rng.random(50) < 0.3
    y[:2] = True, False
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p))
    assert 1 - brier(y, p) / prevalence_brier(y) == pytest.approx(d2_brier_score(y, p))
    assert 1 - log_loss(y, p) / prevalence_log_loss(y) == pytest.approx(d2_log_loss_score(y, p))


def test_measures_without_rows_are_undefined():
    none = np.zeros(0, bool)
    assert np.isnan([brier(none, none), prevalence_brier(none), prevalence_log_loss(none)]).all()
    assert np.isnan(top_label_error(np.zeros(0, int), np.zeros((0, 3))))
    assert np.isnan(brier_parts(none, np.zeros(0)).score)
    assert np.isnan(reliability(none, np.zeros(0)).error)


def test_top_label_error_looks_at_the_class_that_is_predicted():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
    y = np.array([0, 2, 2])  # right, wrong, right
    assert top_label_error(y, p, 2) == pytest.approx(abs((0.7 - 1) + 0.7) / 3 + abs(0.4 - 1) / 3)
    assert top_label_error(y, p) != calibration_error(y == 0, p[:, 0])


# --- the reliability diagram


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12), st.sampled_from(list(BINNINGS)))
def test_points_are_those_of_scikit_learns_curve(seed: int, bins: int, rows_per_bin: int, binning: str):
    """Of distinct scores off the edges, as many as the bins divide: elsewhere their bins part at other places."""
    rng = np.random.default_rng(seed)
    p = rng.random(bins * rows_per_bin)
    y = rng.random(p.size) < p**2
    found = reliability(y, p, binning, bins)
    share, score = calibration_curve(y, p, n_bins=bins, strategy="uniform" if binning == "width" else "quantile")
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.score, score)
    if binning == "width":
        assert found.error == pytest.approx(calibration_error(y, p, bins))
    else:
        assert (found.rows == rows_per_bin).all()
    assert (found.low <= found.score).all()
    assert (found.score <= found.high).all()
    assert (found.low[1:] >= found.high[:-1]).all()
    assert (found.rows.sum(), found.positives.sum()) == (p.size, y.sum())


@given(data=rows(weighted=False), bins=st.integers(1, 20), binning=st.sampled_from([*BINNINGS, "score"]))
def test_every_row_is_in_one_bin_and_the_parts_of_the_brier_score_add_up(data, bins, binning):
    y, p = data.y_true == 1, expit(data.y_score.astype(float))
    found, parts = reliability(y, p, binning, bins), brier_parts(y, p, binning, bins)
    assert (found.rows > 0).all()
    assert (found.rows.sum(), found.positives.sum()) == (y.size, y.sum())
    assert 0 <= found.error <= 1
    assert parts.score == pytest.approx(brier(y, p))
    assert parts.uncertainty == pytest.approx(prevalence_brier(y))
    assert (parts.reliability >= 0, parts.resolution >= 0) == (True, True)
    if binning == "score":
        assert len(found.rows) == len(np.unique(p))
        assert parts.within == pytest.approx(0, abs=1e-15)
        assert parts.reliability - parts.resolution + y.mean() * (1 - y.mean()) == pytest.approx(brier(y, p))


@given(data=rows(weighted=False), bins=st.integers(1, 50))
def test_reliability_and_calibration_error_are_of_the_same_bins(data, bins):
    y, score = data.y_true == 1, expit(data.y_score)
    for p in (score, np.round(score.astype(np.float64) * bins) / bins):  # on the edges
        np.testing.assert_allclose(reliability(y, p, bins=bins).error, calibration_error(y, p, bins), atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_edge_of_equal_width_is_in_its_upper_bin(dtype: type):
    for bins in range(1, 101):
        p = np.array([k / bins for k in range(bins)], dtype)
        assert len(reliability(np.zeros(bins, bool), p, bins=bins).rows) == bins
    y, p = np.array([True, False]), np.array([0.3, 0.35], dtype)
    assert reliability(y, p, bins=10).error == pytest.approx(calibration_error(y, p, 10)) == pytest.approx(0.175)


@given(st.integers(1, 200), st.integers(1, 60))
def test_bins_of_equal_count_differ_by_one_row_at_most(n: int, bins: int):
    p = np.random.default_rng(n).permutation(n) / n
    counts = reliability(np.zeros(n, bool), p, "count", bins).rows
    assert counts.sum() == n
    assert len(counts) == min(bins, n)
    assert counts.max() - counts.min() <= 1


def test_bins_of_equal_count_of_a_few_rows():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    assert reliability(np.zeros(4, bool), p, "count", 2).rows.tolist() == [2, 2]
    assert reliability(np.zeros(30, bool), np.arange(30) / 30, "count", 15).rows.tolist() == [2] * 15


def test_band_holds_the_shares_of_calibrated_scores_as_often_as_it_says():
    held = []
    for seed in range(100):
        y, z = calibrated(2000, seed)
        found = reliability(y, expit(z), "count")
        held += list((found.band_low <= found.share) & (found.share <= found.band_high))
    assert 0.89 < np.mean(held) < 0.95


def test_bins_of_tied_scores_are_fewer_and_of_a_constant_one():
    y = np.array([True, False, True, False])
    assert len(reliability(y, np.full(4, 0.3), "count").rows) == 1
    assert reliability(y, np.full(4, 0.3), "count").score[0] == pytest.approx(0.3)
    assert len(reliability(y, np.array([0.1, 0.1, 0.1, 0.9]), "count").rows) == 2
    for end in (0.0, 1.0):
        assert reliability(y, np.full(4, end)).error == 0.5


# --- calibrating


def test_platt_finds_the_line_that_the_scores_were_bent_by():
    y, z = calibrated(200_000)
    found = fit("sigmoid", y, expit(2 * z + 1))
    np.testing.assert_allclose(found(expit(2 * z + 1)), expit(z), atol=0.01)
    slope, intercept = (float(word) for word in found.said.split() if word.strip("-")[0].isdigit())
    assert (slope, intercept) == (pytest.approx(0.5, rel=0.02), pytest.approx(-0.5, rel=0.02))


SMALL = expit(np.array([-0.04, -0.03, -0.02, -0.01, 0.01, 0.02, 0.03, 0.04]))


def test_a_small_temperature_keeps_its_digits():
    """Against the root of the slope of log-loss by the inverse temperature."""
    y = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    inverse = brentq(lambda b: ((expit(b * logit(SMALL)) - y) * logit(SMALL)).sum(), 1, 1e4)
    found = fit("temperature", y == 1, SMALL)
    assert found.said == f"Temperature {1 / inverse:.3g}: logits are divided by it."
    assert "0.0121" in found.said
    assert not found.at_bound
    np.testing.assert_allclose(found(SMALL), expit(inverse * logit(SMALL)), rtol=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("y", "score"),
    [
        ([0, 0, 0, 0, 1, 1, 1, 1], SMALL),  # separated
        ([1, 1, 1, 1, 0, 0, 0, 0], SMALL),  # the wrong way round
        ([0, 1, 0, 1, 0, 1, 0, 1], np.full(8, 0.5)),
        ([0, 0, 0, 0, 1, 1, 1, 1], np.repeat([0.0, 1.0], 4)),
    ],
)
def test_a_fit_of_a_temperature_that_ends_at_its_bound_says_so(y: list[int], score: np.ndarray):
    found = fit("temperature", np.array(y) == 1, score)
    assert found.at_bound
    assert found.said.startswith("No best temperature was found: the search ended at its bound")
    assert np.isfinite(found(score)).all()


@pytest.mark.filterwarnings("error")
def test_one_hot_probabilities_of_classes_have_a_temperature_or_none():
    y = np.array([0, 1, 2, 0, 1, 2])
    right, wrong = fit_classes(y, np.eye(3)[y]), fit_classes(y, np.eye(3)[(y + 1) % 3])
    assert right.at_bound
    assert wrong.at_bound
    assert 0 < right.temperature < 1 < wrong.temperature < np.inf
    mixed = fit_classes(np.array([0, 1, 2, 0, 1, 1]), np.eye(3)[y])
    assert not mixed.at_bound
    assert temperature_sentence(mixed.temperature, mixed.at_bound).startswith("Temperature ")
    np.testing.assert_allclose(mixed.map(np.eye(3)[[0]]).max(), 5 / 6, atol=0.01)  # one row in six is wrong


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_is_found_and_of_1_changes_nothing(temperature: float):
    y, z = calibrated(200_000)
    found = fit("temperature", y, expit(temperature * z))
    assert float(found.said.split()[1].rstrip(":")) == pytest.approx(temperature, rel=0.02)
    if temperature == 1:
        np.testing.assert_allclose(found(expit(z)), expit(z), atol=0.005)
    assert found(0.5) == pytest.approx(0.5)


def test_isotonic_is_scikit_learns_and_calibrates_the_rows_it_was_fitted_to():
    y, z = calibrated(3000)
    p = expit(2 * z + 1)
    found = fit("isotonic", y, p)
    np.testing.assert_allclose(found(p), IsotonicRegression(out_of_bounds="clip").fit_transform(logit(p), y))
    assert brier_parts(y, found(p), "score").reliability == pytest.approx(0, abs=1e-12)
    assert brier(y, found(p)) == pytest.approx(brier_parts(y, found(p), "score").score)


@every_method
def test_calibrated_scores_are_better_on_other_rows(method: str):
    (y, z), (other, z_other) = calibrated(5000, 1), calibrated(5000, 2)
    found = fit(method, y, expit(3 * z))
    before, after = expit(3 * z_other), found(expit(3 * z_other))
    for measure in (log_loss, brier, calibration_error):
        assert measure(other, after) < measure(other, before)


@every_method
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ranking_stays_and_so_does_what_a_moved_threshold_calls(method: str, dtype: type):
    y, z = calibrated(3000)
    p = expit(1.5 * z + 1).astype(dtype)
    found = fit(method, y, p)
    after = found(p)
    assert found.rising
    order = np.argsort(p, kind="stable")
    assert (np.diff(after[order]) >= 0).all()
    for t in p[::100]:
        called, moved = p >= t, after >= found(t)
        assert (called <= moved).all()  # rows on one step of isotonic are called together
        if method != "isotonic":
            np.testing.assert_array_equal(called, moved)
    if method == "isotonic":
        assert roc_auc_score(y, after) == pytest.approx(roc_auc_score(y, p), abs=0.01)
    else:
        assert roc_auc_score(y, after) == roc_auc_score(y, p)


@every_method
@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_score_for_is_the_least_score_that_reaches_a_probability(method: str, p: float):
    y, z = calibrated(3000)
    found = fit(method, y, expit(2 * z + 1))
    score = found.score_for(p)
    assert found(score) >= p
    assert found(score - 1e-11) < p
    assert found(score) == pytest.approx(p, abs=1e-6)


def test_score_for_a_probability_that_no_score_reaches_is_undefined():
    y = np.array([True, False, True, False] * 5)
    assert np.isnan(fit("isotonic", y, np.full(20, 0.3)).score_for(0.9))


def test_undoing_pos_weight_is_a_shift_of_the_logit_that_platt_finds_by_itself():
    y, z = calibrated(200_000)
    weighted = expit(z + np.log(9))
    config = make_config(loss_params={"pos_weight": 9})
    found = to_probabilities(config, weighted)
    assert found is not None
    converted = found.probabilities
    np.testing.assert_allclose(converted, expit(logit(weighted) - np.log(9)), rtol=1e-12)
    np.testing.assert_allclose(fit("sigmoid", y, weighted)(weighted), converted, atol=0.01)
    assert log_loss(y, converted) < log_loss(y, fit("temperature", y, weighted)(weighted)) < log_loss(y, weighted)


def test_platt_says_when_it_turns_the_order_around():
    y, z = calibrated(3000)
    found = fit("sigmoid", y, expit(-z))
    assert not found.rising
    assert np.isnan(found.score_for(0.5))
    assert brier(y, found(expit(-z))) < brier(y, expit(-z))


@every_method
@pytest.mark.parametrize(
    ("y", "score"),
    [
        ([1, 0], [0.9, 0.1]),
        ([1, 0], [0.1, 0.9]),
        ([1, 0, 0, 1], [0.3] * 4),
        ([1, 0, 0, 1], [0.0, 0.0, 1.0, 1.0]),
        ([1, 0] * 10, [1.0, 0.0] * 10),
        ([1] + [0] * 300, np.linspace(0, 1, 301)),
    ],
    ids=["two rows", "two rows the wrong way", "constant", "certain", "separated", "one positive"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_calibration_bears_few_rows_ties_and_certain_scores(method: str, y: list, score: list, dtype: type):
    y_true, p = np.array(y) == 1, np.array(score, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit(method, y_true, p)
        after = found(p)
        line = fit_line(y_true, p)
    assert ((after >= 0) & (after <= 1)).all()
    assert 0 <= line.p_value <= 1
    assert np.isfinite([line.slope, line.intercept, line.gain]).all()
    assert found(np.zeros(0, dtype)).shape == (0,)


@every_method
@pytest.mark.parametrize(
    ("y", "score", "sentence"),
    [
        ([1, 0], [2.5, 0.1], "Expected every score to be a probability in [0, 1], but got 2.5: logits and margins"),
        ([1, 1], [0.5, 0.1], "Expected rows of both classes to calibrate on, but 2 of 2 are positive."),
        ([], [], "Expected rows of both classes to calibrate on, but 0 of 0 are positive."),
    ],
)
def test_bad_rows_are_refused_in_one_sentence(method: str, y: list, score: list, sentence: str):
    for refuse in (lambda *given: fit(method, *given), fit_line):
        with pytest.raises(CutoffError) as caught:
            refuse(np.array(y) == 1, np.array(score))
        assert str(caught.value).startswith(sentence)


def test_scores_beyond_0_and_1_have_no_diagram():
    for refuse in (reliability, brier_parts, fit("sigmoid", np.array([True, False]), np.array([0.9, 0.1]))):
        with pytest.raises(CutoffError, match="probability"):
            refuse(*([np.array([True])] if refuse in (reliability, brier_parts) else []), np.array([-0.1]))


# --- several classes


def classes(n: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, (n, 4))
    y = (softmax(z, 1).cumsum(1) > rng.random((n, 1))).argmax(1)
    return y, softmax(temperature * z, 1)


def test_one_temperature_for_all_classes_is_found_and_never_moves_the_largest():
    y, p = classes(50_000, 2.5)
    temperature, after, _ = fit_classes(y, p)
    assert temperature == pytest.approx(2.5, rel=0.02)
    np.testing.assert_array_equal(after(p).argmax(1), p.argmax(1))
    np.testing.assert_allclose(after(p).sum(1), 1)
    assert top_label_error(y, after(p)) < top_label_error(y, p) / 5
    of_calibrated, *_ = fit_classes(*classes(50_000, 1.0))
    assert of_calibrated == pytest.approx(1, rel=0.02)


def test_a_temperature_needs_every_class():
    y, p = classes(100, 1.0)
    with pytest.raises(CutoffError, match="Expected rows of all 4 classes to fit a temperature to, but 1 have none"):
        fit_classes(np.where(y == 3, 0, y), p)


# --- Cox's line


def test_line_finds_slope_and_intercept_and_what_a_score_stands_for():
    y, z = calibrated(200_000)
    found = fit_line(y, expit(2 * z + 1))
    assert (found.slope, found.intercept) == (pytest.approx(0.5, rel=0.02), pytest.approx(-0.5, rel=0.03))
    assert found.p_value < 1e-6
    assert found.stands_for(float(expit(2 * logit(0.2) + 1))) == pytest.approx(0.2, abs=0.005)
    assert found.score_for(0.2) == pytest.approx(float(expit(2 * logit(0.2) + 1)), abs=0.01)


def test_line_is_that_of_the_scores_inside_and_a_wrong_score_of_0_or_1_rejects_it():
    y, z = calibrated(20_000)
    score, sure = expit(z), z < -2
    inside = fit_line(y[~sure], score[~sure])
    right = fit_line(y & ~sure, np.where(sure, 0, score))
    assert (right.slope, right.intercept) == pytest.approx((inside.slope, inside.intercept))
    assert right.p_value == pytest.approx(inside.p_value)
    wrong = fit_line(y, np.where(sure, 0, score))
    assert (wrong.slope, wrong.p_value) == (pytest.approx(inside.slope), 0)
    negated = fit_line(~y, np.where(sure, 1, 1 - score))
    assert (negated.intercept, negated.p_value) == (pytest.approx(-inside.intercept), 0)


def test_line_rejects_calibrated_scores_as_often_as_chance_does():
    rejected = [fit_line(y, expit(z)).p_value < 0.1 for y, z in (calibrated(500, seed) for seed in range(300))]
    assert 0.06 < np.mean(rejected) < 0.15


# --- the registry


@every_method
def test_specs_are_complete(method: str):
    spec = METHODS[method]
    assert spec.name == method
    assert spec.help.endswith(".")
    assert spec.label
    assert spec.keeps
    assert spec.reference


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_of_all_classes_is_that_of_the_least_log_loss(classes: int, temperature: float):
    rng = np.random.default_rng(classes)
    z = rng.normal(0, 2, (2000, classes))
    p = softmax(z, axis=1)
    y = (rng.random((2000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    y[:classes] = np.arange(classes)
    logs = log_softmax(z * temperature, axis=1)

    def loss(log_t: float) -> float:
        return -float(log_softmax(logs / np.exp(log_t), axis=1)[np.arange(2000), y].mean())

    best = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}).x
    found = fit_classes(y, np.exp(logs))
    assert found.temperature == pytest.approx(np.exp(best), rel=1e-4)
    assert found.temperature == pytest.approx(temperature, rel=0.15)
    np.testing.assert_allclose(found.map(np.exp(logs)), softmax(logs / found.temperature, axis=1), atol=1e-9)
    np.testing.assert_array_equal(found.map(np.exp(logs)).argmax(axis=1), logs.argmax(axis=1))
    assert not found.at_bound


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_that_are_all_equal_have_no_temperature(classes: int):
    y = np.arange(50) % classes
    assert fit_classes(y, np.full((50, classes), 1 / classes)).at_bound
    assert fit("temperature", y == 1, np.full(50, 0.5)).at_bound


# --- sample weights


def weighted() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores that are too sure, whole weights, some of them 0, and the rows repeated as often."""
    y, z = calibrated(300)
    weight = np.random.default_rng(1).integers(0, 4, y.size)
    return y, expit(1.5 * z), weight.astype(float), np.repeat(np.arange(y.size), weight)


@every_method
def test_a_fit_with_whole_weights_is_that_of_repeated_rows(method: str):
    y, p, weight, repeated = weighted()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit(method, y, p, weight)
    np.testing.assert_allclose(found(p), fit(method, y[repeated], p[repeated])(p), atol=1e-6)


def test_one_temperature_with_whole_weights_is_that_of_repeated_rows():
    y, p, weight, repeated = weighted()
    both = np.stack([1 - p, p], axis=1)
    found, expected = fit_classes(y.astype(int), both, weight), fit_classes(y[repeated].astype(int), both[repeated])
    assert found.temperature == pytest.approx(expected.temperature)


@pytest.mark.parametrize("binning", BINNINGS)
def test_weighted_numbers_are_those_of_scikit_learn(binning: str):
    y, p, _, _ = weighted()
    weight = np.random.default_rng(2).random(y.size)
    found = Report.of(y, p, binning, sample_weight=weight)
    assert found.log_loss == pytest.approx(sklearn_log_loss(y, p, sample_weight=weight))
    assert found.brier == pytest.approx(brier_score_loss(y, p, sample_weight=weight))
    assert found.parts.score == pytest.approx(found.brier)
    assert found.roc_auc == pytest.approx(roc_auc_score(y, p, sample_weight=weight))
    prevalence = Report.of_prevalence(y, weight)
    share = np.full(y.size, np.average(y, weights=weight))
    assert prevalence.log_loss == pytest.approx(sklearn_log_loss(y, share, sample_weight=weight))
    assert prevalence.brier == pytest.approx(brier_score_loss(y, share, sample_weight=weight))


def test_bins_and_the_line_with_whole_weights_are_those_of_repeated_rows():
    y, p, weight, repeated = weighted()
    found, expected = reliability(y, p, sample_weight=weight), reliability(y[repeated], p[repeated])
    np.testing.assert_allclose(found.score, expected.score)
    np.testing.assert_allclose(found.share, expected.share)
    np.testing.assert_allclose(found.weight, expected.rows)
    assert found.error == pytest.approx(expected.error)
    assert found.error == pytest.approx(float(calibration_error(y, p, sample_weight=weight)))
    label = top_label_error(y.astype(int), np.stack([1 - p, p], axis=1), sample_weight=weight)
    assert label == pytest.approx(top_label_error(y[repeated].astype(int), np.stack([1 - p, p], axis=1)[repeated]))
    line, drawn = fit_line(y, p, weight), fit_line(y[repeated], p[repeated])
    assert (line.slope, line.intercept, line.gain) == pytest.approx((drawn.slope, drawn.intercept, drawn.gain))


def test_weights_that_are_all_alike_change_no_interval_and_no_test():
    y, p, _, _ = weighted()
    found, expected = (reliability(y, p, sample_weight=weight) for weight in (np.full(y.size, 2.5), None))
    for name in ("share_low", "share_high", "band_low", "band_high"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name))
    assert fit_line(y, p, np.full(y.size, 2.5)).p_value == pytest.approx(fit_line(y, p).p_value)


def test_rows_of_weight_0_are_no_rows_to_fit_to():
    y, p, _, _ = weighted()
    without = np.where(y, 0.0, 1.0)
    with pytest.raises(CutoffError, match="both classes"):
        fit("sigmoid", y, p, without)
    with pytest.raises(CutoffError, match="1 have none"):
        fit_classes(y.astype(int), np.stack([1 - p, p], axis=1), without)


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_that_separate_the_classes_are_said_to(sign: int):
    y = np.arange(40) >= 20
    p = expit(sign * np.linspace(-3, 3, 40))
    assert fit_line(y, p).separates
    y[5] = True
    assert not fit_line(y, p).separates
