"""PDQ: 256 bits that stay nearly the same when a picture is resized, recompressed or filtered.

Our own kernels, equal to the reference in every bit and in quality on the same pixels. Blur and decimation are in
downsample.py; here are quality, transform, median and bits, for the picture as it is and in seven other positions.

**Source:** PDQ reference implementation (facebook/ThreatExchange, pdq/cpp) and "The TMK+PDQF Video-Hashing Algorithm
and the PDQ Image-Hashing Algorithm" (2019). One deviation: all eight forms of a 64×64 picture come from the same
unblurred input, where the reference blurs for the eight and not for the one.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.direct import Axis, samples_of_luma
from takeback.hashing.downsample import Matrix, Pixels, kernel, luma_tables, shrink

_SIDE = 64
_BITS_SIDE = 16
_FORMS = 8
_MIN_SIDE = 5
"""Source: PDQ reference, MIN_HASHABLE_DIM. Smaller pictures hash to zeros with quality 0."""


@dataclass(frozen=True, slots=True)
class PdqHash:
    """A PDQ hash.

    Args:
        bits: 32 bytes, bit 255 is the most significant bit of byte 0.
        quality: 0 to 100; below 50 the picture has too little structure.
    """

    bits: bytes
    quality: int

    @property
    def text(self) -> str:
        """64 lower-case hexadecimal digits, bit 255 first."""
        return self.bits.hex()


def pdq_of(pixels: Pixels) -> PdqHash:
    """Hash a picture. Transparent pixels count as on white."""
    return pdq_forms_of(pixels)[0]


def pdq_forms_of(pixels: Pixels) -> tuple[PdqHash, ...]:
    """Hash a picture as it is and as it would be in seven other positions, from one transform.

    Returns:
        Eight hashes: as it is, turned by 90, 180 and 270 degrees, mirrored about the horizontal and the vertical axis,
        and about each diagonal.
    """
    height, width, _ = pixels.shape
    if height < _MIN_SIDE or width < _MIN_SIDE:
        return (PdqHash(bytes(32), 0),) * _FORMS
    samples = np.empty((_SIDE, _SIDE), np.float32)
    shrink(np.ascontiguousarray(pixels), luma_tables(), samples)
    return forms_of_samples(samples)


def forms_of_samples(samples: Matrix) -> tuple[PdqHash, ...]:
    """The second half alone.

    Args:
        samples: (64, 64) float32, the blurred luma.

    Returns:
        See ``pdq_forms_of``.
    """
    bits, quality = _hash_forms(samples, dct_matrix())
    return tuple(PdqHash(row.tobytes(), int(quality)) for row in bits)


def warm_up() -> None:
    """Compile the kernels, or load them from the cache on disk, before the first picture comes."""
    axis = Axis(64, 2, cut_first=False)
    # To numba, pixels that may not be written to are of another type; Pillow's are such, our own decoder's are not.
    for writeable in (True, False):
        colours, luma = np.zeros((8, 8, 3), np.uint8), np.zeros((32, 32), np.uint8)
        colours.flags.writeable = luma.flags.writeable = writeable
        pdq_forms_of(colours)
        samples_of_luma(luma, axis, axis)


@cache
def dct_matrix() -> Matrix:
    """(16, 64) float32: rows 1 to 16 of the 64-point DCT-II; row 0, the mean, is left out."""
    scale = float(np.float32(math.sqrt(2.0 / _SIDE)))
    step = math.pi / 2.0 / _SIDE
    rows = [[scale * math.cos(step * (i + 1) * (2 * j + 1)) for j in range(_SIDE)] for i in range(_BITS_SIDE)]
    return np.array(rows, dtype=np.float32)


@kernel
def _quality_of(small: Matrix) -> int:
    """How much structure there is: quantised differences of neighbours, so that many tiny ones do not add up."""
    total = 0
    for y in range(64):
        for x in range(64):
            if y < 63:
                total += abs(int((small[y, x] - small[y + 1, x]) * np.float32(100) / np.float32(255)))
            if x < 63:
                total += abs(int((small[y, x] - small[y, x + 1]) * np.float32(100) / np.float32(255)))
    return min(total // 90, 100)


@kernel
def _transform(small: Matrix, matrix: Matrix) -> Matrix:
    """D A Dᵀ; the sums run over k in the outer loop, which keeps their order and lets the inner one be vectorised."""
    half = np.zeros((16, 64), np.float32)
    for i in range(16):
        for k in range(64):
            for j in range(64):
                half[i, j] += matrix[i, k] * small[k, j]
    turned = np.ascontiguousarray(matrix.T)
    full = np.zeros((16, 16), np.float32)
    for i in range(16):
        for k in range(64):
            for j in range(16):
                full[i, j] += half[i, k] * turned[k, j]
    return full


@kernel
def _moved(transform: Matrix, form: int) -> Matrix:
    """The transform of the picture in another position: some signs change, and rows may become columns."""
    moved = np.empty((16, 16), np.float32)
    for i in range(16):
        for j in range(16):
            even_row, even_column = i % 2 == 0, j % 2 == 0
            negate = (
                (even_column and form in (1, 5))
                or (even_row and form in (3, 4))
                or (even_row != even_column and form in (2, 7))
            )
            value = -transform[i, j] if negate else transform[i, j]
            if form in (1, 3, 6, 7):
                moved[j, i] = value
            else:
                moved[i, j] = value
    return moved


@kernel
def _median_of(transform: Matrix) -> float:
    """The lower of the two middle values."""
    median: float = np.partition(transform.copy().reshape(256), 127)[127]
    return median


@kernel
def _write_bits(transform: Matrix, median: float, out: NDArray[np.uint8]) -> None:
    """Bit 16 i + j says whether a coefficient is above the median."""
    flat = transform.reshape(256)
    out[:] = 0
    for k in range(256):
        if flat[k] > median:
            out[31 - k // 8] |= np.uint8(1 << (k % 8))


@kernel
def _hash_forms(small: Matrix, matrix: Matrix) -> tuple[NDArray[np.uint8], int]:
    transform = _transform(small, matrix)
    bits = np.empty((8, 32), np.uint8)
    # Two forms that differ only in that rows are columns have the same values, so the same median.
    for one, other in ((0, 6), (1, 5), (2, 7), (3, 4)):
        moved = _moved(transform, one)
        median = _median_of(moved)
        _write_bits(moved, median, bits[one])
        _write_bits(_moved(transform, other), median, bits[other])
    return bits, _quality_of(small)
