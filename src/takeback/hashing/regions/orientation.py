"""The direction of a region, told from its own gradients, so that a turned copy is sampled the same way up."""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import kernel, turns
from takeback.hashing.regions.grey import Grey

_BINS = 36
_PEAK_SHARE = 0.8


@kernel
def _histogram(level: Grey, x: float, y: float, width_px: float) -> NDArray[np.float64]:
    """Gradient directions around a point, weighed by length and by (1 - d²/R²)⁴.

    That follows a Gaussian of R/3 closely, needs no exponential and ends smoothly at R.
    """
    height, width = level.shape
    reach = 3.0 * width_px
    bins = np.zeros(_BINS, np.float64)
    for py in range(max(1, int(np.ceil(y - reach))), min(height - 2, int(np.floor(y + reach))) + 1):
        above, row, below = level[py - 1], level[py], level[py + 1]
        dy = py - y
        for px in range(max(1, int(np.ceil(x - reach))), min(width - 2, int(np.floor(x + reach))) + 1):
            dx = px - x
            near = 1.0 - (dx * dx + dy * dy) / (reach * reach)
            if near <= 0.0:
                continue
            gx = float(row[px + 1]) - float(row[px - 1])
            gy = float(below[px]) - float(above[px])
            near = near * near
            weight = np.sqrt(gx * gx + gy * gy) * near * near
            at = turns(gy, gx) * _BINS
            low = int(at)
            part = at - low
            bins[low % _BINS] += weight * (1.0 - part)
            bins[(low + 1) % _BINS] += weight * part
    return bins


@kernel
def _smoothed(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty_like(bins)
    for i in range(_BINS):
        near = bins[i - 1] + bins[(i + 1) % _BINS]
        far = bins[i - 2] + bins[(i + 2) % _BINS]
        out[i] = (6.0 * bins[i] + 4.0 * near + far) / 16.0
    return out


@kernel
def orientations(level: Grey, x: float, y: float, width_px: float, out: NDArray[np.float64]) -> int:
    """The one or two main directions of the gradients around a point.

    Args:
        level: the blurred picture in which the point was found.
        x: of the point, in pixels.
        y: likewise.
        width_px: standard width of the window.
        out: (2,) float64: gets the directions as parts of a full turn, the stronger first.

    Returns:
        How many there are, 0 to 2.
    """
    bins = _smoothed(_smoothed(_histogram(level, x, y, width_px)))
    highest = bins.max()
    count, best, second = 0, -1.0, -1.0
    for i in range(_BINS):
        value, left, right = bins[i], bins[i - 1], bins[(i + 1) % _BINS]
        if not (value > left and value >= right and value >= _PEAK_SHARE * highest):
            continue
        at = (i + 0.5 * (left - right) / (left - 2.0 * value + right)) / _BINS
        at = at + 1.0 if at < 0.0 else at
        if value > best:
            second, out[1] = best, out[0]
            best, out[0] = value, at
        elif value > second:
            second, out[1] = value, at
        count += 1
    return min(count, 2)
