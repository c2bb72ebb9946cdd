"""Names of classes as data sets write them, and what the stack calls them."""

from perception_core.types.classes import ANIMAL, BICYCLE, BUS, CAR, CYCLIST, INDEX, MOTORCYCLE, PERSON, TRAIN, TRUCK
from perception_core.types.segments import GROUND, OTHER, SEGMENT_INDEX, SKY, STRUCTURE, VEGETATION, VEHICLE
from perception_core.types.segments import PERSON as PERSON_SEGMENT

_OBJECTS: dict[str, tuple[str, ...]] = {
    CAR: ("van", "suv", "taxi", "auto", "automobile", "car (sedan)", "passenger car"),
    TRUCK: ("lorry", "trailer", "caravan", "construction vehicle", "pickup", "tractor"),
    BUS: ("coach",),
    MOTORCYCLE: ("motorbike", "motor", "scooter", "motorcyclist"),
    BICYCLE: ("bike", "pushbike"),
    CYCLIST: ("rider", "bicyclist"),
    PERSON: ("pedestrian", "people", "human", "man", "woman", "child", "person sitting"),
    ANIMAL: ("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "deer", "cattle"),
    TRAIN: ("tram",),
}
"""Other words for each class of objects, among them those of COCO, KITTI, Cityscapes, nuScenes and BDD100K."""

_SEGMENTS: dict[str, tuple[str, ...]] = {
    GROUND: ("road", "sidewalk", "parking", "rail track", "terrain", "lane", "pavement", "floor", "dirt", "curb"),
    VEHICLE: ("car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer", "van", "on rails"),
    PERSON_SEGMENT: ("rider", "human", "pedestrian", "cyclist"),
    VEGETATION: ("tree", "plant", "grass", "bush"),
    STRUCTURE: (
        "building",
        "wall",
        "fence",
        "guard rail",
        "bridge",
        "tunnel",
        "pole",
        "polegroup",
        "traffic light",
        "traffic sign",
        "house",
    ),
    SKY: (),
    OTHER: ("static", "dynamic", "object", "obstacle", "animal"),
}
"""Other words for each class of pixels, among them those of Cityscapes."""


def object_label(name: str) -> str:
    """Return the stack's class for a data set's name of an object, empty for one it does not know."""
    plain = _plain(name)
    return plain if plain in INDEX else _OBJECT_WORDS.get(plain, "")


def segment_label(name: str) -> str:
    """Return the stack's class of pixels for a data set's name, empty for one it does not know."""
    plain = _plain(name)
    return plain if plain in SEGMENT_INDEX else _SEGMENT_WORDS.get(plain, "")


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


_OBJECT_WORDS = {word: label for label, words in _OBJECTS.items() for word in words}
_SEGMENT_WORDS = {word: label for label, words in _SEGMENTS.items() for word in words}
