"""The pictures and videos that wait for a decision: one file a lead, mode 0600, no name but the lead's.

A file is on disk before its lead is in the database, so no lead is without its file; one whose lead never came to be,
or has been decided, is erased at the next start. Videos that are on their way in lie in a folder beside, until it is
known what becomes of them; what is there at a start is erased.
"""

import os
import re
import secrets
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from takeback.errors import NotFoundError, UnavailableError

_NAME = re.compile(r"[0-9a-f]{32}")


class HeldFiles:
    """A folder of held pictures and videos.

    Args:
        folder: made if it is not there.

    Raises:
        UnavailableError: ``platform.data_dir``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arriving = folder.parent / "arriving"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._arriving.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unavailable(error) from None

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """A new empty file for a video on its way in; erased in the end, unless it was held.

        Raises:
            UnavailableError: ``platform.data_dir``.
        """
        path = self._arriving / secrets.token_hex(16)
        try:
            path.touch(0o600, exist_ok=False)
        except OSError as error:
            raise _unavailable(error) from None
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep_file(self, lead_id: str, path: Path) -> None:
        """Hold a file that has arrived; when this returns, a power cut cannot lose it.

        Raises:
            UnavailableError: ``platform.data_dir``.
        """
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.rename(self._folder / lead_id)
            self._sync_folder()
        except OSError as error:
            raise _unavailable(error) from None

    def has(self, lead_id: str) -> bool:
        """Whether there is a copy of a lead's content to look at."""
        return (self._folder / lead_id).is_file()

    def keep_copy(self, lead_id: str, body: bytes | Path) -> None:
        """Hold what the platform sends for a lead; another copy of it from before is replaced.

        Raises:
            UnavailableError: ``platform.data_dir``.
        """
        if isinstance(body, Path):
            self.keep_file(lead_id, body)
            return
        with self.arriving() as path:
            try:
                path.write_bytes(body)
            except OSError as error:
                raise _unavailable(error) from None
            self.keep_file(lead_id, path)

    def path_of(self, lead_id: str) -> Path:
        """The file of an open lead.

        Raises:
            NotFoundError: ``lead.no_picture``.
        """
        path = self._folder / lead_id
        if not path.is_file():
            raise NotFoundError("lead.no_picture", "The copy of this file has been erased.")
        return path

    def keep(self, lead_id: str, picture: bytes) -> None:
        """Store a picture; when this returns, a power cut cannot lose it.

        Raises:
            UnavailableError: ``platform.data_dir``, for a full disk too; nothing is left behind then.
        """
        path = self._folder / lead_id
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(picture)
                file.flush()
                os.fsync(file.fileno())
            self._sync_folder()
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _unavailable(error) from None

    def read(self, lead_id: str) -> bytes:
        """The picture of an open lead.

        Raises:
            NotFoundError: ``lead.no_picture``.
        """
        try:
            return (self._folder / lead_id).read_bytes()
        except FileNotFoundError:
            raise NotFoundError("lead.no_picture", "The copy of this picture has been erased.") from None
        except OSError as error:
            raise _unavailable(error) from None

    def erase(self, lead_id: str) -> None:
        """Remove a picture. One that is not there is fine."""
        try:
            (self._folder / lead_id).unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise _unavailable(error) from None

    def erase_all_but(self, lead_ids: AbstractSet[str]) -> int:
        """Remove what no open lead needs; returns how many files went. Call it before anything is checked."""
        erased = 0
        for path in self._arriving.iterdir():
            path.unlink()
            erased += 1
        for path in sorted(self._folder.iterdir()):
            if _NAME.fullmatch(path.name) and path.name not in lead_ids:
                self.erase(path.name)
                erased += 1
        return erased

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unavailable(error: OSError) -> UnavailableError:
    return UnavailableError(
        "platform.data_dir", "A picture cannot be kept or read at the moment.", detail=error.strerror
    )
