"""The registry's signing key: an Ed25519 key in a file that only its owner may read.

**Source:** docs/protocol/feed-v1.md §3.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from takeback.errors import CorruptDataError, UnavailableError
from takeback.model.entry import Head
from takeback.wire.feed_v1 import (
    HEAD_CONTEXT,
    PublicKeyShape,
    SignatureShape,
    SignedHeadShape,
    head_text,
    key_id_of,
    pin_of,
)
from takeback.wire.shape import encode_base64

KEY_FILE = "feed-signing-key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class HeadSigner:
    """Signs heads."""

    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private_key: bytes) -> Self:
        """A signer from the private half: 32 bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(private_key))

    def public_bytes(self) -> bytes:
        """The public half: 32 bytes."""
        return self.key.public_key().public_bytes_raw()

    def private_text(self) -> str:
        """The private half in hexadecimal, for the file it is kept in. Secret."""
        return self.key.private_bytes_raw().hex()

    def public_key(self) -> PublicKeyShape:
        """The public half, as partners may ask for it."""
        public = self.public_bytes()
        return PublicKeyShape(key_id=key_id_of(public), public_key=public.hex())

    def pin(self) -> str:
        """The part of a partner's key that names this signing key."""
        return pin_of(self.public_bytes())

    def sign(self, head: Head) -> SignedHeadShape:
        """Vouch for a head."""
        text = head_text(head)
        return SignedHeadShape(head=text, signatures=self.sign_text(text, HEAD_CONTEXT))

    def sign_text(self, text: str, context: bytes) -> list[SignatureShape]:
        """Vouch for a text; ``context`` says what kind of text it is."""
        signature = encode_base64(self.key.sign(context + text.encode("ascii")))
        return [SignatureShape(key_id=self.public_key().key_id, signature=signature)]


def open_signer(keys_dir: Path) -> HeadSigner:
    """Load the signing key, or make it at the first start.

    Raises:
        CorruptDataError: ``keys.corrupt``; a key is never replaced by itself, because every partner has pinned it.
        UnavailableError: ``keys.unreachable`` if the folder cannot be read or written.
    """
    file = keys_dir / KEY_FILE
    try:
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _create(file)
        content = file.read_bytes()
    except OSError as error:
        raise UnavailableError(
            "keys.unreachable", f"The signing key cannot be read or made in {keys_dir} ({error.strerror})."
        ) from None
    try:
        raw = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise CorruptDataError("keys.corrupt", f"The signing key {file} is damaged. Restore it from a backup.")
    return HeadSigner(Ed25519PrivateKey.from_private_bytes(raw))


def _create(file: Path) -> None:
    draft = file.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(Ed25519PrivateKey.generate().private_bytes_raw().hex().encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        _publish(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, file: Path) -> None:
    # A link, unlike a rename, never replaces: of two processes that start together, one key wins for both.
    try:
        os.link(draft, file)
    except FileExistsError:
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
