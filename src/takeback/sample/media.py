"""What a posted file is, by its first bytes, so that a browser is told. Whether it can be read the kit knows."""

from typing import Final

_TYPES: Final = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
    (b"ftyphei", 4, "image/heic"),
    (b"ftypmif1", 4, "image/heic"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
    (b"AVI ", 8, "video/x-msvideo"),
)


def media_type_of(data: bytes) -> str:
    """The media type; ``application/octet-stream`` for what is none of these."""
    for magic, at, name in _TYPES:
        if data[at : at + len(magic)] == magic:
            return name
    return "application/octet-stream"
