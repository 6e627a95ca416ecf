"""The command line: its numbers are those of scikit-learn, and bad input is one sentence and status 2."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from core.__main__ import BAD_INPUT, main
from tests.conftest import ROOT
from tests.support.prediction_files import PredictionFile, predictions, random_file

RULES = {
    "f1": lambda y, p: sk.f1_score(y, p, zero_division=0),
    "f_beta --beta 3": lambda y, p: sk.fbeta_score(y, p, beta=3, zero_division=0),
    "youden": lambda y, p: 2 * sk.balanced_accuracy_score(y, p) - 1,
    "mcc": lambda y, p: sk.matthews_corrcoef(y, p),
    "accuracy": lambda y, p: sk.accuracy_score(y, p),
    "cost --false-positive 2 --false-negative 7": lambda y, p: -np.mean(2 * (p & (y == 0)) + 7 * (~p & (y == 1))),
    "precision --at-least 0.6": lambda y, p: (
        sk.recall_score(y, p) if sk.precision_score(y, p, zero_division=0) >= 0.6 else -1
    ),
    "recall --at-least 0.8": lambda y, p: (
        sk.precision_score(y, p, zero_division=0) if sk.recall_score(y, p) >= 0.8 else -1
    ),
    "top_percent --percent 10": lambda y, p: sk.recall_score(y, p) if p.mean() <= 0.1 else -1,
}


@pytest.fixture
def tuned(capfd: pytest.CaptureFixture[str]):
    """What `tune --json` prints."""

    def tuned(path: Path, options: str) -> dict[str, Any]:
        main(["tune", str(path), "--json", *options.split()])
        found: dict[str, Any] = json.loads(capfd.readouterr().out)
        return found

    return tuned


@pytest.fixture
def refusal(capfd: pytest.CaptureFixture[str]):
    """The sentence on stderr of a command that ends with status BAD_INPUT."""

    def refusal(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        shown = capfd.readouterr()
        assert (ended.value.code, shown.out) == (BAD_INPUT, "")
        assert shown.err.count("\n") == 1
        return shown.err.strip()

    return refusal


def predicted(file: PredictionFile, found: dict[str, Any]) -> np.ndarray:
    """The rows (N,) that the threshold predicts positive, as a user compares them."""
    return file.y_score >= (np.inf if found["above_all"] else found["threshold"])


@pytest.mark.parametrize("seed", range(10))
def test_thresholds_of_random_files_are_the_best_by_scikit_learn(tmp_path: Path, tuned, seed: int):
    file = random_file(tmp_path, seed)
    rules = dict(list(RULES.items())[seed % 3 :: 3]) | {"f1": RULES["f1"]}
    for rule, value in rules.items():
        found = tuned(file.path, f"--rule {rule}")
        y, p = file.y_true, predicted(file, found)
        candidates = [*np.unique(file.y_score), np.inf]
        values = {t: value(y, file.y_score >= t) for t in candidates}
        assert value(y, p) == pytest.approx(max(values.values()))
        assert abs(found["value"]) == pytest.approx(abs(value(y, p)))
        tn, fp, fn, tp = sk.confusion_matrix(y, p).ravel()
        assert [found[name] for name in ("tp", "fp", "fn", "tn")] == [tp, fp, fn, tn]
        if p.any():
            assert found["precision"] == pytest.approx(sk.precision_score(y, p))
        assert found["recall"] == pytest.approx(sk.recall_score(y, p))
        assert found["f1"] == pytest.approx(sk.f1_score(y, p, zero_division=0))
        low, high = found["interval"]
        assert low <= found["estimate"] <= high


@pytest.mark.parametrize("seed", range(10))
def test_a_curve_is_that_of_scikit_learn(tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int):
    file = random_file(tmp_path, seed)
    main(["curve", str(file.path)])
    shown = pd.read_csv(io.StringIO(capfd.readouterr().out), dtype={"threshold": file.y_score.dtype})
    precision, recall, thresholds = sk.precision_recall_curve(file.y_true, file.y_score)
    np.testing.assert_array_equal(shown["threshold"], [np.inf, *thresholds[::-1]])
    np.testing.assert_allclose(shown["precision"][1:], precision[:-1][::-1])
    np.testing.assert_allclose(shown["recall"], recall[::-1])
    assert np.isnan(shown["precision"][0])
    np.testing.assert_array_equal(shown[["tp", "fp", "fn", "tn"]].sum(axis=1), len(file.y_true))


def test_with_a_split_it_is_tuned_on_validation_and_evaluated_on_test(tmp_path: Path, tuned):
    frame = predictions(2000, seed=1)
    frame["split"] = np.resize(["validation", "validation", "test", "train"], len(frame))
    frame.to_parquet(tmp_path / "all.parquet")
    frame[frame["split"] == "validation"].drop(columns="split").to_parquet(tmp_path / "validation.parquet")
    found = tuned(tmp_path / "all.parquet", "--rule f1")
    alone = tuned(tmp_path / "validation.parquet", "--rule f1")
    assert found["threshold"] == alone["threshold"]
    assert (found["part"], alone["part"]) == ("validation", "all")
    assert "test" not in alone
    test, rows = found["test"], frame[frame["split"] == "test"]
    assert test.keys() <= found.keys()
    assert test["f1"] == pytest.approx(sk.f1_score(rows["y_true"], rows["y_score"] >= found["threshold"]))
    assert test["interval"][0] <= test["value"] <= test["interval"][1]
    everything = tuned(tmp_path / "all.parquet", "--rule f1 --split-column=")
    assert everything["rows"] == len(frame)


def test_weights_count_as_in_scikit_learn(tmp_path: Path, tuned):
    frame = predictions(500, seed=2)
    frame["w"] = np.random.default_rng(0).integers(1, 5, len(frame)) / 2
    frame.to_csv(tmp_path / "weighted.csv", index=False)
    found = tuned(tmp_path / "weighted.csv", "--rule f1 --weight-column w")
    of_one = tuned(tmp_path / "weighted.csv", "--rule f1 --weight-column=")
    p = frame["y_score"] >= found["threshold"]
    assert found["f1"] == pytest.approx(sk.f1_score(frame["y_true"], p, sample_weight=frame["w"]))
    assert of_one["f1"] == pytest.approx(sk.f1_score(frame["y_true"], frame["y_score"] >= of_one["threshold"]))


def test_above_every_score_is_no_number(tmp_path: Path, tuned):
    pd.DataFrame({"y_true": [0, 1] + 8 * [0], "y_score": np.linspace(1, 0, 10)}).to_csv(tmp_path / "a.csv")
    found = tuned(tmp_path / "a.csv", "--rule accuracy --y-score y_score")
    assert (found["threshold"], found["above_all"], found["precision"], found["tp"]) == (None, True, None, 0)


def test_the_positive_class_is_asked_for_where_it_can_be_mistaken(tmp_path: Path, tuned, refusal):
    frame = predictions(500, seed=4)
    named = frame.assign(y_true=np.where(frame["y_true"] == 1, "fraud", "ok"))
    frame.to_csv(tmp_path / "numbers.csv", index=False)
    named.to_csv(tmp_path / "names.csv", index=False)
    sentence = refusal("tune", str(tmp_path / "names.csv"), "--rule", "f1")
    assert "--positive" in sentence
    assert "fraud, ok" in sentence
    same = tuned(tmp_path / "numbers.csv", "--rule f1")
    other = tuned(tmp_path / "names.csv", "--rule f1 --positive fraud")
    assert same["threshold"] == other["threshold"]
    assert other["class_name"] == "fraud"


def test_a_class_or_label_has_a_threshold_of_its_own(tmp_path: Path, tuned, refusal):
    generator = np.random.default_rng(0)
    q = generator.dirichlet([1, 1, 1], 600)
    classes = np.array(["cat", "dog", "owl"])
    y = classes[[generator.choice(3, p=row) for row in q]]
    frame = pd.DataFrame({"y_true": y} | {f"score {name}": q[:, at] for at, name in enumerate(classes)})
    frame.to_csv(tmp_path / "classes.csv", index=False)
    assert "cat, dog, owl: each has a threshold of its own (--class)." in refusal(
        "tune", str(tmp_path / "classes.csv"), "--rule", "f1"
    )
    assert "bee is none of the classes" in refusal("curve", str(tmp_path / "classes.csv"), "--class", "bee")
    found = tuned(tmp_path / "classes.csv", "--rule f1 --class dog")
    p = frame["score dog"] >= found["threshold"]
    assert found["f1"] == pytest.approx(sk.f1_score(y == "dog", p))
    values = [sk.f1_score(y == "dog", frame["score dog"] >= t) for t in frame["score dog"]]
    assert found["f1"] == pytest.approx(max(values))


BAD = {
    "--rule f1 --at-least 0.9": "The rule f1 has no parameter at_least; it has none.",
    "--rule precision --at-least 1.5": "Invalid value for '--at-least': 1.5 is not in the range 0.0<=x<=1.0.",
    "--rule precision --at-least nan": "Expected at_least to be a number from 0 to 1, but got nan.",
    "--rule top_rows --rows 1.5": "Expected rows to be a whole number from 0 to 1000000000, but got 1.5.",
    "--rule cost --false-positive 0 --false-negative 0": "Correct and wrong predictions have the same payoff",
    "--rule best": "'best' is not one of 'fixed', 'f1'",
    "": "Missing option '--rule'",
    "--rule f1 --positive yes": "y_true never is yes; its values are 0, 1 (--positive).",
    "--rule f1 --y-score logit": "The file has no column logit; it has y_true, y_score.",
    "--rule f1 --weight-column w": "The file has no column w",
    "--rule f1 --scale percent --class 0": "0 is none of the classes 1",
    "--rule f1 --trained-weight 0": "Expected the weight in training to be above 0, but got 0.",
    "--rule f1 --colour": "No such option '--colour'.",
}


@pytest.mark.parametrize("options", BAD)
def test_bad_options_are_refused_in_a_sentence(tmp_path: Path, refusal, options: str):
    predictions(100, seed=2).to_csv(tmp_path / "good.csv", index=False)
    assert BAD[options] in refusal("tune", str(tmp_path / "good.csv"), *options.split())


def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, refusal):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "words.csv").write_text("a,b\nx,y\n")
    holed = predictions(100, seed=2)
    holed.loc[3, "y_score"] = np.nan
    holed.to_csv(tmp_path / "holed.csv", index=False)
    for name in ("empty.csv", "words.csv", "none.csv"):
        assert refusal("tune", str(tmp_path / name), "--rule", "f1")
    assert "does not exist" in refusal("curve", str(tmp_path / "none.csv"))
    sentence = refusal("tune", str(tmp_path / "holed.csv"), "--rule", "f1")
    assert sentence == "Of 100 rows there is 1 with a missing or infinite score; --leave-out leaves these rows out."


def test_rows_without_a_score_are_left_out_if_that_is_chosen(tmp_path: Path, tuned):
    holed = predictions(100, seed=2)
    holed.loc[3, "y_score"] = np.nan
    holed.to_csv(tmp_path / "holed.csv", index=False)
    found = tuned(tmp_path / "holed.csv", "--rule f1 --leave-out")
    assert found["rows"] == 99
    assert any("1 row left out" in note for note in found["notes"])


def test_logits_are_taken_as_logits_with_a_note(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    frame = predictions(400, seed=2)
    frame["y_score"] = np.log(frame["y_score"] / (1 - frame["y_score"])).clip(-9, 9)
    frame.to_csv(tmp_path / "logits.csv", index=False)
    main(["tune", str(tmp_path / "logits.csv"), "--rule", "f1"])
    shown = capfd.readouterr()
    assert "Note: The scores were taken as logits." in shown.err.splitlines()
    assert shown.out.startswith("F1 is ")


def test_scores_of_the_other_class_are_noted(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    frame = predictions(400, seed=2)
    frame.assign(y_score=1 - frame["y_score"]).to_csv(tmp_path / "turned.csv", index=False)
    main(["tune", str(tmp_path / "turned.csv"), "--rule", "f1"])
    assert "--opposite" in capfd.readouterr().err
    main(["tune", str(tmp_path / "turned.csv"), "--rule", "f1", "--opposite"])
    assert "--opposite" not in capfd.readouterr().err


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "core", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_the_module_is_a_command(tmp_path: Path):
    path = tmp_path / "good.csv"
    predictions(3000, seed=2).to_csv(path, index=False)
    ended = command("tune", str(path), "--rule", "best")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (BAD_INPUT, "", 1)
    assert command("--help").returncode == 0
    script = f"{sys.executable} -m core curve {path} | head -2"
    piped = subprocess.run(script, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert piped.stdout.startswith("threshold,tp,fp,fn,tn,precision,recall,false_positive_rate,f1\ninf,0,0,")
    assert "Traceback" not in piped.stderr
