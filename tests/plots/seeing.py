"""How colours look: contrast of text (WCAG 2.2), distances (CIELAB), and common deficiencies.

The deficiencies are simulated as Machado, Oliveira and Fernandes do ("A physiologically-based model for
simulation of color vision deficiency", IEEE TVCG 15(6), 2009: table of severity 1.0), in linear RGB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb, to_rgba

VISIONS: dict[str, Any] = {
    "usual": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
_XYZ = np.array([  # of linear sRGB, for the white of D65 (IEC 61966-2-1)
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
APART = 11.0
"""Distance in CIELAB (1976) from which two areas are told apart beside each other and in a legend: about
five times what is just noticeable."""
READABLE = 4.5
"""Contrast of text to what lies under it (WCAG 2.2, 1.4.3)."""


def linear(colour: Any) -> Any:
    """sRGB parts (0 to 1, the last axis) as linear light."""
    parts = np.asarray(colour, float)
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(colour: Any) -> Any:
    """WCAG's relative luminance of sRGB parts."""
    return linear(colour) @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one: Any, other: Any) -> Any:
    """WCAG's contrast of two colours, or of each with each of an array."""
    first, second = luminance(_rgb(one)), luminance(_rgb(other))
    return (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)


def _rgb(colour: Any) -> Any:
    return to_rgb(colour) if isinstance(colour, str) else np.asarray(colour, float)[..., :3]


def seen(colour: Any, vision: str) -> Any:
    """CIELAB of a colour as it is seen with a vision of :data:`VISIONS`."""
    light = np.clip(VISIONS[vision] @ linear(_rgb(colour)), 0, 1)
    scaled = _XYZ @ light / _XYZ.sum(axis=1)
    small = scaled <= (6 / 29) ** 3
    root = np.where(small, scaled / (3 * (6 / 29) ** 2) + 4 / 29, np.cbrt(scaled))
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def distance(one: Any, other: Any) -> float:
    """The least distance of two colours over all visions, each on white where it is not opaque."""
    first, second = (_on_white(colour) for colour in (one, other))
    return min(float(np.linalg.norm(seen(first, v) - seen(second, v))) for v in VISIONS)


def _on_white(colour: Any) -> Any:
    red, green, blue, alpha = to_rgba(colour)
    return np.array([red, green, blue]) * alpha + 1 - alpha
