from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from streamlit.testing.v1 import AppTest

from core.data import DATASETS, FRACTIONS, Dataset, examples, load_dataset, load_split, preview, row_labels, splits
from core.data.synthetic import FRAUD_EFFECTS, gaussians, line
from core.data.thinning import ORIGINAL, PREVALENCE, read_share, thinned
from core.errors import CutoffError
from tests.conftest import button, choose, open_page, sentences

BUILT_IN = [name for name in DATASETS if name != "mnist_5k"]
CLASSES = [name for name in BUILT_IN if DATASETS[name].task in ("binary", "multiclass")]
LABELS = [name for name in BUILT_IN if DATASETS[name].task == "multilabel"]
VALUES = [name for name in BUILT_IN if DATASETS[name].task == "regression"]
WITH_NOISE = [name for name, spec in DATASETS.items() if any(param.name == "noise" for param in spec.params)]
REAL_BINARY = [name for name, spec in DATASETS.items() if PREVALENCE in spec.params]


def pairs(**params: float) -> tuple[tuple[str, float], ...]:
    return tuple(params.items())


@pytest.fixture
def damaged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    """Lets the data set "wine" be read as its file stands: an exception, or rows that are none."""

    def damage(found: object) -> None:
        def load() -> Dataset:
            if isinstance(found, Exception):
                raise found
            return replace(whole, x=np.full_like(whole.x, found))

        monkeypatch.setitem(DATASETS, "wine", replace(DATASETS["wine"], load=load))
        splits._load.cache_clear()

    whole = load_dataset("wine")
    yield damage
    splits._load.cache_clear()


@pytest.mark.parametrize("found", [OSError("/somewhere/wine.csv"), KeyError("a"), EOFError(), ValueError("b"), np.nan])
def test_data_that_cannot_be_read_are_said_in_a_sentence(damaged: Callable[[object], None], found: object):
    damaged(found)
    with pytest.raises(CutoffError) as caught:
        load_dataset("wine")
    said = "The data set 'Wine' can't be read. Choose other data, or install the requirements again."
    assert str(caught.value) == said


def test_a_page_with_data_that_cannot_be_read_says_so_and_offers_others(
    damaged: Callable[[object], None], app_test: AppTest
):
    damaged(OSError("/somewhere/wine.csv"))
    at = choose(open_page(app_test, "compare"), "dataset", "wine")
    (said,) = sentences(at)
    assert said.startswith("The data set 'Wine' can't be read.")
    assert button(at, "Start").disabled
    choose(at, "dataset", "iris")
    assert not sentences(at)
    assert not button(at, "Start").disabled


@pytest.mark.parametrize(
    ("name", "shape", "positives"),
    [
        ("breast_cancer", (569, 30), 212),
        ("digit", (1797, 64), 174),
        ("phishing", (1250, 9), 548),
        ("shuttle", (49_097, 9), 3511),
        ("gaussians", (4000, 2), 400),
        ("fraud", (20_000, 10), 200),
    ],
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


def test_digit_finds_exactly_the_eights_of_digits():
    np.testing.assert_array_equal(load_dataset("digit").y == 1, load_dataset("digits").y == 8)


@pytest.mark.parametrize("digit", [0, 3, 9])
def test_any_digit_can_be_the_one_to_find(digit):
    data = load_dataset("digit", pairs(digit=digit))
    np.testing.assert_array_equal(data.y == 1, load_dataset("digits").y == digit)
    assert data.class_names == ("rest", str(digit))


@pytest.mark.parametrize(
    ("name", "shape", "counts"), [("wine", (178, 13), [59, 71, 48]), ("iris", (150, 4), [50, 50, 50])]
)
def test_small_classics_have_the_rows_that_their_sources_state(name, shape, counts):
    assert load_dataset(name).x.shape == shape
    assert load_dataset(name).counts.tolist() == counts


def test_yeast_has_2417_genes_103_features_and_14_labels_in_the_order_of_river():
    from river.datasets import Yeast

    data = load_dataset("yeast")
    assert data.x.shape == (2417, 103)
    assert data.y.shape == (2417, 14)
    for row, (features, labels) in zip((0, 1, 2), Yeast(), strict=False):
        np.testing.assert_allclose(data.x[row], list(features.values()), rtol=1e-6)
        assert data.y[row].tolist() == [int(flag) for flag in labels.values()]
    assert data.y.sum(1).mean() == pytest.approx(4.237, abs=5e-4)  # MULAN's cardinality


def test_diabetes_has_442_patients_and_a_progression_from_25_to_346():
    data = load_dataset("diabetes")
    assert data.x.shape == (442, 10)
    assert (data.y.min(), data.y.max()) == (25, 346)
    assert data.counts.size == 0


def test_images_have_as_many_pixels_as_features_and_only_they_are_images():
    for name, spec in DATASETS.items():
        data = load_dataset(name)
        assert (data.image is not None) == spec.image
        assert len(data.feature_names) == data.x.shape[1]
        if data.image:
            assert data.image[0] * data.image[1] == data.x.shape[1]


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


def test_posterior_of_fraud_is_calibrated_and_that_of_its_gaussians():
    data = load_dataset("fraud", pairs(samples=50_000, prevalence=0.2, noise=1.5))
    posterior = data.posterior(data.x)
    for low in (0.05, 0.2, 0.4, 0.6, 0.8):
        within = (posterior >= low) & (posterior < low + 0.1)
        assert data.y[within].mean() == pytest.approx(posterior[within].mean(), abs=0.04)
    rows = data.x[:50].astype(np.float64)
    rows[:, :3] = np.log(rows[:, :3])
    odds = [
        multivariate_normal(effects, 1.5**2 * np.eye(10)).logpdf(rows) for effects in (FRAUD_EFFECTS, 0 * FRAUD_EFFECTS)
    ]
    expected = 0.2 * np.exp(odds[0]) / (0.2 * np.exp(odds[0]) + 0.8 * np.exp(odds[1]))
    np.testing.assert_allclose(posterior[:50], expected, rtol=1e-3, atol=1e-6)


def test_posterior_is_known_for_two_of_the_generated_sets():
    assert [name for name in BUILT_IN if load_dataset(name).posterior is not None] == ["gaussians", "fraud"]


@pytest.mark.parametrize("name", WITH_NOISE)
def test_generated_data_follow_their_seed_their_size_and_their_noise(name):
    given = {param.name: param for param in DATASETS[name].params}
    first = load_dataset(name, pairs(samples=200))
    again = DATASETS[name].load(**({p.name: p.default for p in given.values()} | {"samples": 200}))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert len(first.x) == 200
    assert not np.array_equal(first.x, load_dataset(name, pairs(samples=200, seed=1)).x)
    louder = load_dataset(name, pairs(samples=200, noise=given["noise"].high))
    assert not (np.array_equal(first.x, louder.x) and np.array_equal(first.y, louder.y))


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "fraud"])
@pytest.mark.parametrize("prevalence", [0.02, 0.3, 0.9])
def test_two_class_data_have_exactly_the_prevalence_asked_for(name, prevalence):
    data = load_dataset(name, pairs(samples=500, prevalence=prevalence))
    assert data.counts.tolist() == [500 - round(500 * prevalence), round(500 * prevalence)]


def test_noiseless_circles_and_spirals_lie_on_their_curves():
    data = load_dataset("circles", pairs(noise=0.0))
    radius = np.linalg.norm(data.x, axis=1)
    np.testing.assert_allclose(radius, np.where(data.y == 1, 0.5, 1.0), atol=1e-6)
    data = load_dataset("spirals", pairs(noise=0.0, turns=1.5))
    radius, angle = np.linalg.norm(data.x, axis=1), np.arctan2(data.x[:, 1], data.x[:, 0])
    turned = angle - 2 * np.pi * 1.5 * radius - np.pi * data.y
    np.testing.assert_allclose(np.cos(turned), 1, atol=1e-4)


def test_line_is_2_x_but_for_the_outliers_which_lie_5_higher():
    data = line(outliers=0.1, noise=0.0, samples=200, seed=3)
    rest = data.y - 2 * data.x[:, 0]
    np.testing.assert_allclose(np.sort(rest), [0] * 180 + [5] * 20, atol=1e-5)


@pytest.mark.parametrize("labels", [2, 5, 20])
def test_label_noise_turns_its_share_of_the_labels_around(labels):
    clean, noisy = (load_dataset("multilabel_synthetic", pairs(labels=labels, noise=noise)).y for noise in (0.0, 0.2))
    assert clean.shape == (2000, labels)
    assert (clean != noisy).mean() == pytest.approx(0.2, abs=0.02)


# --- thinning


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("12.5%", 0.125), (ORIGINAL, None)])
def test_share_is_read_as_percent_or_as_a_number(text, share):
    assert read_share(text) == (None if share is None else pytest.approx(share))


@settings(max_examples=200)
@given(st.text() | st.sampled_from(["0%", "100%", "0", "1", "nan", "nan%", "inf%", "-5%", "%", "5 %%", "as it was"]))
def test_any_text_is_a_share_between_0_and_1_or_one_sentence(text):
    refused = ""
    share = None
    try:
        share = read_share(text)
    except CutoffError as error:
        refused = str(error)
    wanted = "Expected `prevalence` to be original, or a fraction of positives such as 5% or 0.05"
    assert refused in ("", f"{wanted}, but got {text!r}.")
    assert share is None or 0 < share < 1


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from([name for name in REAL_BINARY if name != "shuttle"]), share=st.floats(0.002, 0.998))
def test_thinned_data_have_the_share_asked_for_within_half_a_row_and_only_rows_of_the_whole(name, share):
    whole = load_dataset(name)
    data = thinned(whole, repr(share))
    negatives, positives = data.counts
    assert (negatives == whole.counts[0]) or (positives == whole.counts[1])  # rows of one class only are left out
    if positives < whole.counts[1]:
        assert abs(positives - negatives * share / (1 - share)) <= 0.5
    if negatives < whole.counts[0]:
        assert abs(negatives - positives * (1 - share) / share) <= 0.5
    kept = {row.tobytes() for row in whole.x}
    assert all(row.tobytes() in kept for row in data.x)


def test_smaller_share_keeps_a_part_of_the_positives_of_a_larger_one():
    two, five = (load_dataset("breast_cancer", (("prevalence", share),)) for share in ("2%", "5%"))
    rows_of_two, rows_of_five = ({row.tobytes() for row in data.x} for data in (two, five))
    assert rows_of_two < rows_of_five
    assert five.counts.tolist() == [357, 19]


def test_data_as_it_is_is_the_whole():
    assert thinned(load_dataset("phishing"), ORIGINAL) is load_dataset("phishing")


def test_thinning_below_what_a_split_needs_is_refused_with_the_class_and_its_rows():
    with pytest.raises(CutoffError, match="but got 3 of class 'malignant'"):
        load_split("breast_cancer", (("prevalence", "0.8%"),))


# --- what a page shows of them


@pytest.mark.parametrize("name", DATASETS)
def test_preview_shows_a_few_rows_with_their_labels_by_name(name):
    data = load_dataset(name)
    table = preview(data, rows=6, columns=4)
    assert table.shape == (6, 1 + min(4, data.x.shape[1]))
    np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(np.float32), data.x[table.index, :4])
    assert list(table.iloc[:, 0]) == list(row_labels(data, table.index.to_numpy()))


@pytest.mark.parametrize("name", CLASSES)
def test_examples_are_different_rows_of_every_class_in_turn(name):
    data = load_dataset(name)
    classes = len(data.class_names)
    chosen = examples(data, 2 * classes)
    assert len(set(chosen)) == 2 * classes
    np.testing.assert_array_equal(data.y[chosen], np.tile(np.arange(classes), 2))


def test_labels_of_a_row_are_told_with_commas_and_none_by_that_word():
    data = Dataset("few", "multilabel", np.zeros((2, 1), np.float32), np.array([[1, 0, 1], [0, 0, 0]]), ("a", "b", "c"))
    assert row_labels(data, np.arange(2)) == ["a, c", "none"]


# --- splits


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("seed", [0, 1])
def test_split_is_a_partition_of_the_rows_in_the_shares_asked_for(name, seed):
    data, split = load_dataset(name), load_split(name, seed=seed)
    rows = np.concatenate(list(split.rows.values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(data.y)))
    for part, share in FRACTIONS.items():
        assert len(split.rows[part]) == pytest.approx(share * len(data.y), abs=1)
        np.testing.assert_array_equal(split.y[part], data.y[split.rows[part]])


@pytest.mark.parametrize("name", LABELS)
def test_split_of_labels_is_a_partition_that_keeps_the_share_of_every_label(name):
    data, split = load_dataset(name), load_split(name)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(split.rows.values()))), np.arange(len(data.y)))
    for part, share in FRACTIONS.items():
        assert len(split.rows[part]) == pytest.approx(share * len(data.y), rel=0.04)
        np.testing.assert_allclose(split.y[part].sum(0), share * data.counts, rtol=0.1, atol=3)


@pytest.mark.parametrize("name", VALUES)
def test_split_of_values_standardises_them_by_the_training_rows_and_gives_the_way_back(name):
    data, split = load_dataset(name), load_split(name)
    assert split.y["train"].mean() == pytest.approx(0, abs=1e-5)
    assert split.y["train"].std() == pytest.approx(1, abs=1e-5)
    for part, rows in split.rows.items():
        np.testing.assert_allclose(split.y[part] * split.scale + split.center, data.y[rows], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", CLASSES)
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
    monkeypatch.setattr(splits, "load_dataset", lambda *_: data)
    monkeypatch.setattr(splits, "train_test_split", lambda rows, **_: (rows[: len(rows) // 2], rows[len(rows) // 2 :]))
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


@pytest.mark.parametrize(
    "name", [name for name, spec in DATASETS.items() if "prevalence" in {p.name for p in spec.params}]
)
def test_what_is_said_of_data_gives_no_share_that_its_prevalence_could_contradict(name: str):
    assert not re.search(r"%|\bin (ten|twenty|a hundred|\d+)\b", DATASETS[name].about)
