"""A snapshot on its way: a file that grows until it has the size that was signed, also over several connections.

It lies beside the list (mode 0600), is named by its digest, and is overwritten and removed once it has been taken in
or turned out to be wrong.

**Source:** docs/protocol/feed-v1.md §7.4.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from takeback.errors import ProtocolViolationError, UnavailableError
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_snapshot_v1 import SnapshotStatement

_CHUNK_BYTES: Final = 1 << 20
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)")


class PartFile:
    """One download.

    Args:
        folder: the list store's.
        statement: what was signed.
    """

    def __init__(self, folder: Path, statement: SnapshotStatement) -> None:
        self.statement = statement
        self.path = folder / f"{statement.list.value}-{statement.sha256}.part"

    def size(self) -> int:
        """Bytes that have arrived."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def is_complete(self) -> bool:
        """Whether as many bytes have arrived as were signed. Which ones, :meth:`check` finds out."""
        return self.size() == self.statement.size_bytes

    def request_headers(self) -> dict[str, str]:
        """What to ask with: the rest only, of this file only, and as it is."""
        headers = {"Accept-Encoding": "identity"}
        if offset := self.size():
            headers |= {"Range": f"bytes={offset}-", "If-Range": f'"{self.statement.sha256}"'}
        return headers

    @contextmanager
    def receiving(self, status: int, headers: Mapping[str, str]) -> Iterator["PartWriter"]:
        """Take in an answer of status 200 (the whole file) or 206 (the rest).

        Raises:
            ProtocolViolationError: ``feed.snapshot`` for a part that is not the one asked for.
            UnavailableError: ``store.unavailable``.
        """
        offset = self.size() if status == 206 else 0
        if status == 206:
            found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
            if found is None or int(found[1]) != offset:
                raise _wrong_snapshot(self.statement.list, "another range")
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(offset)
                file.seek(offset)
                yield PartWriter(self.statement, file, offset)
        except OSError as error:
            raise UnavailableError("store.unavailable", f"The list cannot be kept there: {error.strerror}.") from None

    def check(self) -> None:
        """Compare the whole file with what was signed. A wrong one is removed.

        Raises:
            ProtocolViolationError: ``feed.snapshot``.
        """
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        if digest.hexdigest() != self.statement.sha256 or not self.is_complete():
            self.remove()
            raise _wrong_snapshot(self.statement.list, "digest")

    def remove(self) -> None:
        """Overwrite it and take it away: it holds values that may leave the list one day."""
        _remove(self.path)

    def remove_others(self) -> None:
        """Take away what is left of other snapshots of this list."""
        for path in self.path.parent.glob(f"{self.statement.list.value}-{'[0-9a-f]' * 64}.part"):
            if path != self.path:
                _remove(path)


class PartWriter:
    """Appends to a part file, never beyond the size that was signed."""

    def __init__(self, statement: SnapshotStatement, file: BinaryIO, offset: int) -> None:
        self._statement = statement
        self._file = file
        self.size = offset

    def take(self, part: bytes) -> None:
        """Add bytes.

        Raises:
            ProtocolViolationError: ``feed.snapshot`` if there are more than were signed.
        """
        self.size += len(part)
        if self.size > self._statement.size_bytes:
            raise _wrong_snapshot(self._statement.list, "too long")
        self._file.write(part)


def _wrong_snapshot(name: Algorithm, what: str) -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.snapshot", "The snapshot of the list is not the one that was signed.", detail=f"{name.value}: {what}"
    )


def _remove(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            left = file.seek(0, os.SEEK_END)
            file.seek(0)
            while left > 0:
                left -= file.write(bytes(min(left, _CHUNK_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnavailableError("store.unavailable", f"The list cannot be kept there: {error.strerror}.") from None
