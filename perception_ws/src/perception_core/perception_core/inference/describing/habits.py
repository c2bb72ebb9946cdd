"""How each family's projects feed their networks, which no shape tells."""

from collections.abc import Mapping
from dataclasses import dataclass

from perception_core.inference.describing.clues import Guess
from perception_core.inference.description import Finding, Sureness, certain, likely, unknown
from perception_core.inference.exporter_notes import ExporterNotes


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a project feeds its networks; the card's words."""

    colour: str
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    letterbox: str
    pad: float
    source: str


_NO_MEAN, _NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_ULTRALYTICS = _Habit("rgb", 1 / 255, _NO_MEAN, _NO_STD, "centre", 114.0, "Ultralytics' exporters")
_STRETCHED = _Habit("rgb", 1 / 255, _NO_MEAN, _NO_STD, "stretch", 114.0, "RT-DETR")
_HABITS: Mapping[str, _Habit] = {
    "yolox": _Habit("bgr", 1.0, _NO_MEAN, _NO_STD, "top_left", 114.0, "YOLOX since 0.2"),
    "yolov5": _ULTRALYTICS,
    "yolov8": _ULTRALYTICS,
    "yolo_end2end": _ULTRALYTICS,
    "rtdetr": _STRETCHED,
    "rfdetr": _Habit("rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "stretch", 114.0, "RF-DETR"),
    "nanodet": _Habit("bgr", 1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), "stretch", 114.0, "NanoDet"),
    "fastestdet": _Habit("bgr", 1 / 255, _NO_MEAN, _NO_STD, "stretch", 114.0, "FastestDet"),
}


def conventions(notes: ExporterNotes | None, guess: Guess) -> dict[str, Finding]:
    """Return what is done to pixels: certain where an exporter of one convention signed, else the family's habit."""
    names = ("colour", "scale", "mean", "std", "letterbox", "pad")
    signed = notes is not None and guess.family.sureness is Sureness.CERTAIN
    habit = _HABITS.get(guess.family.value or "", _ULTRALYTICS if signed else None)
    if habit is None:
        return dict.fromkeys(names, unknown("no file tells, and there is no habit to go by"))
    finding = certain if signed else likely
    reason = f"the convention of {habit.source}" + (", which wrote this file" if signed else "; no file tells")
    return {name: finding(getattr(habit, name), reason) for name in names}
