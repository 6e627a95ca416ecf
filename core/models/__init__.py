"""The models: what can be chosen, how large it is, and the networks themselves in stacked form."""

from core.models.shape import Shape
from core.models.spec import MODELS, ModelSpec
from core.models.stack import Passes, StackedNet, with_ones

__all__ = ["MODELS", "ModelSpec", "Passes", "Shape", "StackedNet", "with_ones"]
