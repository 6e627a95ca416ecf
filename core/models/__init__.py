"""The models: what can be chosen, how large it is, and the networks themselves in stacked form."""

from core.models.shape import Shape, shape_of
from core.models.spec import MODELS, ModelSpec
from core.models.stack import StackedNet

__all__ = ["MODELS", "ModelSpec", "Shape", "StackedNet", "shape_of"]
