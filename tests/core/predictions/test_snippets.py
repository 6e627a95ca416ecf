"""The code that writes predictions: each part runs, and its file opens without a question."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression

from core.data.tables import read_table
from core.evaluation.scores import Scores
from core.evaluation.source import About
from core.predictions import ALL, guess, open_predictions
from core.predictions.snippets import FILE, SNIPPETS

TRAIN = {
    "scikit_learn": """
from sklearn.datasets import load_{data}
from sklearn.linear_model import LogisticRegression
X, y = load_{data}(return_X_y=True)
X_test, y_test = X[1::2], y[1::2]
model = LogisticRegression(max_iter=10_000).fit(X[::2], y[::2])
""",
    "pytorch": """
import torch
from sklearn.datasets import load_{data}
X, y = load_{data}(return_X_y=True)
torch.manual_seed(0)
X_test, y_test = torch.tensor(X[1::2], dtype=torch.float32), torch.tensor(y[1::2])
model = torch.nn.Sequential(torch.nn.BatchNorm1d(X.shape[1]), torch.nn.Linear(X.shape[1], {outputs}))
optimizer = torch.optim.Adam(model.parameters(), 0.1)
for _ in range(200):
    optimizer.zero_grad()
    z, target = model(torch.tensor(X[::2], dtype=torch.float32)), torch.tensor(y[::2])
    {loss}.backward()
    optimizer.step()
""",
}


def written(folder: Path, library: str, data: str) -> Scores:
    """The scores in the file that a snippet writes for a model of this data."""
    snippet = SNIPPETS[library]
    two = data == "breast_cancer"
    loss = "binary_cross_entropy_with_logits(z[:, 0], target.float())" if two else "cross_entropy(z, target)"
    code = TRAIN[library].format(data=data, outputs=1 if two else 3, loss=f"torch.nn.functional.{loss}")
    code += snippet.two_classes if two else snippet.several_classes
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    table = read_table(folder / FILE)
    found = guess(table)
    assert found.questions == ()
    return open_predictions(table, found.roles, About("", "")).source.scores(ALL)


@pytest.mark.parametrize("library", TRAIN)
@pytest.mark.parametrize(("data", "load"), [("breast_cancer", load_breast_cancer), ("wine", load_wine)])
def test_the_file_holds_labels_and_probabilities(library: str, data: str, load, tmp_path: Path):
    X, y = load(return_X_y=True)
    scores = written(tmp_path, library, data)
    np.testing.assert_array_equal(scores.y_true, y[1::2])
    assert scores.are_probabilities
    assert (scores.view(0).y == (scores.view(0).score >= 0.5)).mean() > 0.9
    if library == "scikit_learn":
        p = LogisticRegression(max_iter=10_000).fit(X[::2], y[::2]).predict_proba(X[1::2])
        np.testing.assert_allclose(scores.y_score, p[:, 1:] if data == "breast_cancer" else p)


@pytest.mark.parametrize("library", SNIPPETS)
def test_each_is_three_lines_of_python(library: str):
    for code in SNIPPETS[library][1:]:
        assert len(code.splitlines()) == 3
        assert FILE in code
        compile(code, library, "exec")
