"""The console's own key: seals second factors, signs challenges, hashes names that were typed.

It lies beside the signing key (mode 0600), not in the database, so that a copy of the database alone opens no second
factor. Processes that share a database share it as they share the signing key.
"""

import hmac
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from takeback.errors import CorruptDataError, UnavailableError

_FILE = "console-key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ConsoleKey:
    """32 bytes, and what is done with them."""

    raw: bytes = field(repr=False)

    def seal(self, secret: bytes, whose: str) -> bytes:
        """Encrypt (AES-256-GCM) so that it opens for the same operator only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._derived(b"seal")).encrypt(nonce, secret, whose.encode())

    def open(self, sealed: bytes, whose: str) -> bytes:
        """Decrypt what ``seal`` gave.

        Raises:
            CorruptDataError: ``console.sealed``: another key sealed it, or it was altered.
        """
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._derived(b"seal")).decrypt(nonce, rest, whose.encode())
        except (InvalidTag, ValueError):
            raise CorruptDataError(
                "console.sealed", "A second factor cannot be read: the console's key is not the one it was made with."
            ) from None

    def sign(self, purpose: str, message: bytes) -> bytes:
        """HMAC-SHA256 over a message for one purpose; a signature for one is none for another."""
        return hmac.digest(self._derived(b"sign " + purpose.encode()), message, sha256)

    def _derived(self, use: bytes) -> bytes:
        return hmac.digest(self.raw, b"takeback/console/v1 " + use, sha256)


def open_console_key(keys_dir: Path) -> ConsoleKey:
    """Load the key, or make it the first time.

    Raises:
        CorruptDataError: ``keys.corrupt``; it is never replaced by itself.
        UnavailableError: ``keys.unreachable``.
    """
    file = keys_dir / _FILE
    try:
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _create(file)
        content = file.read_bytes()
    except OSError as error:
        raise UnavailableError(
            "keys.unreachable", f"The console's key cannot be read or made in {keys_dir} ({error.strerror})."
        ) from None
    try:
        raw = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise CorruptDataError("keys.corrupt", f"The console's key {file} is damaged. Restore it from a backup.")
    return ConsoleKey(raw)


def _create(file: Path) -> None:
    draft = file.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES).hex().encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link never replaces: of two processes that start together, one key wins for both.
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
