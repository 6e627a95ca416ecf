"""Rows laid side by side for a stack: what is gathered is what numpy would choose, in every form of the labels."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.training.batches import Rows, rows_of

COUNT, FEATURES = 7, 3
X = torch.arange(COUNT * FEATURES, dtype=torch.float32).view(COUNT, FEATURES)
LABELS = torch.tensor([0, 1, 2, 2, 1, 0, 1])
ONE, THREE = (LABELS == 1).float()[:, None], torch.nn.functional.one_hot(LABELS).float()


def room(rows: Rows, count: int) -> Rows:
    return rows.map(lambda of: of.new_empty(count, *of.shape[1:]))


def test_features_a_one_and_each_form_of_the_labels_stand_side_by_side():
    rows = rows_of(X, [THREE, ONE], LABELS)
    assert rows.numbers.shape == (COUNT, FEATURES + 1 + 3 + 1)
    torch.testing.assert_close(rows.x, torch.cat([X, torch.ones(COUNT, 1)], 1), rtol=0, atol=0)
    for outputs, expected in ((1, ONE), (3, THREE), (0, LABELS)):
        torch.testing.assert_close(rows.targets(outputs), expected, rtol=0, atol=0)


def test_without_targets_there_are_features_and_a_one_alone():
    rows = rows_of(X)
    assert rows.labels is None
    assert rows.x.shape == rows.numbers.shape == (COUNT, FEATURES + 1)


@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=20), st.booleans())
def test_gathered_rows_are_those_chosen(chosen: list[int], with_labels: bool):
    rows = rows_of(X, [ONE, THREE], LABELS if with_labels else None)
    out = room(rows, len(chosen))
    rows.gather(torch.tensor(chosen, dtype=torch.int32), out)
    of_all: list[Tensor] = [rows.x, rows.targets(1), rows.targets(3)]
    of_some: list[Tensor] = [out.x, out.targets(1), out.targets(3)]
    if with_labels:
        of_all.append(rows.targets(0))
        of_some.append(out.targets(0))
    for everything, some in zip(of_all, of_some, strict=True):
        np.testing.assert_array_equal(some.numpy(), everything.numpy()[chosen])
