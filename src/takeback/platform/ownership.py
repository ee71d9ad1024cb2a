"""One kit a data directory. A second one would take pictures of the first for what a crash has left, and erase them."""

import fcntl
import os
from pathlib import Path

from takeback.errors import UnavailableError


class DataDirLock:
    """Held as long as the process uses a data directory; the operating system lets go of it whatever ends the process.

    Args:
        folder: the data directory; it exists.

    Raises:
        UnavailableError: ``platform.in_use`` if another process has it, ``platform.data_dir`` if it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                "platform.data_dir", f"The data directory cannot be used: {error.strerror}."
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise UnavailableError("platform.in_use", "Another kit uses this data directory.") from None

    def release(self) -> None:
        """Let go; only once."""
        os.close(self._descriptor)
