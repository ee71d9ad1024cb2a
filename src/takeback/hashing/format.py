"""Which format a file is in, by its first bytes. Names and declared types are not asked: they are often wrong."""

from enum import Enum

from takeback.errors import UnusableMediaError


class Format(Enum):
    """The formats that are decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    GIF = "GIF"
    BMP = "BMP"
    TIFF = "TIFF"
    HEIC = "HEIC"
    AVIF = "AVIF"


_MAGIC = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"BM", Format.BMP),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MAX_BRANDS = 32


def format_of(data: bytes) -> Format:
    """Tell the format of a file.

    Raises:
        UnusableMediaError: ``media.empty`` for a file without bytes, ``media.unknown_format`` for anything else.
    """
    if not data:
        raise UnusableMediaError("media.empty", "This file is empty.")
    for magic, format_ in _MAGIC:
        if data.startswith(magic):
            return format_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    found = _format_of_boxes(data)
    if found is None:
        raise UnusableMediaError(
            "media.unknown_format",
            "This is not a picture we can read. JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF work.",
        )
    return found


def _format_of_boxes(data: bytes) -> Format | None:
    """HEIC and AVIF share a container and tell by its brands. Source: ISO/IEC 14496-12 §4.3, ISO/IEC 23008-12 §10."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * _MAX_BRANDS, len(data))
    brands = {data[8:12]} | {data[i : i + 4] for i in range(16, end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    return Format.HEIC if brands & _HEIC_BRANDS else None
