"""Secrets of a service in files beside its database, never in it: a copy of the database has none of them."""

import os
import secrets
from pathlib import Path

from takeback.errors import CorruptDataError, UnavailableError

SECRET_BYTES = 32


def open_secret(file: Path) -> bytes:
    """Load a secret of 32 bytes, or make it at the first start.

    Args:
        file: readable by its owner only.

    Raises:
        CorruptDataError: ``keys.corrupt``; it is never replaced by itself, because other processes may have read it.
        UnavailableError: ``keys.unreachable``.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _create(file)
        content = file.read_bytes()
    except OSError as error:
        raise UnavailableError(
            "keys.unreachable", f"The secret {file} cannot be read or made ({error.strerror})."
        ) from None
    try:
        secret = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise CorruptDataError("keys.corrupt", f"The secret {file} is damaged. Restore it from a backup.")
    return secret


def _create(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_hex(SECRET_BYTES).encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces: of two processes that start together, one secret wins for both.
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
