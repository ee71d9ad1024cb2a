"""Shapes of the sample photo wall. Nobody but its own page reads them."""

from typing import Annotated, Literal

from pydantic import Field

from takeback.wire.shape import Hex32, ReplyShape


class UploadShape(ReplyShape):
    """One's own picture and what has become of it. ``message`` is for people."""

    id: Hex32
    state: Literal["published", "waiting", "removed"]
    message: str


class WallPhotoShape(ReplyShape):
    """A published picture or video. ``posted`` is Unix seconds."""

    id: Hex32
    url: str
    posted: Annotated[int, Field(ge=0)]
    media: Literal["image", "video"]


class WallShape(ReplyShape):
    """Answer of ``GET /api/photos``, newest first."""

    photos: list[WallPhotoShape]
