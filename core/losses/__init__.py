"""Losses: unreduced functions of a network's outputs and the labels, one file per family.

Only `core.losses.objective` reduces them.
"""

from __future__ import annotations

import numpy as np
import torch

from core.losses.cross_entropy import CROSS_ENTROPIES
from core.losses.imbalance import IMBALANCE
from core.losses.margins import MARGINS
from core.losses.spec import OVER_OUTPUTS, Counts, LossSpec, Params, over_outputs
from core.losses.squares import SQUARES
from core.losses.thresholded import THRESHOLDED
from core.parameters import Param, Value

LOSSES: dict[str, LossSpec] = CROSS_ENTROPIES | IMBALANCE | MARGINS | SQUARES | THRESHOLDED


def params_of(name: str, several: bool) -> tuple[Param, ...]:
    """The parameters of a loss; for a head with several outputs, also its per-output parameters and the reduction."""
    spec = LOSSES[name]
    if not several or spec.of == "row":
        return spec.params
    return (*spec.params, *spec.class_params, OVER_OUTPUTS)


def loss_tensors(
    name: str,
    runs: list[dict[str, Value]],
    counts: Counts,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> Params:
    """The parameters of R runs with the same loss, as tensors.

    Parameters
    ----------
    name : key in LOSSES.
    runs : the chosen parameters of each run; the others have their defaults.
    counts : counts of the training labels, with an entry for each of the head's K outputs.
    device, dtype : of the tensors.

    Returns
    -------
    tensors : (R, 1, 1) by parameter, or (R, 1, K) for a parameter with one value per output.

    Raises
    ------
    CutoffError
        If a value is out of range.
    """
    tensors = {}
    for param in params_of(name, len(counts.positives) > 1):
        read = over_outputs if param is OVER_OUTPUTS else LOSSES[name].read.get(param.name)
        values = [param.check(run.get(param.name, param.default)) for run in runs]
        rows = [read(str(value), counts) if read else np.array([float(value)]) for value in values]
        tensors[param.name] = torch.tensor(np.array(rows), dtype=dtype, device=device).unsqueeze(1)
    return tensors


__all__ = ["LOSSES", "Counts", "LossSpec", "Params", "loss_tensors", "params_of"]
