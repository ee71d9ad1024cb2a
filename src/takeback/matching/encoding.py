"""Text to the arrays that the kernels take, a whole batch at a time."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.chunks import bit_order
from takeback.matching.kernels import reorder_bits
from takeback.model.fingerprint import Algorithm, value_length

_ID_DIGITS = 32


SETS: Final = (Algorithm.PDQ_REGION, Algorithm.VPDQ)
"""Algorithms whose entries are sets of values of 256 bits."""

EXACT: Final = (Algorithm.MD5, Algorithm.SHA256)
"""Algorithms whose values are asked for equality only."""


def width_of(name: Algorithm) -> int:
    """64-bit words of a value; of sets, of one of theirs."""
    return 4 if name in SETS else _digits_of(name) // 16


def id_width_of(name: Algorithm) -> int:
    """64-bit words of a row's id: the entry's, and with sets the mark of the value."""
    return 3 if name in SETS else 2


def _digits_of(name: Algorithm) -> int:
    digits = value_length(name)
    if digits is None:
        raise InvalidInputError("list.shape", f"Values of {name.value} are sets, not rows of one length.")
    return digits


def ids_to_words(entry_ids: Sequence[str]) -> NDArray[np.uint64]:
    """Entry ids as (n, 2) uint64, which sort as their text does.

    Raises:
        InvalidInputError: ``entry.format`` for one that is not 32 lower-case hexadecimal digits.
    """
    raw = _bytes_of(entry_ids, _ID_DIGITS)
    if raw is None:
        raise InvalidInputError("entry.format", "An entry id is 32 lower-case hexadecimal digits.")
    return raw.view(">u8").astype(np.uint64)


def words_to_id(words: NDArray[np.uint64]) -> str:
    """One entry id, from its two words."""
    return f"{int(words[0]):016x}{int(words[1]):016x}"


def values_to_words(name: Algorithm, values: Sequence[str]) -> NDArray[np.uint64]:
    """Fingerprints' texts as (n, w) uint64, PDQ in chunk order.

    Raises:
        InvalidInputError: ``fingerprint.format``.
    """
    digits = _digits_of(name)
    raw = _bytes_of(values, digits)
    if raw is None:
        raise InvalidInputError(
            "fingerprint.format",
            f"A {name.value} fingerprint is {digits} lower-case hexadecimal digits.",
        )
    return raw_to_words(name, raw)


def raw_to_words(name: Algorithm, raw: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Fingerprints' bytes, (n, bytes) uint8, as (n, w) uint64, PDQ and values of sets in chunk order."""
    if name in EXACT:
        return np.ascontiguousarray(raw).view(np.uint64)
    words = np.empty((len(raw), width_of(name)), np.uint64)
    frozen = np.ascontiguousarray(raw).view()
    frozen.flags.writeable = False
    reorder_bits(frozen, bit_order(), words)
    return words


def _bytes_of(texts: Sequence[str], digits: int) -> NDArray[np.uint8] | None:
    joined = "".join(texts)
    if any(len(text) != digits for text in texts) or joined != joined.lower():
        return None
    try:
        raw = bytes.fromhex(joined)
    except ValueError:
        return None
    # fromhex passes over white space, so what it read may be shorter than what was there.
    if 2 * len(raw) != len(joined):
        return None
    return np.frombuffer(raw, np.uint8).reshape(len(texts), digits // 2)
