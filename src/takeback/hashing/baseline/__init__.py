"""The luma of an ordinary JPEG file, read by ourselves: twice as fast as the library, and equal to it in every bit.

``header.py`` says which files are ordinary, ``codes.py`` makes Huffman tables ready, ``scan.py`` reads coefficients
from what ``stuffing.py`` leaves, and ``transform.py`` makes pixels of them, or ``shrunk.py`` fewer of them. Nothing
here refuses a file: what is not ordinary, or not as it should be, is left to a library, and so is what to say of it.
docs/adr/0021 has why and what it gained.
"""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.baseline.header import TABLE_BYTES, header_of
from takeback.hashing.baseline.scan import PLACES, Unit, luma_of
from takeback.hashing.baseline.shrunk import waves_of
from takeback.hashing.baseline.stuffing import PADDING, without_stuffing
from takeback.hashing.baseline.transform import LANES
from takeback.hashing.jpeg import JpegPlan

__all__ = ["baseline_luma"]


def baseline_luma(data: bytes, plan: JpegPlan, factor: int = 1) -> NDArray[np.uint8] | None:
    """The pixels as stored, (height, width) uint8; ``None`` for a file that is not read here.

    Args:
        data: the file.
        plan: of this file; its size has been held against the limits.
        factor: 2, 4 or 8 for a picture shrunk by so much while it is read, its sides rounded up.
    """
    header = header_of(data, plan)
    if header is None:
        return None
    coded = np.empty(len(data) - header.coded_start + PADDING, np.uint8)
    length = without_stuffing(np.frombuffer(data, np.uint8), header.coded_start, coded)
    if length < 0:
        return None
    definitions = np.frombuffer(header.definitions, np.uint8).reshape(4, TABLE_BYTES)
    out = np.empty((-(-header.height // factor), -(-header.width // factor)), np.uint8)
    unit = Unit(header.across, header.down, header.colours)
    read = luma_of(coded, length, definitions, _spread(header.steps), _order(), unit, waves_of(8 // factor), out)
    return out if read else None


@lru_cache(maxsize=64)
def _spread(steps: bytes) -> NDArray[np.int32]:
    """Quantization steps in the order of the picture, each once a lane; kept, because few are in use."""
    picture = np.empty(64, np.int32)
    picture[_zigzag()] = np.frombuffer(steps, np.uint8)
    spread = np.repeat(picture, LANES)
    spread.flags.writeable = False
    return spread


@cache
def _order() -> NDArray[np.uint64]:
    """Where each place of a block is in a group; beyond the block, the row that nobody reads."""
    order = np.full(PLACES, 64 * LANES, np.uint64)
    order[:64] = _zigzag() * LANES
    order.flags.writeable = False
    return order


@cache
def _zigzag() -> NDArray[np.int64]:
    """Place in the file to place in the picture, row by row: along diagonals, up and down in turns."""
    places = [(row, column) for row in range(8) for column in range(8)]
    places.sort(key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
    return np.array([8 * row + column for row, column in places])
