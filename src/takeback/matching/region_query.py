"""Regions as arrays: those a picture is asked by, and those of a listed picture's value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.model.fingerprint import Algorithm, parse_fingerprint

_REGION_BYTES = 32


@dataclass(frozen=True, slots=True)
class RegionQuery:
    """Regions of one picture. Values are sensitive, so never part of a ``repr``.

    Args:
        values: (n, 32) uint8, bit 0 is the most significant bit of byte 0.
        strong: (n,) bool: whether a region may speak alone.
        places: (n, 2) float32, x and y of each region's middle in longer sides of the picture, if they are known: of a
            picture that is asked in this process, never of a value from a list or from elsewhere.
    """

    values: NDArray[np.uint8]
    strong: NDArray[np.bool_]
    places: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"RegionQuery({len(self)} regions)"

    def only(self, rows: NDArray[np.bool_]) -> "RegionQuery":
        """Some of the regions."""
        return RegionQuery(self.values[rows], self.strong[rows], None if self.places is None else self.places[rows])


def parse_region_value(untrusted_value: str) -> RegionQuery:
    """The arrays of a ``pdq-region`` value.

    Raises:
        InvalidInputError: ``fingerprint.format``.
    """
    parse_fingerprint(Algorithm.PDQ_REGION, untrusted_value, None)
    data = np.frombuffer(bytes.fromhex(untrusted_value), np.uint8)
    end = 1 + int(data[0]) * _REGION_BYTES
    strong = np.unpackbits(data[end:])[: data[0]].astype(np.bool_)
    return RegionQuery(data[1:end].reshape(-1, _REGION_BYTES), strong)
