"""Which kind of container a file is, by its first bytes; names and declared types are not asked.

The answer names the one demuxer that is opened, so that nothing else of FFmpeg ever sees the file.
"""

from enum import Enum

from takeback.errors import UnusableMediaError

HEAD_BYTES = 1024
"""How much of a file's beginning is enough to tell."""


class Container(Enum):
    """The containers that are opened; the value is FFmpeg's name of the demuxer."""

    MP4 = "mov"
    """MP4, MOV, 3GP: one family."""
    MATROSKA = "matroska"
    """MKV and WebM."""
    AVI = "avi"
    TS = "mpegts"


_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""First boxes of QuickTime files from before there was ``ftyp``. Source: QuickTime File Format, "Atoms"."""

_STILL_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_EBML = b"\x1a\x45\xdf\xa3"
_TS_SYNC = 0x47
_TS_SIZES = (188, 192, 204)
_TS_PACKETS = 4


def container_of(head: bytes) -> Container | None:
    """Tell the container from a file's first ``HEAD_BYTES``; ``None`` for what is not a video, pictures included."""
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _STILL_BRANDS else Container.MP4
    if head[4:8] in _BOXES:
        return Container.MP4
    if head.startswith(_EBML):
        return Container.MATROSKA
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Container.AVI
    return Container.TS if any(_is_ts(head, size) for size in _TS_SIZES) else None


def known_container_of(head: bytes) -> Container:
    """Tell the container.

    Raises:
        UnusableMediaError: ``media.empty``, ``media.unknown_format``.
    """
    if not head:
        raise UnusableMediaError("media.empty", "This file is empty.")
    found = container_of(head)
    if found is None:
        raise UnusableMediaError(
            "media.unknown_format", "This is not a video we can read. MP4, MOV, MKV, WebM, AVI and TS work."
        )
    return found


def _is_ts(head: bytes, size: int) -> bool:
    """A sync byte at the same place of every packet; 192-byte packets begin with a time of four bytes."""
    start = 4 if size == 192 else 0
    places = range(start, start + _TS_PACKETS * size, size)
    return len(head) > places[-1] and all(head[place] == _TS_SYNC for place in places)
