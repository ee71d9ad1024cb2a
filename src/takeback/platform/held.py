"""The pictures that wait for a decision: one file a lead, mode 0600, no name but the lead's.

A picture is on disk before its lead is in the database, so no lead is without its picture; a file whose lead never came
to be, or has been decided, is erased at the next start.
"""

import os
import re
from collections.abc import Set as AbstractSet
from pathlib import Path

from takeback.errors import NotFoundError, UnavailableError

_NAME = re.compile(r"[0-9a-f]{32}")


class HeldPictures:
    """A folder of held pictures.

    Args:
        folder: made if it is not there.

    Raises:
        UnavailableError: ``platform.data_dir``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unavailable(error) from None

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
