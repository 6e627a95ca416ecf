from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from core import datasets
from core.datasets import DATASETS, FRACTIONS, Dataset, gaussians, load_dataset, load_split
from core.errors import CutoffError

BUILT_IN = [name for name in DATASETS if name != "mnist_5k"]


def pairs(**params: float) -> tuple[tuple[str, float], ...]:
    return tuple(params.items())


@pytest.mark.parametrize(
    ("name", "shape", "positives"),
    [("breast_cancer", (569, 30), 212), ("digits_8", (1797, 64), 174), ("gaussians", (4000, 2), 400)],
)
def test_binary_data_have_the_rows_and_positives_that_their_sources_state(name, shape, positives):
    data = load_dataset(name)
    assert data.x.shape == shape
    assert data.counts.tolist() == [shape[0] - positives, positives]


def test_digits_are_ten_classes_of_about_180():
    data = load_dataset("digits")
    assert data.x.shape == (1797, 64)
    assert data.class_names == tuple("0123456789")
    assert data.counts.min() >= 174
    assert data.counts.max() <= 183


def test_digits_8_finds_exactly_the_eights_of_digits():
    np.testing.assert_array_equal(load_dataset("digits_8").y == 1, load_dataset("digits").y == 8)


def test_mnist_has_500_images_of_each_digit_in_the_unit_interval():
    data = load_dataset("mnist_5k")
    assert data.x.shape == (5000, 784)
    assert data.counts.tolist() == [500] * 10
    assert (data.x.min(), data.x.max()) == (0.0, 1.0)


# --- two Gaussians


@settings(max_examples=30, deadline=None)
@given(
    separation=st.floats(0, 6),
    noise=st.floats(0.1, 3),
    prevalence=st.floats(0.005, 0.995),
    samples=st.integers(40, 500),
    seed=st.integers(0, 9999),
)
@example(separation=6, noise=0.1, prevalence=0.1, samples=40, seed=0)  # logits of -1800
def test_gaussians_have_the_prevalence_asked_for_and_a_posterior_that_follows_bayes(
    separation, noise, prevalence, samples, seed
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = gaussians(separation, noise, prevalence, samples, seed)
        posterior = data.posterior(data.x)
    assert data.counts[1] == round(samples * prevalence)
    centre = np.full(2, separation / 2 * 0.5**0.5)
    log_positive = multivariate_normal(centre, noise**2).logpdf(data.x) + np.log(prevalence)
    log_negative = multivariate_normal(-centre, noise**2).logpdf(data.x) + np.log1p(-prevalence)
    np.testing.assert_allclose(posterior, np.exp(log_positive - np.logaddexp(log_positive, log_negative)), atol=1e-7)


def test_gaussian_rows_have_the_moments_asked_for():
    data = gaussians(separation=3, noise=0.5, prevalence=0.3, samples=50_000, seed=1)
    positive, negative = data.x[data.y == 1], data.x[data.y == 0]
    assert np.linalg.norm(positive.mean(0) - negative.mean(0)) == pytest.approx(3, abs=0.02)
    np.testing.assert_allclose(np.cov(positive.T), 0.25 * np.eye(2), atol=0.01)


def test_posterior_is_calibrated_on_the_rows_it_describes():
    data = gaussians(separation=2, noise=1, prevalence=0.3, samples=50_000, seed=2)
    posterior = data.posterior(data.x)
    for low in (0.1, 0.3, 0.6, 0.8):
        within = (posterior >= low) & (posterior < low + 0.1)
        assert data.y[within].mean() == pytest.approx(posterior[within].mean(), abs=0.04)


def test_seed_decides_the_rows():
    again, other = (gaussians(2, 1, 0.1, 100, seed) for seed in (0, 1))
    first = load_dataset("gaussians", pairs(samples=100))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)


def test_posterior_is_known_for_generated_data_only():
    assert [name for name in BUILT_IN if load_dataset(name).posterior is not None] == ["gaussians"]


# --- splits


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("seed", [0, 1])
def test_split_is_a_partition_of_the_rows_in_the_shares_asked_for(name, seed):
    data, split = load_dataset(name), load_split(name, seed=seed)
    rows = np.concatenate(list(split.rows.values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(data.y)))
    for part, share in FRACTIONS.items():
        assert len(split.rows[part]) == pytest.approx(share * len(data.y), abs=1)
        np.testing.assert_array_equal(split.y[part], data.y[split.rows[part]])


@pytest.mark.parametrize("name", BUILT_IN)
def test_split_keeps_each_class_at_its_share(name):
    data, split = load_dataset(name), load_split(name)
    for part, share in FRACTIONS.items():
        counts = np.bincount(split.y[part], minlength=len(data.class_names))
        np.testing.assert_allclose(counts, share * data.counts, atol=1.5)


@pytest.mark.parametrize("name", BUILT_IN)
def test_features_are_standardised_by_the_training_rows_alone(name):
    data, split = load_dataset(name), load_split(name)
    train = data.x[split.rows["train"]].astype(np.float64)
    deviation = train.std(0)
    varies = deviation > 0
    for part, x in split.x.items():
        raw = data.x[split.rows[part]]
        assert x.dtype == np.float32
        expected = (raw - train.mean(0))[:, varies] / deviation[varies]
        np.testing.assert_allclose(x[:, varies], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(split.x["train"][:, ~varies], 0)
    np.testing.assert_allclose(split.x["train"].mean(0), 0, atol=1e-5)


def test_another_split_seed_gives_other_rows_and_the_same_one_the_same():
    first, again, other = load_split("digits"), load_split.__wrapped__("digits"), load_split("digits", seed=1)
    np.testing.assert_array_equal(first.x["test"], again.x["test"])
    np.testing.assert_array_equal(first.rows["train"], again.rows["train"])
    assert not np.array_equal(first.rows["train"], other.rows["train"])


@settings(max_examples=60, deadline=None)
@given(prevalence=st.floats(0.005, 0.995), samples=st.integers(40, 300), seed=st.integers(0, 50))
def test_every_part_has_every_class_or_the_split_is_refused_with_a_sentence(prevalence, samples, seed):
    refused = ""
    try:
        split = load_split("gaussians", pairs(prevalence=prevalence, samples=samples), seed)
    except CutoffError as error:
        refused = str(error)
    positives = round(samples * prevalence)
    if 4 <= positives <= samples - 4:
        assert not refused
        assert all(set(np.unique(y)) == {0, 1} for y in split.y.values())
    else:
        rare = min(positives, samples - positives)
        assert refused.startswith("Expected every class to have at least 4 rows")
        assert f"but got {rare} of class" in refused


# --- bad input


def test_class_that_the_shares_leave_out_of_a_part_is_refused(monkeypatch):
    y = np.zeros(200, np.int64)
    y[:4] = 1
    data = Dataset("rare", "binary", np.ones((200, 1), np.float32), y, ("rest", "rare"))
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: data)
    monkeypatch.setattr(
        datasets, "train_test_split", lambda rows, **_: (rows[: len(rows) // 2], rows[len(rows) // 2 :])
    )
    with pytest.raises(CutoffError) as caught:
        load_split.__wrapped__("rare")
    assert str(caught.value) == "Expected every class in the validation split, but got none of class 'rare'."


def test_unknown_data_set_is_refused_with_the_ones_there_are():
    with pytest.raises(CutoffError) as caught:
        load_dataset("cifar")
    assert str(caught.value) == f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got 'cifar'."


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("digits", {"noise": 1.0}, "Expected a parameter of digits (it has none), but got 'noise'."),
        (
            "gaussians",
            {"width": 1.0},
            "Expected a parameter of gaussians (separation, noise, prevalence, samples, seed), but got 'width'.",
        ),
        ("gaussians", {"noise": 0.0}, "Expected `noise` to be a number from 0.1 to 3, but got 0.0."),
        ("gaussians", {"samples": 40.5}, "Expected `samples` to be a whole number from 40 to 50000, but got 40.5."),
    ],
)
def test_bad_parameter_is_refused_with_one_sentence(name, params, sentence):
    with pytest.raises(CutoffError) as caught:
        load_dataset(name, pairs(**params))
    assert str(caught.value) == sentence


def test_counts_include_a_class_without_rows():
    data = Dataset("three", "multiclass", np.zeros((2, 1), np.float32), np.array([0, 0]), ("a", "b", "c"))
    assert data.counts.tolist() == [2, 0, 0]
