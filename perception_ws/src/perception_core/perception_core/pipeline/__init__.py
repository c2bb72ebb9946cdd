"""The whole perception without ROS: see :mod:`perception_core.pipeline.pipeline`."""

from perception_core.pipeline.pipeline import Pipeline, PipelineConfig
from perception_core.pipeline.results import BlindResult, PipelineResult
from perception_core.pipeline.rig import Rig
from perception_core.pipeline.sources import CameraReader, ScanReader, TransformSource

__all__ = [
    "BlindResult",
    "CameraReader",
    "Pipeline",
    "PipelineConfig",
    "PipelineResult",
    "Rig",
    "ScanReader",
    "TransformSource",
]
