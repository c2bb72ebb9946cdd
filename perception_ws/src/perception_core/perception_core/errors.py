"""Errors of the core: one base class, messages that name the thing and carry the value.

Only nodes and the command line catch, log, print or exit; the core raises.
"""


class PerceptionError(Exception):
    """Base of every error the core raises on purpose."""


class ConfigError(PerceptionError):
    """A parameter is unknown, of the wrong type or out of its range."""


class CloudError(PerceptionError):
    """A point cloud whose layout cannot be read, or whose arrays do not fit together."""


class ImageError(PerceptionError):
    """An image whose size, step or encoding cannot be read."""


class CalibrationError(PerceptionError):
    """Intrinsics or extrinsics that cannot be right (zero focal length, non-unit quaternion ...)."""


class TransformError(PerceptionError):
    """No transform between two frames at the asked stamp."""


class ModelError(PerceptionError):
    """A network file that is missing, unreadable or not what its card says."""


class StampError(PerceptionError):
    """A stamp that is too old, from the future, or out of order."""


class DatasetError(PerceptionError):
    """A data set folder or file that is missing or malformed."""


class BagError(PerceptionError):
    """A bag that is missing, truncated, or lacks a topic the profile names."""
