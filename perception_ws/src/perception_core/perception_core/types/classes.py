"""The project's vocabulary of obstacle classes.

Network classes (COCO and others) are mapped onto it once, where a model's output is decoded; everything behind
speaks only these names. ``UNKNOWN`` is a solid thing nobody could name: still an obstacle.
"""

CAR = "car"
TRUCK = "truck"
BUS = "bus"
MOTORCYCLE = "motorcycle"
BICYCLE = "bicycle"
CYCLIST = "cyclist"
PERSON = "person"
ANIMAL = "animal"
TRAIN = "train"
UNKNOWN = "unknown"

CLASSES: tuple[str, ...] = (CAR, TRUCK, BUS, MOTORCYCLE, BICYCLE, CYCLIST, PERSON, ANIMAL, TRAIN, UNKNOWN)
"""Fixed order: the columns of every class-probability array of the core."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(CLASSES)}
"""Column of each class name."""
