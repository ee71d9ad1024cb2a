"""Arithmetic that gives the same last bit in Python and in JavaScript.

Neither language promises the last digit of exp, atan2, sin or cos, and one bit there may turn a region's edge into
another pixel. What is here uses only + - * / and floor in float64, in a fixed order, and web/src/core/regions does the
same in the same order; so the same grey pixels give the same regions everywhere, which the golden vectors hold us to.

numba does not notice a change here, or in another imported kernel, when it looks into its cache on disk: after editing,
delete ``regions/__pycache__``.
"""

from math import pi

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")
"""How every kernel here is compiled: kept on disk, without the interpreter's lock, without fast-math: bits matter."""

_LN_2 = 0.6931471805599453
_EXP_TERMS = 14


@kernel
def exp(x: float) -> float:
    """E to the x, for x from -12 to 4: Taylor at x/16, squared four times; relative error under 1e-14."""
    part = x / 16.0
    total = 1.0
    for n in range(_EXP_TERMS, 0, -1):
        total = 1.0 + part * total / n
    for _ in range(4):
        total = total * total
    return total


@kernel
def exp2(x: float) -> float:
    """2 to the x, in the range of ``exp``."""
    return exp(x * _LN_2)


@kernel
def cos_sin(angle: float) -> tuple[float, float]:
    """Cosine and sine, for an angle of -8 to 8 radians: Taylor within an eighth of a turn; error under 1e-15."""
    quarter = int(angle / (pi / 2.0) + 8.5) - 8
    x = angle - quarter * (pi / 2.0)
    square = x * x
    cosine, sine = 1.0, 1.0
    for n in range(8, 0, -1):
        cosine = 1.0 - square / ((2 * n - 1) * (2 * n)) * cosine
        sine = 1.0 - square / ((2 * n) * (2 * n + 1)) * sine
    sine = sine * x
    turned = quarter & 3
    if turned == 1:
        return -sine, cosine
    if turned == 2:
        return -cosine, -sine
    if turned == 3:
        return sine, -cosine
    return cosine, sine


@kernel
def turns(y: float, x: float) -> float:
    """Direction of a vector as a part of a full turn, 0 to 1; error under 2e-6 of a turn, far below a histogram's bin.

    **Source:** Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.4.49.
    """
    across, along = abs(x), abs(y)
    steep = along > across
    ratio = across / along if steep else (along / across if across > 0.0 else 0.0)
    square = ratio * ratio
    series = 0.0208351 * square - 0.0851330
    series = series * square + 0.1801410
    series = series * square - 0.3302995
    series = series * square + 0.9998660
    angle = series * ratio / (2.0 * pi)
    if steep:
        angle = 0.25 - angle
    if x < 0.0:
        angle = 0.5 - angle
    if y < 0.0:
        angle = 1.0 - angle
    return angle
