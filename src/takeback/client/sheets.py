"""Dividing what a person has over the sheets of a case, so that each fits one request.

A sheet is a case of its own to the registry: it cannot tell which sheets one receipt opens.

**Source:** docs/protocol/case-v1.md §3.4 and §5.6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from takeback.model.fingerprint import Fingerprint
from takeback.wire.case_v1 import BODY_SIZES_BYTES, MAX_HOLDS, PLAINTEXT_SIZES_BYTES, SEAL_OVERHEAD_BYTES

_BODY_ROOM_BYTES = max(BODY_SIZES_BYTES) - 256
"""Without what stands around fingerprints and sealed bytes."""

_FINGERPRINT_OVERHEAD_BYTES = 160
_HOLD_BYTES = 100
"""A hold in the sealed JSON, at most."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A fingerprint and the number of the file it came from."""

    fingerprint: Fingerprint
    file_number: int


def numbered(files: Sequence[Sequence[Fingerprint]], first_number: int = 1) -> list[Numbered]:
    """All fingerprints of a person's files, in their order."""
    return [
        Numbered(fingerprint, number)
        for number, fingerprints in enumerate(files, start=first_number)
        for fingerprint in fingerprints
    ]


def divided(items: Sequence[Numbered]) -> list[list[Numbered]]:
    """As few sheets as it takes in this order; every one fits the largest body."""
    sheets: list[list[Numbered]] = []
    for item in items:
        if not sheets or not _fits([*sheets[-1], item]):
            sheets.append([])
        sheets[-1].append(item)
    return sheets


def _fits(sheet: Sequence[Numbered]) -> bool:
    values = sum(len(item.fingerprint.value) + _FINGERPRINT_OVERHEAD_BYTES for item in sheet)
    plaintext = 64 + len(sheet) * _HOLD_BYTES
    sealed = next((size + SEAL_OVERHEAD_BYTES for size in PLAINTEXT_SIZES_BYTES if plaintext <= size), None)
    if sealed is None:
        # The estimate is generous: MAX_HOLDS holds do fit the largest plaintext.
        sealed = max(PLAINTEXT_SIZES_BYTES) + SEAL_OVERHEAD_BYTES
    return len(sheet) <= MAX_HOLDS and values + -(-sealed // 3) * 4 <= _BODY_ROOM_BYTES
