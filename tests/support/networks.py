"""Networks: what several test files share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models import StackedNet


def network(model: StackedNet, run: int) -> nn.Sequential:
    """Run `run` of the stack as the torch network that it stands for, rows of pixels in."""
    image = model.shape.image if model.hidden else None
    modules: list[nn.Module] = [nn.Unflatten(1, (1, *image))] if image else []
    for depth, layer in enumerate(model.hidden):
        fan_in, fan_out = layer.weight[run].shape
        hidden = nn.Conv2d(fan_in // 9, fan_out, 3, stride=2, padding=1) if image else nn.Linear(fan_in, fan_out)
        hidden.load_state_dict({"weight": layer.weight[run].T.reshape(hidden.weight.shape), "bias": layer.bias[run, 0]})
        modules.append(hidden)
        if model.norms:
            norm, ours = (nn.BatchNorm2d if image else nn.BatchNorm1d)(fan_out), model.norms[depth]
            norm.load_state_dict(
                {"weight": ours.weight[run], "bias": ours.bias[run]}
                | {"running_mean": ours.mean[run], "running_var": ours.variance[run]},
                strict=False,
            )
            modules.append(norm)
        modules.append(nn.ReLU())
    if image:
        modules.append(nn.Flatten())
    (last,) = [layer for layer in model.last if layer.rows.start <= run < layer.rows.stop]
    linear = nn.Linear(*last.weight.shape[1:])
    at = run - last.rows.start
    linear.load_state_dict({"weight": last.weight[at].T, "bias": last.bias[at, 0]})
    return nn.Sequential(*modules, linear)


def flat(net: nn.Module, gradients: bool = False) -> Tensor:
    """Parameters of a torch network, or their gradients, in the order of the stack's flat buffer: each output's weights
    and bias."""
    tensors = [p.grad if gradients else p.detach() for p in net.parameters()]
    pairs = zip(tensors[::2], tensors[1::2], strict=True)
    return torch.cat(
        [torch.cat([w.flatten(1), b[:, None]], 1).flatten() if w.ndim > 1 else torch.cat([w, b]) for w, b in pairs]
    )
