"""Colours of ray hits: sun and sky light, procedural textures, mirror light by Schlick's formula (1994), haze.

Kernels of the camera; all arrays are per pixel, colours red green blue, linear light with 1 a white wall in the sun.
"""

import math
from typing import Any

from numba import njit

from perception_core.simulation.materials import Material
from perception_core.simulation.textures import noise, texture

_LEAVES = int(Material.LEAVES)
_LAMP = int(Material.LAMP)


@njit(cache=True, error_model="numpy")
def surface(
    distance: Any,
    objects: Any,
    triangle: Any,
    uv: Any,
    rays: Any,
    origin: Any,
    normals: Any,
    turn: Any,
    moving_from: int,
    position: Any,
    normal: Any,
) -> None:
    """Fill world ``position`` and unit ``normal`` (N, 3), turned towards the camera, of every hit.

    ``objects`` (N,): -2 nothing, -1 the street, else the row of ``turn`` (actors, 2) cosine and sine of the yaw;
    ``triangle`` (N,) and ``uv`` (N, 2) say where on the tables ``normals`` (T, 3, 3), which from the row
    ``moving_from`` on are in their actor's own frame.
    """
    for i in range(distance.shape[0]):
        who = objects[i]
        if who == -2:
            continue
        d = distance[i]
        for k in range(3):
            position[i, k] = origin[k] + d * rays[i, k]
        u, v = uv[i, 0], uv[i, 1]
        w = 1.0 - u - v
        corner = normals[triangle[i]]
        x = w * corner[0, 0] + u * corner[1, 0] + v * corner[2, 0]
        y = w * corner[0, 1] + u * corner[1, 1] + v * corner[2, 1]
        z = w * corner[0, 2] + u * corner[1, 2] + v * corner[2, 2]
        if triangle[i] >= moving_from:
            c, s = turn[who, 0], turn[who, 1]
            x, y = c * x - s * y, s * x + c * y
        scale = 1.0 / math.sqrt(max(x * x + y * y + z * z, 1e-12))
        if x * rays[i, 0] + y * rays[i, 1] + z * rays[i, 2] > 0.0:
            scale = -scale
        normal[i, 0], normal[i, 1], normal[i, 2] = x * scale, y * scale, z * scale


@njit(cache=True, error_model="numpy")
def shade(
    distance: Any,
    objects: Any,
    rays: Any,
    position: Any,
    normal: Any,
    shadow: Any,
    material: Any,
    colour: Any,
    specular: Any,
    sun: Any,
    haze: float,
    overcast: float,
    exposure: float,
    out: Any,
) -> None:
    """Fill ``out`` (N, 3) blue green red, 0..255 float32.

    ``material`` (N,), ``colour`` (N, 3) of the hit triangle; ``shadow`` (N,) where the sun is hidden; ``specular``
    by material; ``sun`` (3,) unit vector towards it; ``overcast`` 0..1 is the share of its light that comes from all
    of the sky instead, ``exposure`` a factor on all light.
    """
    for i in range(distance.shape[0]):
        dx, dy, dz = rays[i, 0], rays[i, 1], rays[i, 2]
        if objects[i] == -2:
            r, g, b = _sky(dx, dy, dz, sun, overcast, True)
        else:
            r, g, b = _lit(
                i, dx, dy, dz, objects[i] == -1, distance, position, normal, shadow, material, colour, specular, sun,
                overcast,
            )  # fmt: skip
            fog = 1.0 - math.exp(-distance[i] / haze)
            r += fog * (0.62 - r)
            g += fog * (0.70 - g)
            b += fog * (0.80 - b)
        out[i, 0], out[i, 1], out[i, 2] = _display(exposure * b), _display(exposure * g), _display(exposure * r)


@njit(cache=True, error_model="numpy")
def _display(light: float) -> float:
    """Compress linear light softly into 0..255, gamma 2."""
    exposed = min(1.55 * light, 1.96)  # the curve falls beyond
    return 255.0 * math.sqrt(min(1.28 * exposed / (1.0 + exposed * (0.28 + 0.35 * exposed) / 1.35), 1.0))


@njit(cache=True, error_model="numpy")
def _sky(dx: float, dy: float, dz: float, sun: Any, overcast: float, clouds: bool) -> tuple[float, float, float]:
    up = max(dz, 0.0)
    t = math.sqrt(up)
    r, g, b = 0.70 - 0.58 * t, 0.78 - 0.50 * t, 0.88 - 0.30 * t
    if clouds and dz > 0.02:
        x, y = 1.6 * dx / (dz + 0.08), 1.6 * dy / (dz + 0.08)
        thick = 0.55 * noise(x, y) + 0.3 * noise(2.1 * x + 9.0, 2.1 * y) + 0.15 * noise(4.3 * x, 4.3 * y + 5.0)
        cover = min(max((thick - 0.48) * 4.0, 0.0), 1.0) * min(dz * 6.0, 1.0) * 0.8
        r += cover * (0.95 - r)
        g += cover * (0.95 - g)
        b += cover * (0.97 - b)
    glow = max(dx * sun[0] + dy * sun[1] + dz * sun[2], 0.0)
    glow = 0.35 * glow**32 * (1.0 - overcast)
    r, g, b = r + overcast * (0.60 - r), g + overcast * (0.63 - g), b + overcast * (0.67 - b)
    return r + glow, g + 0.9 * glow, b + 0.7 * glow


@njit(cache=True, error_model="numpy")
def _lit(
    i: int,
    dx: float,
    dy: float,
    dz: float,
    static: bool,
    distance: Any,
    position: Any,
    normal: Any,
    shadow: Any,
    material: Any,
    colour: Any,
    specular: Any,
    sun: Any,
    overcast: float,
) -> tuple[float, float, float]:
    kind = material[i]
    nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
    r, g, b = colour[i, 0], colour[i, 1], colour[i, 2]
    gloss = specular[kind]
    if static:
        x, y, z = position[i, 0], position[i, 1], position[i, 2]
        fine = min(1.0, 25.0 / distance[i])
        factor, pane = texture(kind, x, y, z, nx, ny, fine)
        r, g, b = r * factor, g * factor, b * factor
        if pane > 0.0:
            r, g, b = r + pane * (0.10 - r), g + pane * (0.12 - g), b + pane * (0.15 - b)
            gloss = 0.16 * pane
    r, g, b = r * r, g * g, b * b
    lambert = 0.0 if shadow[i] else max(nx * sun[0] + ny * sun[1] + nz * sun[2], 0.0)
    if kind == _LEAVES:
        lambert = 0.25 + 0.6 * lambert if not shadow[i] else 0.12
    lambert *= 1.0 - overcast
    sky = 0.5 + 0.5 * nz
    ground = 0.5 - 0.5 * nz
    spread = 0.25 * overcast
    lr = 0.78 * lambert + (0.21 + spread) * sky + 0.10 * ground
    lg = 0.75 * lambert + (0.235 + spread) * sky + 0.095 * ground
    lb = 0.68 * lambert + (0.28 + spread) * sky + 0.09 * ground
    r, g, b = r * lr, g * lg, b * lb
    if kind == _LAMP:
        r, g, b = r + 0.25 * colour[i, 0], g + 0.25 * colour[i, 1], b + 0.25 * colour[i, 2]
    if gloss > 0.0:
        share, sr, sg, sb = _mirror(dx, dy, dz, nx, ny, nz, gloss, shadow[i], sun, overcast)
        r, g, b = r + share * (sr - r), g + share * (sg - g), b + share * (sb - b)
    return r, g, b


@njit(cache=True, error_model="numpy")
def _mirror(
    dx: float,
    dy: float,
    dz: float,
    nx: float,
    ny: float,
    nz: float,
    gloss: float,
    shadow: bool,
    sun: Any,
    overcast: float,
) -> tuple[float, float, float, float]:
    """Return the mirrored share of the light (Schlick 1994) and the colour of what is mirrored."""
    facing = -(dx * nx + dy * ny + dz * nz)
    share = gloss + (1.0 - gloss) * (1.0 - min(max(facing, 0.0), 1.0)) ** 5 * 0.7
    mx, my, mz = dx + 2.0 * facing * nx, dy + 2.0 * facing * ny, dz + 2.0 * facing * nz
    if mz > 0.12:
        r, g, b = _sky(mx, my, mz, sun, overcast, False)
    else:
        r = g = b = 0.10 + 0.9 * max(mz, 0.0)
    if not shadow:
        glint = max(mx * sun[0] + my * sun[1] + mz * sun[2], 0.0) ** 80 * 6.0 * (1.0 - overcast)
        r, g, b = r + glint, g + glint, b + glint
    return share, r, g, b
