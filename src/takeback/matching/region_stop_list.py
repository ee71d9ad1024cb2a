"""Regions that say nothing of a picture because many pictures share them: interface frames, captions, emoji, logos.

Two unrelated pictures in the same frame agree in dozens of regions, which no threshold can tell from a copy. What can:
the same region stands for several listed pictures, or turns up in several ordinary uploads. Such regions are taken out
of listed sets and out of questions alike. What nobody has seen several times yet is in the starter list, made from
drawn, typical interfaces (bench/make_starter_furniture.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from takeback.errors import CorruptDataError
from takeback.matching.region_kernels import near_any, other_owners, words_of
from takeback.matching.region_rule import Values

RADIUS_BITS = 48
"""Within it two regions count as the same piece of furniture."""

LEAST_OTHERS = 3
"""A region near to regions of so many other pictures is furniture. The first few pictures in a new frame are therefore
not protected by it: see docs/fingerprints.md."""

_VALUE_BYTES = 32
_STARTER = "starter_furniture.bin"


@dataclass(frozen=True, slots=True)
class RegionStopList:
    """Furniture, and how near to it a region may not be.

    Args:
        values: (n, 32) uint8.
        radius_bits: regions within it of one of the values are furniture.
    """

    values: Values
    radius_bits: int = RADIUS_BITS

    def __len__(self) -> int:
        return len(self.values)

    def admits(self, values: Values) -> NDArray[np.bool_]:
        """Which regions are not furniture.

        Args:
            values: (m, 32) uint8.

        Returns:
            (m,) bool.
        """
        if not len(values) or not len(self.values):
            return np.ones(len(values), np.bool_)
        near: NDArray[np.bool_] = near_any(words_of(values), words_of(self.values), self.radius_bits)
        return ~near

    def joined_with(self, more: Values) -> "RegionStopList":
        """This list and more furniture; what it already covers is not added."""
        fresh = more[self.admits(more)]
        return RegionStopList(np.concatenate((self.values, fresh)), self.radius_bits)


def starter_stop_list() -> RegionStopList:
    """The list that comes with the package.

    Raises:
        CorruptDataError: ``stop_list.damaged`` when the file is not a whole number of values.
    """
    data = files("takeback.matching").joinpath(_STARTER).read_bytes()
    if len(data) % _VALUE_BYTES:
        raise CorruptDataError("stop_list.damaged", "The list of shared interface regions is damaged: reinstall.")
    return RegionStopList(np.frombuffer(data, np.uint8).reshape(-1, _VALUE_BYTES))


def shared_regions(sets: Sequence[Values], radius_bits: int = RADIUS_BITS, least_others: int = LEAST_OTHERS) -> Values:
    """Find furniture by how many pictures share it. Compares all with all: for a maintenance job, and for samples.

    Args:
        sets: (n, 32) uint8 for each picture.
        radius_bits: within it two regions count as the same.
        least_others: in so many other sets a region has to be found.

    Returns:
        (m, 32) uint8, one value for all regions that are near to each other.
    """
    if not sets:
        return np.empty((0, _VALUE_BYTES), np.uint8)
    values = np.concatenate(sets)
    owners = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    counts = other_owners(words_of(values), owners, radius_bits)
    shared = values[counts >= least_others]
    kept = RegionStopList(np.empty((0, _VALUE_BYTES), np.uint8), radius_bits // 2)
    for row in range(len(shared)):
        kept = kept.joined_with(shared[row : row + 1])
    return kept.values
