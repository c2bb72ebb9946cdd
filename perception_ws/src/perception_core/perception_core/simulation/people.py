"""Walkers and cyclists as meshes: x forward, y left, z up, on the ground below their middle."""

import numpy as np
from numpy.typing import NDArray

from perception_core.geometry.transforms import from_yaw
from perception_core.simulation.materials import Material
from perception_core.simulation.mesh import Colour, Mesh, box, ellipsoid, merge, tube, wheel_ring

GAIT_PHASES = 8
"""Meshes a walker: his two steps are cut into so many poses."""

STRIDE = 1.5
"""Metres walked in one full gait (two steps)."""

WALKER_SIZE = (0.75, 0.62, 1.75)
CHILD_SCALE = 0.66
"""How tall a child of six is beside a grown person, 1.16 m."""

CYCLIST_SIZE = (1.75, 0.6, 1.78)

_SKIN: Colour = (0.72, 0.52, 0.42)
_HAIR: Colour = (0.12, 0.08, 0.05)
_SHOE: Colour = (0.08, 0.08, 0.08)
_BLACK: Colour = (0.03, 0.03, 0.03)


def walker(phase: int, coat: Colour, trousers: Colour) -> Mesh:
    """Build one pose of a person 1.75 m tall; ``phase`` in 0 .. GAIT_PHASES - 1, 0 stands with the legs passing."""
    swing = 0.42 * np.sin(2.0 * np.pi * phase / GAIT_PHASES)
    parts = [*_torso(coat), *_head((0.0, 0.0, 1.62))]
    for side in (1.0, -1.0):
        parts += _leg(side, side * swing, trousers)
        parts += _arm(side, -side * swing * 0.9, coat)
    body = merge(parts)
    return body.moved(from_yaw(0.0, (0.0, 0.0, -float(body.vertices[:, 2].min()))))  # wide steps lower the hips


def cyclist(coat: Colour, trousers: Colour) -> Mesh:
    """Build a person on a bicycle, 1.75 m long."""
    parts = [*_bicycle((0.65, 0.1, 0.1))]
    hip, shoulder = np.array([-0.22, 0.0, 0.98]), np.array([0.18, 0.0, 1.42])
    parts.append(tube(hip, shoulder, (0.16, 0.19), Material.CLOTH, coat, 12, True).scaled((1.0, 1.12, 1.0)))
    parts += _head((0.28, 0.0, 1.63))
    parts.append(ellipsoid((0.14, 0.11, 0.08), (0.27, 0.0, 1.71), Material.PLASTIC, (0.85, 0.85, 0.2), 10))
    for side, pedal in ((1.0, (0.1, 0.13, 0.18)), (-1.0, (-0.08, -0.13, 0.42))):
        knee = np.array([0.2, side * 0.13, 0.62 if side > 0 else 0.8])
        parts.append(_limb(np.add(hip, (0.0, side * 0.1, 0.0)), knee, (0.09, 0.07), trousers))
        parts.append(_limb(knee, pedal, (0.065, 0.05), trousers))
        parts.append(box((0.26, 0.09, 0.08), np.add(pedal, (0.05, 0.0, -0.03)), Material.PLASTIC, _SHOE))
        elbow = np.array([0.36, side * 0.27, 1.2])
        parts.append(_limb(np.add(shoulder, (0.0, side * 0.2, -0.03)), elbow, (0.06, 0.05), coat))
        parts.append(_limb(elbow, (0.5, side * 0.24, 1.02), (0.05, 0.04), coat))
    return merge(parts)


def _torso(coat: Colour) -> list[Mesh]:
    trunk = tube((0, 0, 0.92), (0, 0, 1.36), (0.135, 0.165), Material.CLOTH, coat, 14, True)
    return [trunk.scaled((0.85, 1.3, 1.0))]


def _head(centre: tuple[float, float, float]) -> list[Mesh]:
    x, y, z = centre
    return [
        tube((x, y, z - 0.2), (x, y, z), (0.055, 0.055), Material.SKIN, _SKIN, 8),
        ellipsoid((0.1, 0.085, 0.125), centre, Material.SKIN, _SKIN, 12),
        ellipsoid((0.105, 0.092, 0.095), (x - 0.018, y, z + 0.045), Material.CLOTH, _HAIR, 12),
    ]


def _leg(side: float, swing: float, trousers: Colour) -> list[Mesh]:
    hip = np.array([0.0, side * 0.1, 0.92])
    knee = hip + 0.45 * np.array([np.sin(swing), 0.0, -np.cos(swing)])
    bend = swing - 0.35 * max(0.0, -np.sin(swing)) - 0.05
    ankle = knee + 0.40 * np.array([np.sin(bend), 0.0, -np.cos(bend)])
    ankle[2] = max(ankle[2], 0.08)
    foot = box((0.27, 0.1, 0.08), np.add(ankle, (0.07, 0.0, -0.04)), Material.PLASTIC, _SHOE)
    return [_limb(hip, knee, (0.095, 0.07), trousers), _limb(knee, ankle, (0.07, 0.05), trousers), foot]


def _arm(side: float, swing: float, coat: Colour) -> list[Mesh]:
    shoulder = np.array([0.0, side * 0.23, 1.38])
    elbow = shoulder + 0.28 * np.array([np.sin(swing), side * 0.12, -np.cos(swing)])
    lift = swing + 0.35
    hand = elbow + 0.26 * np.array([np.sin(lift), 0.0, -np.cos(lift)])
    palm = ellipsoid((0.045, 0.03, 0.07), hand, Material.SKIN, _SKIN, 8)
    return [_limb(shoulder, elbow, (0.06, 0.05), coat), _limb(elbow, hand, (0.05, 0.04), coat), palm]


def _limb(
    start: NDArray[np.float64] | tuple[float, float, float],
    end: NDArray[np.float64] | tuple[float, float, float],
    radii: tuple[float, float],
    colour: Colour,
) -> Mesh:
    return tube(start, end, radii, Material.CLOTH, colour, 9, True)


def _bicycle(colour: Colour) -> list[Mesh]:
    rear, front = np.array([-0.52, 0.0, 0.34]), np.array([0.54, 0.0, 0.34])
    crank, seat, head = np.array([0.0, 0.0, 0.30]), np.array([-0.2, 0.0, 0.86]), np.array([0.4, 0.0, 0.88])
    bars = [(rear, crank), (crank, seat), (seat, head), (crank, head), (rear, seat), (front, head)]
    parts = [wheel_ring(hub, 0.315, 0.045, _BLACK) for hub in (rear, front)]
    parts += [tube(a, b, (0.02, 0.02), Material.METAL, colour, 8) for a, b in bars]
    parts.append(tube((0.48, -0.26, 1.0), (0.48, 0.26, 1.0), (0.015, 0.015), Material.METAL, _BLACK, 6))
    parts.append(tube(head, (0.45, 0.0, 1.0), (0.02, 0.02), Material.METAL, _BLACK, 6))
    parts.append(ellipsoid((0.14, 0.07, 0.04), (-0.22, 0.0, 0.9), Material.PLASTIC, _BLACK, 8))
    parts.append(box((0.02, 0.06, 0.05), (-0.72, 0.0, 0.62), Material.SIGN, (0.7, 0.05, 0.05)))
    return parts
