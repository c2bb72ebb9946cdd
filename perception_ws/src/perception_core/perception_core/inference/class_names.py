"""Names of classes as data sets write them, and what the stack calls them: the words of the cards' labels."""

_OBJECTS: dict[str, tuple[str, ...]] = {
    "car": ("van", "suv", "taxi", "auto", "automobile", "car (sedan)", "passenger car"),
    "truck": ("lorry", "trailer", "caravan", "construction vehicle", "pickup", "tractor"),
    "bus": ("coach",),
    "motorcycle": ("motorbike", "motor", "scooter", "motorcyclist"),
    "bicycle": ("bike", "pushbike"),
    "cyclist": ("rider", "bicyclist"),
    "person": ("pedestrian", "people", "human", "man", "woman", "child", "person sitting"),
    "animal": ("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "deer", "cattle"),
    "train": ("tram",),
    "unknown": (),
}
"""Other words for each class of objects, among them those of COCO, KITTI, Cityscapes, nuScenes and BDD100K."""

_SEGMENTS: dict[str, tuple[str, ...]] = {
    "unknown": (),
    "ground": ("road", "sidewalk", "parking", "rail track", "terrain", "lane", "pavement", "floor", "dirt", "curb"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer", "van", "on rails"),
    "person": ("rider", "human", "pedestrian", "cyclist"),
    "vegetation": ("tree", "plant", "grass", "bush"),
    "structure": (
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
    "sky": (),
    "other": ("static", "dynamic", "object", "obstacle", "animal"),
}
"""Other words for each class of pixels, among them those of Cityscapes."""


def object_label(name: str) -> str:
    """Return the stack's class for a data set's name of an object, empty for one it does not know."""
    return _OBJECT_WORDS.get(_plain(name), "")


def segment_label(name: str) -> str:
    """Return the stack's class of pixels for a data set's name, empty for one it does not know."""
    return _SEGMENT_WORDS.get(_plain(name), "")


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


_OBJECT_WORDS = {word: label for label, words in _OBJECTS.items() for word in (label, *words)}
_SEGMENT_WORDS = {word: label for label, words in _SEGMENTS.items() for word in (label, *words)}
