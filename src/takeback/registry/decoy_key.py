"""The key of the decoys, beside the signing key: a copy of the database alone does not have it."""

import os
from pathlib import Path

from takeback.errors import CorruptDataError, UnavailableError
from takeback.registry.decoys import KEY_BYTES, Decoys, new_key

_FILE = "decoys.key"


def open_decoys(keys_dir: Path) -> Decoys:
    """Load the key, or make it at the first start.

    Raises:
        CorruptDataError: ``keys.corrupt``; without it no decoy made so far is ever recognised or taken off a list.
        UnavailableError: ``keys.unreachable``.
    """
    file = keys_dir / _FILE
    try:
        if not file.exists():
            _create(file)
        content = file.read_bytes()
    except OSError as error:
        raise UnavailableError(
            "keys.unreachable", f"The key of the decoys cannot be read or made in {keys_dir} ({error.strerror})."
        ) from None
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise CorruptDataError("keys.corrupt", f"The key {file} is damaged. Restore it from a backup.")
    return Decoys(key)


def _create(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{_FILE}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(new_key().hex().encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link never replaces: of two processes that start together, one key wins for both.
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
