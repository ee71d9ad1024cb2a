"""Sealing a case on the person's device and opening it again with the receipt.

Everything here is arithmetic on values: nothing is sent, read or stored. The receipt, the keys and the hold tokens
never appear in a ``repr``. Needs the extra ``person`` (Argon2id); the partner's side of this room does not import it.

**Source:** docs/protocol/case-v1.md §2 to §5; ``vectors/case-v1.json`` holds this and the page to the same bytes.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from takeback.client.sheets import Numbered, divided, numbered
from takeback.errors import CorruptDataError, InvalidInputError
from takeback.model.case import About, CaseContent, HeldFingerprint, Hold, Submission
from takeback.model.fingerprint import Fingerprint
from takeback.model.receipt import Receipt, new_receipt
from takeback.wire.case_v1 import (
    MAX_HOLDS,
    MAX_SHEETS,
    PLAINTEXT_SIZES_BYTES,
    SEAL_OVERHEAD_BYTES,
    content_of,
    plaintext_of,
)

_ROOT_SALT = b"takeback/receipt/v1"
_ROOT_MEMORY_KIB = 32_768
_ROOT_PASSES = 3
_CASE_ID_INFO = b"takeback/case-id/v1"
_CASE_KEY_INFO = b"takeback/case-key/v1"
_SEAL_CONTEXT = b"takeback/case/v1"
_NONCE_BYTES = 12
_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class CaseKeys:
    """What a receipt derives.

    Args:
        case_id: 16 bytes; the registry files the sealed case under it.
        case_key: 32 bytes; opens it. Never leaves the device.
    """

    case_id: bytes = field(repr=False)
    case_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedSubmission:
    """A case ready to be sent, and the receipt that opens it. The submissions may leave the device, the receipt not.

    Args:
        receipt: what the person keeps.
        submission: the first sheet.
        more: the further ones, to be sent in this order.
    """

    receipt: Receipt
    submission: Submission = field(repr=False)
    more: tuple[Submission, ...] = field(default=(), repr=False)

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """All sheets, in the order they are sent."""
        return (self.submission, *self.more)


def receipt_root(receipt: Receipt) -> bytes:
    """The 32 bytes every key of a case comes from (§3.1). Takes 32 MB and a fraction of a second, on purpose."""
    return hash_secret_raw(
        receipt.digits.encode("ascii"),
        _ROOT_SALT,
        time_cost=_ROOT_PASSES,
        memory_cost=_ROOT_MEMORY_KIB,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def keys_of(root: bytes, sheet: int = 1) -> CaseKeys:
    """Case id and case key of a sheet from the root (§3.2 to §3.4)."""
    suffix = b"" if sheet == 1 else f"/{sheet}".encode("ascii")
    return CaseKeys(_derived(root, _CASE_ID_INFO + suffix, 16), _derived(root, _CASE_KEY_INFO + suffix, 32))


def case_keys(receipt: Receipt) -> CaseKeys:
    """Case id and case key of a receipt's first sheet (§3)."""
    return keys_of(receipt_root(receipt))


def sheet_keys(receipt: Receipt) -> tuple[CaseKeys, ...]:
    """The keys of every sheet a receipt can have (§3.4)."""
    root = receipt_root(receipt)
    return tuple(keys_of(root, sheet) for sheet in range(1, MAX_SHEETS + 1))


def token_hash(token: bytes) -> bytes:
    """What the registry keeps of a hold token (§5.1): 32 bytes."""
    return hashlib.sha256(token).digest()


def seal(files: Sequence[Sequence[Fingerprint]], day: date, about: About | None = None) -> SealedSubmission:
    """Draw a receipt and seal a new case, in as many sheets as it takes.

    Args:
        files: the fingerprints of each of the person's files, in the person's order.
        day: the UTC day the case carries; nothing finer is kept.
        about: whom it is about, if that was said; it goes with the first sheet.

    Raises:
        InvalidInputError: ``case.empty`` without any fingerprint, ``case.too_large`` for more than a case can hold.
    """
    receipt = new_receipt()
    first, *more = seal_sheets(sheet_keys(receipt), numbered(files), day, about)
    return SealedSubmission(receipt, first, tuple(more))


def seal_sheets(
    keys: Sequence[CaseKeys], items: Sequence[Numbered], day: date, about: About | None = None
) -> tuple[Submission, ...]:
    """Seal fingerprints for sheets that are still free.

    Args:
        keys: of the free sheets, in their order.
        items: what is held.
        day: the UTC day the sheets carry.
        about: goes with the first of them.

    Raises:
        InvalidInputError: ``case.empty`` without any fingerprint, ``case.too_large`` if the sheets do not suffice.
    """
    sheets = divided(items)
    if not sheets:
        raise InvalidInputError("case.empty", "None of these files gave a fingerprint, so there is nothing to send.")
    if len(sheets) > len(keys):
        raise InvalidInputError("case.too_large", "That is too much for one case. Please make two.")
    return tuple(
        _seal_sheet(key, sheet, day, about if position == 0 else None)
        for position, (key, sheet) in enumerate(zip(keys, sheets, strict=False))
    )


def seal_for(keys: CaseKeys, files: Sequence[Sequence[Fingerprint]], day: date) -> Submission:
    """Seal one sheet for keys that are there already. Tokens, nonce and the order of what is sent are drawn anew.

    Raises:
        InvalidInputError: ``case.empty`` without any fingerprint, ``case.too_large`` for more than a sheet can hold.
    """
    items = numbered(files)
    if not items:
        raise InvalidInputError("case.empty", "None of these files gave a fingerprint, so there is nothing to send.")
    if len(items) > MAX_HOLDS:
        raise InvalidInputError("case.too_large", "That is too much for one case. Please make two.")
    return _seal_sheet(keys, items, day, None)


def _seal_sheet(keys: CaseKeys, items: Sequence[Numbered], day: date, about: About | None) -> Submission:
    pairs = [
        (item.fingerprint, Hold(secrets.token_bytes(_TOKEN_BYTES), item.fingerprint.algorithm, item.file_number))
        for item in items
    ]
    content = CaseContent(day, tuple(hold for _, hold in pairs))
    sealed = seal_content(keys, content, nonce=secrets.token_bytes(_NONCE_BYTES))
    held = [HeldFingerprint(fingerprint, token_hash(hold.token)) for fingerprint, hold in pairs]
    secrets.SystemRandom().shuffle(held)  # case-v1 §5.1: the order must not say which fingerprints share a file
    return Submission(keys.case_id, sealed, tuple(held), about)


def seal_content(keys: CaseKeys, content: CaseContent, *, nonce: bytes) -> bytes:
    """Encrypt a case (§4.3).

    Args:
        keys: of the case.
        content: what is sealed.
        nonce: 12 bytes that were never used with this key; random, except where a golden vector is made.

    Raises:
        InvalidInputError: ``case.too_large`` if it fits no allowed size.
    """
    plaintext = plaintext_of(content)
    return nonce + AESGCM(keys.case_key).encrypt(nonce, plaintext, _SEAL_CONTEXT + keys.case_id)


def open_sealed(keys: CaseKeys, untrusted_sealed: bytes) -> CaseContent:
    """Decrypt a case.

    Raises:
        CorruptDataError: ``case.damaged`` if these keys do not open it, ``case.content`` if what is inside is
            not understood.
    """
    damaged = CorruptDataError("case.damaged", "The stored case does not open with this receipt. It may be damaged.")
    if len(untrusted_sealed) not in {size + SEAL_OVERHEAD_BYTES for size in PLAINTEXT_SIZES_BYTES}:
        raise damaged
    nonce, ciphertext = untrusted_sealed[:_NONCE_BYTES], untrusted_sealed[_NONCE_BYTES:]
    try:
        plaintext = AESGCM(keys.case_key).decrypt(nonce, ciphertext, _SEAL_CONTEXT + keys.case_id)
    except InvalidTag:
        raise damaged from None
    return content_of(plaintext)


def _derived(root: bytes, info: bytes, length_bytes: int) -> bytes:
    # An empty salt and no salt are the same in HKDF (RFC 5869 §2.2).
    return HKDF(algorithm=SHA256(), length=length_bytes, salt=None, info=info).derive(root)
