"""From the bytes of a file to pixels, for files that somebody hostile may have made.

The format is told by content and its one decoder is opened directly; Pillow's guessing and its global settings are not
used. What a file declares is held against ``Limits`` before pixels are asked for. Whatever a decoder raises becomes an
``UnusableMediaError``. These rules hold on the command line, at a platform and in the page alike:

* the picture as displayed: EXIF orientation is applied; the first frame or page is taken;
* colour profiles are ignored, as the industry's clients do;
* transparency counts as on white; 16 bit channels keep their high byte;
* a file that ends early is refused, not hashed in part: half a picture has another fingerprint.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from takeback.errors import UnusableMediaError
from takeback.hashing import jpeg, webp
from takeback.hashing.downsample import Pixels
from takeback.hashing.format import Format, format_of
from takeback.hashing.limits import Limits
from takeback.hashing.orientation import orientation_of, turns_sides, upright

_TRUNCATED = ("truncat", "end of file", "end-of-file", "unexpected end", "not enough", "premature", "eof")


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded picture, upright.

    Args:
        image: mode L, RGB or RGBA; possibly smaller than declared, if shrinking while reading was allowed.
        width: pixels of the whole picture as displayed.
        height: likewise.
    """

    image: Image.Image
    width: int
    height: int

    def pixels(self) -> Pixels:
        """The pixels as the kernels take them; see ``Pixels``."""
        pixels = np.asarray(self.image)
        return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def decode(data: bytes, limits: Limits, *, least_side_px: int | None = None) -> DecodedPicture:
    """Decode the first picture in a file.

    Args:
        data: the file.
        limits: what it may cost.
        least_side_px: if given, a decoder that can shrink while it reads (JPEG) may do so by 2, 4 or 8, as long as no
            side gets shorter than this; it then gives luma only. Not given, the picture comes in full and in colour.

    Raises:
        UnusableMediaError: ``media.empty``, ``media.unknown_format``, ``media.too_large`` (bytes, pixels, side or
            frames), ``media.too_complex``, ``media.truncated``, ``media.damaged``.
    """
    if len(data) > limits.max_bytes:
        raise _too_large(f"This file is larger than {limits.max_bytes // 2**20} MB.")
    format_ = format_of(data)
    _check_plan(data, format_, limits)
    with _decoder_errors():
        image = _open(data, format_)
        _check_size(image, limits)
        orientation = orientation_of(image.info.get("exif") or b"")
        width, height = image.size
        if least_side_px is not None:
            _shrink_on_load(image, least_side_px)
        if image.width * image.height > limits.max_pixels:
            raise _too_large(_PIXELS.format(limits.max_pixels // 1_000_000))
        image.load()
        picture = upright(_eight_bit(image), orientation)
    if format_ is Format.TIFF or format_ is Format.HEIC:
        # These decoders set the picture upright themselves, while they load.
        return DecodedPicture(picture, picture.width, picture.height)
    return DecodedPicture(picture, *((height, width) if turns_sides(orientation) else (width, height)))


_PIXELS = "This picture has more than {} megapixels."


def _too_large(message: str) -> UnusableMediaError:
    return UnusableMediaError("media.too_large", message)


def _check_plan(data: bytes, format_: Format, limits: Limits) -> None:
    """Refuse what would cost too much in the very act of opening it."""
    if format_ is Format.JPEG:
        plan = jpeg.plan_of(data)
        pixels = plan.width * plan.height
        # More than one scan needs the coefficients of the whole picture at once, whatever size is asked for.
        if plan.scans > 1 and (pixels > limits.max_pixels or pixels * plan.scans > limits.max_scan_pixels):
            raise _too_large(_PIXELS.format(limits.max_pixels // 1_000_000))
    elif format_ is Format.WEBP:
        width, height = webp.canvas_of(data)
        if width * height > limits.max_pixels:
            raise _too_large(_PIXELS.format(limits.max_pixels // 1_000_000))


def _check_size(image: ImageFile.ImageFile, limits: Limits) -> None:
    if image.width * image.height > limits.max_stored_pixels:
        raise _too_large(_PIXELS.format(limits.max_stored_pixels // 1_000_000))
    if max(image.size) > limits.max_side_px:
        raise _too_large(f"A side of this picture is longer than {limits.max_side_px} pixels.")


def _open(data: bytes, format_: Format) -> ImageFile.ImageFile:  # noqa: PLR0911 - one a format
    """Parse the headers with the one decoder for the format; no pixels yet."""
    stream = io.BytesIO(data)
    match format_:
        case Format.JPEG:
            return JpegImagePlugin.JpegImageFile(stream)
        case Format.PNG:
            return PngImagePlugin.PngImageFile(stream)
        case Format.WEBP:
            return WebPImagePlugin.WebPImageFile(stream)
        case Format.GIF:
            return GifImagePlugin.GifImageFile(stream)
        case Format.BMP:
            return BmpImagePlugin.BmpImageFile(stream)
        case Format.TIFF:
            return TiffImagePlugin.TiffImageFile(stream)
        case Format.AVIF:
            return AvifImagePlugin.AvifImageFile(stream)
        case Format.HEIC:
            return _open_heic(stream)
        case _:
            assert_never(format_)


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    # Imported here: the library costs a third of a second to load and few files need it.
    from pillow_heif import HeifImageFile  # noqa: PLC0415

    opened: ImageFile.ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return opened


def _shrink_on_load(image: ImageFile.ImageFile, least_side_px: int) -> None:
    for factor in (8, 4, 2):
        if min(image.size) >= factor * least_side_px:
            image.draft("L", (image.width // factor, image.height // factor))
            return


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring any mode a decoder gives to L, RGB or RGBA."""
    if image.mode in ("L", "RGB", "RGBA"):
        return image.convert("RGBA") if "transparency" in image.info and image.mode != "RGBA" else image
    if image.mode.startswith("I"):
        return _high_byte(image)
    if image.mode in ("1", "F"):
        return image.convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("RGB")


def _high_byte(image: Image.Image) -> Image.Image:
    """16 bit grey to 8; Pillow's own conversion clips at 255 and would make the picture white."""
    values = np.asarray(image)
    return Image.fromarray((np.clip(values, 0, 65535) >> 8).astype(np.uint8))


@contextmanager
def _decoder_errors() -> Iterator[None]:
    """Turn what a decoder raises into our own errors; decoders raise nearly everything on damaged input."""
    try:
        yield
    except UnusableMediaError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise _too_large("This picture is too large to decode.") from error
    except Exception as error:
        text = str(error).lower()
        if isinstance(error, (EOFError, struct.error)) or any(word in text for word in _TRUNCATED):
            raise UnusableMediaError(
                "media.truncated", "This file ends too early. It may not have been copied in full."
            ) from error
        raise UnusableMediaError("media.damaged", "This file is damaged and cannot be read.") from error
