"""Labels of a camera's pixels for the calibration check, from the network of a profile."""

import numpy as np
from numpy.typing import NDArray

from perception_core.camera.label_image import label_image
from perception_core.camera.networks import CameraNetworks, build_networks
from perception_core.inference.folders import model_folders
from perception_core.types import Image
from perception_tools.calibrating import Labeller
from perception_tools.calibrating_source import source_of_profile
from perception_tools.profile import Profile


def labeller_of(profile: Profile, camera: str | None = None) -> Labeller:
    """Return what labels the images of a profile's camera.

    Raises:
        ConfigError: the profile has no such camera.
        ModelError: its network is not there.
    """
    settings = source_of_profile(profile, camera).settings
    assert settings is not None
    networks = build_networks(settings.camera, model_folders())
    return lambda image: _labels(networks, image)


def _labels(networks: CameraNetworks, image: Image) -> NDArray[np.integer] | None:
    """Return the instances of the pixels where there are masks, else their classes, else None."""
    result = networks.perceive(image, True)
    if result.masks is not None:
        return np.asarray(result.masks.instances)
    segmentation = label_image(result)
    return None if segmentation is None else np.asarray(segmentation.labels)
