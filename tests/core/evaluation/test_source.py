from __future__ import annotations

import threading

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from core.data import load_dataset
from core.errors import CutoffError
from core.evaluation import METRICS, ScoreIndex
from core.evaluation.source import (
    About,
    ArraySource,
    Predictions,
    RowColumns,
    ScoreSource,
    held_out,
    new_id,
    tuned_on,
)
from tests.support.sources import a_run, as_arrays, binary, margins


def test_parts_classes_and_task_are_those_of_the_scores():
    validation, test = binary(), binary(100, 1)
    source = ArraySource({"validation": validation, "test": test})
    assert (source.task, source.class_names, source.parts) == ("binary", ("no", "yes"), ("validation", "test"))
    assert source.scores("validation") is validation
    assert source.scores("test") is test
    np.testing.assert_array_equal(source.rows("test"), np.arange(100))
    assert source.config is None
    columns = source.row_columns("test")
    assert (columns.weight, columns.groups, columns.features, columns.feature_names) == (None, {}, None, ())


def test_what_is_not_there_is_refused_in_a_sentence():
    source = ArraySource({"validation": binary()})
    for ask in (source.scores, source.rows, source.row_columns, lambda part: source.index(part, 0)):
        with pytest.raises(CutoffError, match="no scores for the test rows"):
            ask("test")
    with pytest.raises(CutoffError, match="regression"):
        source.predictions("validation")
    with pytest.raises(CutoffError, match="`column`"):
        source.index("validation", 1)


def test_a_regression_has_predictions_and_no_scores():
    given = Predictions(np.array([1.0, 2.0]), np.array([1.5, 1.5]))
    source = ArraySource({"test": given})
    assert (source.task, source.class_names) == ("regression", ())
    assert source.predictions("test") is given
    for ask in (source.scores, lambda part: source.index(part, 0)):
        with pytest.raises(CutoffError, match="regression"):
            ask("test")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: ArraySource({}), "at least one part"),
        (lambda: ArraySource({"validation": binary(), "test": margins("multiclass")}), "same task"),
        (lambda: ArraySource({"validation": binary()}, {"test": RowColumns()}), "no scores for the test rows"),
        (lambda: ArraySource({"test": binary(5)}, {"test": RowColumns(weight=np.ones(4))}), "`weight` .* length 5"),
        (
            lambda: ArraySource({"test": binary(5)}, {"test": RowColumns(groups={"group": np.zeros(6)})}),
            "`group` .* length 5",
        ),
        (lambda: ArraySource({"test": binary(5)}, places={"test": np.arange(3)}), "`places` .* length 5"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(build, said: str):
    with pytest.raises(CutoffError, match=said):
        build()


def test_an_id_cannot_be_guessed():
    names = {new_id() for _ in range(100)}
    assert len(names) == 100
    assert all(len(bytes.fromhex(name)) == 16 for name in names)
    assert ArraySource({"test": binary()}).id != ArraySource({"test": binary()}).id


# --- the index


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_index_counts_as_scikit_learn(task: str):
    scores = margins(task)
    source = ArraySource({"test": scores})
    assert not scores.are_probabilities
    for column in range(scores.n_columns):
        view = scores.view(column)
        for threshold in (-2.0, 0.0, float(view.score[7])):
            counts = source.index("test", column).counts(threshold)
            expected = confusion_matrix(view.y, view.score >= threshold)
            assert (counts.tn, counts.fp, counts.fn, counts.tp) == tuple(expected.ravel())


def test_index_weighs_rows_as_scikit_learn():
    scores = binary()
    weight = np.random.default_rng(5).random(scores.n_rows)
    source = ArraySource({"test": scores}, {"test": RowColumns(weight=weight)})
    view = scores.view()
    counts = source.index("test", 0).counts(0.45)
    expected = confusion_matrix(view.y, view.score >= np.float32(0.45), sample_weight=weight)
    np.testing.assert_allclose([counts.tn, counts.fp, counts.fn, counts.tp], expected.ravel())


def test_index_is_built_once_for_a_version():
    first = ArraySource({"test": binary()}, id=new_id(), version=1)
    again = ArraySource({"test": binary()}, id=first.id, version=1)
    changed = ArraySource({"test": binary(seed=3)}, id=first.id, version=2)
    index = first.index("test", 0)
    assert first.index("test", 0) is index
    assert again.index("test", 0) is index
    assert changed.index("test", 0) is not index
    view = changed.scores("test").view()
    expected = ScoreIndex.of(view.y, view.score).counts(0.5)
    assert changed.index("test", 0).counts(0.5).tp == expected.tp


def test_sources_of_other_ids_do_not_share_an_index():
    one, other = ArraySource({"test": binary()}), ArraySource({"test": binary(seed=3)})
    assert one.version == other.version
    assert one.index("test", 0) is not other.index("test", 0)


def test_all_threads_get_one_index():
    source = ArraySource({"test": binary(20_000)})
    found: list[ScoreIndex] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        found.append(source.index("test", 0))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(index) for index in found}) == 1


# --- a run as a source


@pytest.mark.parametrize(
    ("dataset", "head", "loss"),
    [
        ("gaussians", "sigmoid", "bce"),
        ("iris", "softmax", "cross_entropy"),
        ("yeast", "sigmoids", "bce"),
    ],
)
def test_a_run_and_its_arrays_give_equal_numbers(dataset: str, head: str, loss: str):
    run = a_run(dataset, head, loss)
    arrays = as_arrays(run)
    assert run.config is not None
    assert arrays.config is None

    def numbers(source: ScoreSource) -> dict[tuple[str, int, str], float]:
        """What a panel shows: every metric of each column of each part."""
        return {
            (part, column, name): float(metric(source.index(part, column).counts(0.4)))
            for part in source.parts
            for column in range(source.scores(part).n_columns)
            for name, metric in METRICS.items()
        }

    assert numbers(run) == pytest.approx(numbers(arrays), nan_ok=True, abs=0)
    assert (run.task, run.class_names, run.parts) == (arrays.task, arrays.class_names, arrays.parts)


def test_the_version_of_a_run_is_its_epoch():
    run = a_run(epoch=3)
    assert run.version == 3
    assert run.about == About(f"{run.about.label}", "finished, scores after epoch 3", final=True)
    data = load_dataset("gaussians")
    columns = run.row_columns("test")
    np.testing.assert_array_equal(columns.features, data.x[run.rows("test")])
    assert columns.feature_names == data.feature_names


def test_a_kept_epoch_is_a_source_of_its_own():
    run = a_run(epoch=3)
    early = run.at(1)
    assert early.parts == ("validation", "test")
    assert early.config == run.config
    for part in early.parts:
        np.testing.assert_array_equal(early.scores(part).y_score, run.kept[1].outputs[part])
        np.testing.assert_array_equal(early.scores(part).y_true, run.scores(part).y_true)
    assert len({run.id, early.id, run.at(2).id}) == 3
    with pytest.raises(CutoffError, match="epoch 9 are not kept"):
        run.at(9)


def test_a_kept_epoch_of_a_regression_has_predictions():
    run = a_run("line", "identity", "mse")
    with pytest.raises(CutoffError, match="regression"):
        run.scores("validation")
    for one, other in zip(run.at(3).predictions("validation"), run.predictions("validation"), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(CutoffError, match="Only a regression"):
        a_run().predictions("validation")


@pytest.mark.parametrize(
    ("parts", "tuned", "other"),
    [
        (("validation", "test"), "validation", "test"),
        (("test", "validation"), "validation", "test"),
        (("test",), "test", None),
        (("june", "july"), "june", "july"),
    ],
)
def test_thresholds_are_tuned_on_validation_or_on_the_only_part(parts, tuned, other):
    source = ArraySource(dict.fromkeys(parts, binary()))
    assert (tuned_on(source), held_out(source)) == (tuned, other)
