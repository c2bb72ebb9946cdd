"""Built engines: what they are known by, their files, and the cache that two processes share."""

from perception_core.inference.engines.cache import CachedEngine, EngineCache
from perception_core.inference.engines.key import EngineKey, ShapeRange, model_digest

__all__ = ["CachedEngine", "EngineCache", "EngineKey", "ShapeRange", "model_digest"]
