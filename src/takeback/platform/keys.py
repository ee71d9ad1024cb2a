"""The kit's own secrets, made at its first start and kept in its data directory (mode 0600).

``api-token`` is for the platform's software, ``review-code`` for reviewers (platform-v1 §1). Two never leave the
machine. Under ``digest-key`` contents are told apart, as a plain SHA-256 would be a fingerprint; under ``memory-key``
their fingerprints are sealed for looking back (§6).
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from takeback.errors import CorruptDataError, UnavailableError

_CODE_GROUPS = 5
_PIECE_BYTES = 2**20
_CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")


@dataclass(frozen=True, slots=True)
class PlatformKeys:
    """Secrets of one kit.

    Args:
        api_token: what the platform's software sends.
        review_code: what a reviewer types.
        digest_key: 32 bytes.
        memory_key: 32 bytes.
    """

    api_token: str = field(repr=False)
    review_code: str = field(repr=False)
    digest_key: bytes = field(repr=False)
    memory_key: bytes = field(repr=False)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Read the secrets, making those that are not there.

        Raises:
            UnavailableError: ``platform.data_dir`` if the folder cannot be used.
            CorruptDataError: ``platform.keys`` if a file does not hold what it should.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(
                _kept(folder / "api-token", lambda: secrets.token_urlsafe(32)),
                _kept(folder / "review-code", _new_code),
                bytes.fromhex(_kept(folder / "digest-key", lambda: secrets.token_hex(32))),
                bytes.fromhex(_kept(folder / "memory-key", lambda: secrets.token_hex(32))),
            )
        except OSError as error:
            raise UnavailableError(
                "platform.data_dir", f"The data directory cannot be used: {error.strerror}."
            ) from None
        except ValueError:
            raise CorruptDataError("platform.keys", "A key file in the data directory is damaged.") from None

    def digest_of(self, data: bytes) -> bytes:
        """The keyed digest contents are remembered by: 32 bytes."""
        return hmac.digest(self.digest_key, data, sha256)

    def digest_of_file(self, path: Path) -> bytes:
        """The same of a file, of which a piece at a time is in memory."""
        digest = hmac.new(self.digest_key, digestmod=sha256)
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
        return digest.digest()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _write_once(path, make())
    text = path.read_text(encoding="ascii").strip()
    if not _TOKEN.fullmatch(text):
        raise CorruptDataError("platform.keys", f"The file {path.name} in the data directory is damaged.")
    return text


def _write_once(path: Path, text: str) -> None:
    # Written beside and linked: a power cut leaves a whole key or none, and of two processes one wins.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _new_code() -> str:
    # 20 letters of 31: 99 random bits, without the letters that are mistaken for one another.
    groups = ("".join(secrets.choice(_CODE_ALPHABET) for _ in range(4)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)
