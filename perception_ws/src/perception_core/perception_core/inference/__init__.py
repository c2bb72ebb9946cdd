"""Networks: engines behind one protocol, model cards, and the reading of outputs."""

from perception_core.inference.backend import Backend, TensorInfo
from perception_core.inference.describe import card_from_description, card_template, describe
from perception_core.inference.description import ModelDescription, Sureness
from perception_core.inference.factory import InferenceConfig, available_backends, create_backend
from perception_core.inference.model_card import InputSpec, ModelCard, load_card
from perception_core.inference.registry import find_model, packaged_cards

__all__ = [
    "Backend",
    "InferenceConfig",
    "InputSpec",
    "ModelCard",
    "ModelDescription",
    "Sureness",
    "TensorInfo",
    "available_backends",
    "card_from_description",
    "card_template",
    "create_backend",
    "describe",
    "find_model",
    "load_card",
    "packaged_cards",
]
