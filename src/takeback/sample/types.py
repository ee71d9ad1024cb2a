"""What the wall knows about a picture."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class PhotoState(StrEnum):
    """What has become of a picture."""

    WAITING = "waiting"
    """Nobody sees it: it is being checked, or waits for a person, or the check cannot be reached."""
    PUBLISHED = "published"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture somebody posted.

    Args:
        photo_id: 32 hexadecimal digits, drawn at random; also its content id at the kit. File names are not kept.
        state: what has become of it.
        is_checked: whether the kit has answered about it.
        posted_s: Unix seconds.
        media_type: of its bytes, as a browser is told.
    """

    photo_id: str
    state: PhotoState
    is_checked: bool
    posted_s: int
    media_type: str = "image/jpeg"

    @property
    def kind(self) -> Literal["image", "video"]:
        """Whether it is a picture or a video."""
        return "video" if self.media_type.startswith("video/") else "image"
