"""Detection heads: one a family of networks, each reads boxes from raw outputs."""

from perception_core.inference.heads.head import Head, create_head

__all__ = ["Head", "create_head"]
