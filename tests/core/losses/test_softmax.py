"""Softmax over the last dimension against torch's own: values and gradients."""

from __future__ import annotations

import pytest
import torch

from core.losses.softmax import log_softmax, softmax


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2,), (5, 1), (3, 7, 10), (0, 4)])
def test_equals_torch_over_the_last_dimension(shape, dtype):
    z = (100 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(dtype)
    tolerance = {"rtol": 0.016, "atol": 4e-3} if dtype == torch.bfloat16 else {"rtol": 1e-6, "atol": 1e-7}
    torch.testing.assert_close(softmax(z), torch.softmax(z, -1), **tolerance)
    torch.testing.assert_close(log_softmax(z), torch.log_softmax(z, -1), **tolerance)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_gradient_is_right(function):
    z = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    assert torch.autograd.gradcheck(function, (z,))
