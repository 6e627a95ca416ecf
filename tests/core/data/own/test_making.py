"""A table as a data set: encoded as scikit-learn does, fitted on training rows, split and kept like any other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from core.data import Dataset, dataset_spec, drop_table, keep_table, load_dataset, load_split, preview
from core.data.own import KeptTables, Target, likely_target, make_dataset, spec_of, target_of
from core.data.tables import Table
from core.errors import CutoffError
from core.evaluation.threshold import Domain
from core.experiment import compatibility, links
from core.experiment.config import RunConfig
from core.experiment.fitting import with_choices
from core.export.pytorch import pytorch_code
from core.export.record import threshold_record
from core.training.engine import train
from core.training.runs import Run
from tests.support.tables import churn, table_of

LEFT_OUT = ("customer", "country", "remark", "refund")


@pytest.fixture
def kept() -> Iterator[str]:
    name = keep_table(churn(), likely_target(churn()), LEFT_OUT, "churn.csv: churn")
    yield name
    drop_table(name)


def frame(table: Table) -> pd.DataFrame:
    return table.columns.to_pandas()


def test_features_are_those_of_transformers_fitted_on_training_rows(kept: str):
    split, rows = load_split(kept), frame(churn())
    train = rows.iloc[split.rows["train"]]
    days = (rows["joined"] - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    numbers = pd.DataFrame({"age": rows["age"].fillna(train["age"].median()), "joined": days})
    numbers["missing"] = rows["age"].isna()
    scaled = StandardScaler().fit(numbers.iloc[split.rows["train"]])
    regions = OneHotEncoder(sparse_output=False).fit(train[["region"]])
    for part, chosen in split.rows.items():
        expected = np.hstack([scaled.transform(numbers.iloc[chosen]), regions.transform(rows.iloc[chosen][["region"]])])
        np.testing.assert_allclose(split.x[part], expected, atol=1e-6)
        np.testing.assert_array_equal(split.y[part], rows["churn"].iloc[chosen] == "yes")


def test_rows_that_are_not_trained_on_change_nothing_that_is(kept: str):
    split, rows = load_split(kept), frame(churn())
    rows["region"] = rows["region"].astype(object)
    rows.loc[split.rows["test"], "age"] = 1e9
    rows.loc[split.rows["validation"], "region"] = "mars"
    other = Table(pa.Table.from_pandas(rows, preserve_index=False))
    name = keep_table(table_of(**rows), likely_target(other), LEFT_OUT, "changed")
    try:
        np.testing.assert_array_equal(load_split(name).x["train"], split.x["train"])
        assert (load_split(name).x["validation"][:, -3:] == 0).all()  # a category that training rows lack
    finally:
        drop_table(name)


def test_splits_are_stratified(kept: str):
    split = load_split(kept)
    assert {part: len(y) for part, y in split.y.items()} == {"train": 200, "validation": 100, "test": 100}
    assert {part: y.mean() for part, y in split.y.items()} == dict.fromkeys(split.y, 0.25)
    assert not set(split.rows["train"]) & set(split.rows["test"])


def test_a_rare_category_shares_a_feature(kept: str):
    letters = [chr(97 + at % 26) for at in range(400)]
    name = keep_table(table_of(x=letters, y=[0, 1] * 200), Target(("y",), "binary", "1"), (), "letters")
    x = load_split(name).x["train"]
    assert x.shape == (200, 20)
    assert (x.sum(axis=1) == 1).all()
    drop_table(name)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_every_task_trains(task: str):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200)
    columns = {
        "binary": {"y": np.where(x > 0, "yes", "no")},
        "multiclass": {"y": np.digitize(x, [-0.5, 0.5])},
        "multilabel": {"a": x > 0, "b": x < 0.5},
        "regression": {"y": 100 + 3 * x},
    }[task]
    table = table_of(x=x + 0.5 * rng.standard_normal(200), **columns)
    name = keep_table(table, target_of(table, tuple(columns)), (), task)
    try:
        config, _ = with_choices(RunConfig(), dataset=name)
        compatibility.check(config)
        assert dataset_spec(name).task == task
        *_, last = train([config.model_copy(update={"epochs": 3})])
        assert last.finite.all()
    finally:
        drop_table(name)


def trained(name: str) -> Run:
    config = compatibility.check(with_choices(RunConfig(), dataset=name, epochs=1)[0])
    *_, last = train([config])
    return Run("r", config, "finished", outputs={"validation": last.validation[0], "test": last.test[0]})


def test_a_run_shows_the_rows_of_the_file(kept: str):
    run, rows = trained(kept), frame(churn())
    shown = run.row_columns("test")
    assert list(shown.others) == list(rows)
    at = np.array([3, 0])
    for name in ("customer", "region", "refund"):
        assert shown.others[name][at].tolist() == rows[name].iloc[run.rows("test")[at]].tolist()


def test_exported_code_has_as_many_inputs_as_features(kept: str):
    run = trained(kept)
    assert load_split(kept).x["train"].shape[1] == 6
    threshold = Domain.of(run.scores("validation")).found(0.5, "f1", "validation")
    assert "nn.Linear(6, 1)" in pytorch_code(threshold_record(run, [threshold], True, "argmax", {}))


def test_fewer_positives_keep_their_rows(kept: str):
    thin = load_dataset(kept, (("prevalence", "10%"),))
    assert thin.table is not None
    assert thin.counts[1] / len(thin.y) == pytest.approx(0.1, abs=0.01)
    np.testing.assert_array_equal(thin.table.columns["churn"].to_pandas() == "yes", thin.y == 1)


def test_a_preview_shows_the_columns_as_the_file_has_them(kept: str):
    shown = preview(load_dataset(kept))
    assert list(shown) == ["churn", "age", "region", "joined"]
    assert set(shown["region"]) <= {"north", "south", "east"}


# --- limits


def test_a_table_that_is_too_wide_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.data.own.making.MOST_VALUES", 1_000)
    with pytest.raises(
        CutoffError, match=r"^Encoded, the table has 400 rows x 6 features; the limit is 1,000 values\."
    ):
        make_dataset(churn(), likely_target(churn()), LEFT_OUT)


@pytest.mark.parametrize(
    ("target", "left_out", "sentence"),
    [
        (Target(("nope",), "binary", "1"), (), "The table has no column nope"),
        (Target(("y",), "binary", "1"), ("x",), "No column is left to learn from."),
    ],
)
def test_what_can_not_be_made_is_said(target: Target, left_out: tuple[str, ...], sentence: str):
    with pytest.raises(CutoffError, match=sentence):
        make_dataset(table_of(x=range(20), y=[0, 1] * 10), target, left_out)


def test_a_table_that_can_not_be_split_is_not_kept():
    with pytest.raises(CutoffError, match="Expected every class to have at least 4 rows"):
        keep_table(table_of(x=range(20), y=[1, 1, *[0] * 18]), Target(("y",), "binary", "1"), (), "rare")


COLUMN = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=24, max_size=24),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=24, max_size=24),
    st.lists(st.one_of(st.none(), st.datetimes()), min_size=24, max_size=24),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=24, max_size=24),
)


@settings(max_examples=150)
@given(st.lists(COLUMN, min_size=1, max_size=3), COLUMN)
def test_any_table_trains_or_is_refused_in_a_sentence(columns: list[list[object]], y: list[object]):
    objects = {f"x{at}": pd.Series(values, dtype=object) for at, values in enumerate(columns)}
    try:
        table = table_of(**objects, y=pd.Series(y, dtype=object))
        name = keep_table(table, target_of(table, ("y",)), (), "any")
    except CutoffError:
        return
    try:
        split = load_split(name)
        assert all(np.isfinite(values).all() for values in (*split.x.values(), *split.y.values()))
    finally:
        drop_table(name)


# --- how long tables are kept


def data_of(name: str) -> Dataset:
    return make_dataset(churn(), likely_target(churn()), LEFT_OUT, name)


def test_a_table_goes_when_nobody_has_looked_for_a_while():
    clock = iter((0, 50, 100, 159, 161)).__next__
    tables, data = KeptTables(60, 1 << 30, clock), data_of("table:a")
    tables.add(spec_of(data, "a", ""), data)
    for _ in range(2):
        assert tables.get("table:a").label == "a"  # which counts as looking
    assert not tables.sweep()
    assert tables.sweep()
    with pytest.raises(CutoffError, match=r"^This table is no longer kept here\. Open the file again\.$"):
        tables.get("table:a")


def test_the_table_that_was_looked_at_longest_ago_makes_room():
    data = data_of("table:a")
    size = data.x.nbytes + data.y.nbytes + churn().columns.nbytes
    tables = KeptTables(60, 2 * size)
    for name in ("table:a", "table:b"):
        tables.add(spec_of(data_of(name), name, ""), data_of(name))
    tables.get("table:a")
    tables.add(spec_of(data_of("table:c"), "c", ""), data_of("table:c"))
    for name in ("table:a", "table:c"):
        tables.get(name)
    with pytest.raises(CutoffError):
        tables.get("table:b")


def test_what_was_made_of_a_table_goes_with_it(kept: str):
    load_split(kept)
    drop_table(kept)
    for load in (dataset_spec, load_dataset, load_split):
        with pytest.raises(CutoffError, match="no longer kept here"):
            load(kept)


def test_a_link_holds_the_name_and_says_in_one_sentence_that_it_is_gone(kept: str):
    config = with_choices(RunConfig(), dataset=kept, lr=0.01)[0]
    query = links.to_query(config)
    assert links.from_query(query) == (config, [])
    drop_table(kept)
    assert links.from_query(query | {"head": "softmax_k", "loss.gamma": "3"}) == (
        RunConfig(),
        ["This table is no longer kept here. Open the file again."],
    )
