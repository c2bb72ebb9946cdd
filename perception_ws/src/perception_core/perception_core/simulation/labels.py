"""What a network has to learn of a picture: boxes of the objects in it, and the class of every pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception_core.simulation.camera import NO_MATERIAL, Picture
from perception_core.simulation.materials import Material
from perception_core.simulation.world import World
from perception_core.types import classes, segments

_GROUND = (Material.ASPHALT, Material.PAVING, Material.KERB, Material.MARKING, Material.GRASS)
_PLANTS = (Material.BARK, Material.LEAVES)
_VEHICLES = (classes.CAR, classes.TRUCK, classes.BUS)
_PEOPLE = (classes.PERSON, classes.CYCLIST)


@dataclass(frozen=True, slots=True)
class PictureLabels:
    """M objects of which at least a pixel is seen.

    Attributes:
        boxes: float64 (M, 4) x_min, y_min, x_max, y_max in pixels, inside the image, hidden parts included.
        class_ids: int32 (M,) columns of ``types.classes.CLASSES``.
        visible_fraction: float64 (M,) share of the box's object that nothing hides.
        segments: uint8 (H, W) ids of ``types.segments.SEGMENTS``. Lawns are ground, riders and what they ride are
            persons, things in the way are structure.
    """

    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    visible_fraction: NDArray[np.float64]
    segments: NDArray[np.uint8]


def picture_labels(world: World, picture: Picture) -> PictureLabels:
    """Return the labels of a picture of ``world``."""
    class_ids = np.array([actor.class_id for actor in world.actors], dtype=np.int32)
    seen = np.flatnonzero(picture.visible_fraction > 0.0)
    labels = _of_material()[picture.material]
    thing = picture.objects >= 0
    labels[thing] = _of_class()[class_ids[picture.objects[thing]]]
    return PictureLabels(picture.boxes[seen], class_ids[seen], picture.visible_fraction[seen], labels)


def _of_material() -> NDArray[np.uint8]:
    table = np.full(NO_MATERIAL + 1, segments.SEGMENT_INDEX[segments.STRUCTURE], dtype=np.uint8)
    table[list(_GROUND)] = segments.SEGMENT_INDEX[segments.GROUND]
    table[list(_PLANTS)] = segments.SEGMENT_INDEX[segments.VEGETATION]
    table[NO_MATERIAL] = segments.SEGMENT_INDEX[segments.SKY]
    return table


def _of_class() -> NDArray[np.uint8]:
    table = np.full(len(classes.CLASSES), segments.SEGMENT_INDEX[segments.STRUCTURE], dtype=np.uint8)
    table[[classes.INDEX[name] for name in _VEHICLES]] = segments.SEGMENT_INDEX[segments.VEHICLE]
    table[[classes.INDEX[name] for name in _PEOPLE]] = segments.SEGMENT_INDEX[segments.PERSON]
    return table
