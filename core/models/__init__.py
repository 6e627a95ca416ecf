"""Models: the registry, the sizes of networks, and the networks in stacked form."""

from core.models.shape import Shape
from core.models.spec import MODELS, ModelSpec
from core.models.stack import Passes, StackedNet, with_ones

__all__ = ["MODELS", "ModelSpec", "Passes", "Shape", "StackedNet", "with_ones"]
