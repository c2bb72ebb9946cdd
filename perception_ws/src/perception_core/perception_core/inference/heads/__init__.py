"""Heads: one a family of networks, each reads boxes, masks or classes of pixels from raw outputs."""

from perception_core.inference.heads.class_map import NO_CLASS, ClassMapHead
from perception_core.inference.heads.head import Head, MaskHead, create_class_map_head, create_head

__all__ = ["NO_CLASS", "ClassMapHead", "Head", "MaskHead", "create_class_map_head", "create_head"]
