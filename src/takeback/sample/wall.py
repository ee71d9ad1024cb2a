"""The pictures: what is known of them in memory, their bytes in a temporary folder."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from takeback.errors import NotFoundError, UnavailableError
from takeback.sample.types import Photo, PhotoState

MAX_PHOTOS: Final = 2_000
MAX_TOTAL_BYTES: Final = 1024**3


class Wall:
    """Every picture that was posted since the start.

    Args:
        folder: where bytes are kept; whoever made it erases it.
        max_photos: remembered at once, removed ones too.
        max_total_bytes: of what is kept.
    """

    def __init__(self, folder: Path, max_photos: int = MAX_PHOTOS, max_total_bytes: int = MAX_TOTAL_BYTES) -> None:
        self._folder = folder
        self._max_photos = max_photos
        self._max_total_bytes = max_total_bytes
        self._lock = threading.Lock()
        self._photos: dict[str, Photo] = {}
        self._sizes_bytes: dict[str, int] = {}

    def add(self, photo: Photo, picture: bytes) -> None:
        """Keep a new picture.

        Raises:
            UnavailableError: ``wall.full``.
        """
        with self._lock:
            total_bytes = sum(self._sizes_bytes.values()) + len(picture)
            if len(self._photos) >= self._max_photos or total_bytes > self._max_total_bytes:
                raise UnavailableError("wall.full", "This wall is full.")
            self._sizes_bytes[photo.photo_id] = len(picture)
            self._photos[photo.photo_id] = photo
        (self._folder / photo.photo_id).write_bytes(picture)

    def photo(self, photo_id: str) -> Photo:
        """What is known of a picture.

        Raises:
            NotFoundError: ``photo.unknown``.
        """
        with self._lock:
            found = self._photos.get(photo_id)
        if found is None:
            raise NotFoundError("photo.unknown", "There is no such picture.")
        return found

    def published(self) -> tuple[Photo, ...]:
        """What everybody sees, newest first."""
        with self._lock:
            return tuple(photo for photo in reversed(self._photos.values()) if photo.state is PhotoState.PUBLISHED)

    def unchecked(self) -> tuple[Photo, ...]:
        """What the kit has not answered about yet, oldest first."""
        with self._lock:
            waiting = PhotoState.WAITING
            return tuple(one for one in self._photos.values() if one.state is waiting and not one.is_checked)

    def bytes_of(self, photo_id: str) -> bytes:
        """A picture's bytes, whatever its state."""
        return (self._folder / photo_id).read_bytes()

    def published_bytes(self, photo_id: str) -> bytes:
        """A picture's bytes if everybody may see it.

        Raises:
            NotFoundError: ``photo.unknown``; the same for one that waits, was removed, or never was.
        """
        if self.photo(photo_id).state is not PhotoState.PUBLISHED:
            raise NotFoundError("photo.unknown", "There is no such picture.")
        return self.bytes_of(photo_id)

    def kept_bytes(self, photo_id: str) -> bytes | None:
        """A picture's bytes; ``None`` if it is not here, or not any more."""
        with self._lock:
            if photo_id not in self._sizes_bytes:
                return None
        try:
            return self.bytes_of(photo_id)
        except FileNotFoundError:
            return None

    def note_checked(self, photo_id: str, *, publish: bool) -> None:
        """The kit has answered. What its log said first stands: that may be younger than the answer."""
        with self._lock:
            photo = self._photos.get(photo_id)
            if photo is not None and not photo.is_checked:
                state = PhotoState.PUBLISHED if publish else PhotoState.WAITING
                self._photos[photo_id] = replace(photo, state=state, is_checked=True)

    def take_down(self, photo_id: str) -> None:
        """Nobody sees it until a reviewer has decided. What was removed stays removed."""
        self._change(photo_id, PhotoState.WAITING, only_from=PhotoState.PUBLISHED)

    def publish(self, photo_id: str) -> None:
        """A reviewer keeps it up. What was removed stays removed."""
        self._change(photo_id, PhotoState.PUBLISHED, only_from=PhotoState.WAITING)

    def remove(self, photo_id: str) -> None:
        """A reviewer removes it: its bytes are erased."""
        if self.knows(photo_id):
            self._change(photo_id, PhotoState.REMOVED, only_from=None)
            self._erase(photo_id)

    def drop(self, photo_id: str) -> None:
        """Forget a picture that could not be taken."""
        with self._lock:
            self._photos.pop(photo_id, None)
        self._erase(photo_id)

    def knows(self, photo_id: str) -> bool:
        """Whether a picture was posted here since the start."""
        with self._lock:
            return photo_id in self._photos

    def _erase(self, photo_id: str) -> None:
        (self._folder / photo_id).unlink(missing_ok=True)
        with self._lock:
            self._sizes_bytes.pop(photo_id, None)

    def _change(self, photo_id: str, state: PhotoState, only_from: PhotoState | None) -> None:
        with self._lock:
            photo = self._photos.get(photo_id)
            if photo is None:
                return
            new_state = state if only_from is None or photo.state is only_from else photo.state
            self._photos[photo_id] = replace(photo, state=new_state, is_checked=True)
