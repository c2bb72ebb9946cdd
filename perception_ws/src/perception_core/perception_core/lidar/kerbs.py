"""Bits of kerbs among the low compact things: the ground beside them lies as high as their tops.

A kerb that the ground model takes for a step gives no obstacle points but where the step falls amid a cell; a few
points of its face are then as small and as low as a stone. What tells them apart is the other side: the ground is as
high as the top of a kerb there, and around a stone it is as low as its foot everywhere.
"""

import numpy as np

from perception_core.compiling import frozen
from perception_core.geometry.azimuth import sector_turns
from perception_core.lidar.ground import GroundModel
from perception_core.lidar.jit import F32, F64, I16, Mask, kernel
from perception_core.lidar.polar import TABLE_STEP

BESIDE = 0.4, 0.6, 0.8
"""Metres from the edge of a thing at which the ground beside it is looked up: one to two cells of the polar grid."""
DIRECTIONS = 8
"""Directions in which it is."""
RAISED = 0.45
"""Share of the height of a thing by which the ground beside it is higher than under it next to a kerb: the smoothing of
the ground model, and cells that hold both levels, leave about so much of a step."""
_TO_TABLE = np.float32(1.0 / TABLE_STEP)


def beside_higher_ground(
    candidates: Mask, middle: F64, span: F64, z: F64, height: F32, model: GroundModel, sensor: F64
) -> Mask:
    """Tell which of M things stand at a step of the ground that is about as high as they are.

    Args:
        candidates: bool (M,) things to be looked at; the others are none.
        middle: float64 (M, 2) x and y, base frame.
        span: float64 (M,) metres across.
        z: float64 (M,) highest point, base frame.
        height: float32 (M,) metres of the highest point above ground.
        model: the ground.
        sensor: float64 (3,) the sensor's place, base frame.
    """
    things = frozen(candidates), frozen(middle), frozen(span), frozen(z), frozen(height)
    return _beside_higher(*things, model.rise, model.seen, model.grid.table, model.plane, sensor)


@kernel
def _beside_higher(
    candidates: Mask,
    middle: F64,
    span: F64,
    z: F64,
    height: F32,
    rise: F32,
    seen: Mask,
    table: I16,
    plane: F64,
    sensor: F64,
) -> Mask:
    out = np.zeros(len(candidates), np.bool_)
    for k in range(len(candidates)):
        if not candidates[k]:
            continue
        x, y = middle[k, 0] - sensor[0], middle[k, 1] - sensor[1]
        foot = z[k] - (plane[0] + plane[1] * x + plane[2] * y) - height[k]
        for i in range(DIRECTIONS * len(BESIDE)):
            turn = 2.0 * np.pi * (i % DIRECTIONS) / DIRECTIONS
            away = span[k] / 2.0 + BESIDE[i // DIRECTIONS]
            u, v = np.float32(x + away * np.cos(turn)), np.float32(y + away * np.sin(turn))
            ring = table[min(int(np.sqrt(u * u + v * v) * _TO_TABLE), len(table) - 1)]
            sector = min(int(sector_turns(u, v) * rise.shape[1]), rise.shape[1] - 1)
            if seen[ring, sector] and rise[ring, sector] - foot > RAISED * height[k]:
                out[k] = True
                break
    return out
