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
from enum import Enum
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
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
from takeback.hashing.orientation import UPRIGHT, orientation_of, turns_sides, upright
from takeback.hashing.quick_luma import quick_luma

_TRUNCATED = ("truncat", "end of file", "end-of-file", "unexpected end", "not enough", "premature", "eof")


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded picture, upright.

    Args:
        image: mode L, RGB or RGBA; smaller than the picture if it was shrunk while reading.
        width: pixels of the whole picture as displayed.
        height: likewise.
        factor: how many pixels of the picture, along each side, one of ``image`` stands for: 1, 2, 4 or 8.
        orientation: the EXIF orientation that ``image`` was set upright from.
        grey: (height, width) uint8, the pixels of ``image``, where the decoder gave them as an array.
    """

    image: Image.Image
    width: int
    height: int
    factor: int
    orientation: int
    grey: NDArray[np.uint8] | None = None

    def pixels(self) -> Pixels:
        """The pixels as the kernels take them; see ``Pixels``."""
        pixels = np.asarray(self.image) if self.grey is None else self.grey
        return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


class Channels(Enum):
    """What is wanted of a picture. Luma alone is decoded faster where the format keeps it apart (JPEG)."""

    COLOUR = "colour"
    LUMA_IF_SHRUNK = "luma if shrunk"
    LUMA = "luma"


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """What a decoder may leave out for speed, where it can: so far in JPEG.

    Args:
        shrink_from_pixels: a picture of so many pixels or more may be shrunk by 2, 4 or 8 while it is read.
        least_side_px: no side of a shrunk picture gets shorter than this.
        channels: whether luma is enough. Decoders round it to whole numbers, and colours clip, so it is not quite the
            luma of the colours.
    """

    shrink_from_pixels: int
    least_side_px: int
    channels: Channels

    def factor_for(self, width: int, height: int) -> int:
        """By how much to shrink; 1 for not at all."""
        if width * height < self.shrink_from_pixels:
            return 1
        return next((f for f in (8, 4, 2) if min(width, height) >= f * self.least_side_px), 1)


def decode(data: bytes, limits: Limits, shortcuts: Shortcuts | None = None) -> DecodedPicture:
    """Decode the first picture in a file.

    Args:
        data: the file.
        limits: what it may cost.
        shortcuts: what may be left out; not given, the picture comes in full and in colour.

    Raises:
        UnusableMediaError: ``media.empty``, ``media.unknown_format``, ``media.too_large`` (bytes, pixels or side),
            ``media.too_complex``, ``media.truncated``, ``media.damaged``.
    """
    if len(data) > limits.max_bytes:
        raise _too_large(f"This file is larger than {limits.max_bytes // 2**20} MB.")
    format_ = format_of(data)
    if format_ is Format.JPEG:
        return _decode_jpeg(data, limits, shortcuts)
    if format_ is Format.WEBP:
        _check_pixels(webp.canvas_of(data), limits)
    with decoder_errors():
        image = opened(data, format_)
        _check_pixels(image.size, limits)
        orientation = orientation_of(image.info.get("exif") or b"")
        image.load()
        # TIFF and HEIC decoders set the picture upright themselves while they load, so its size is asked last.
        picture = upright(eight_bit(image), orientation)
        if format_ is Format.WEBP:
            # Apart from its decoder, which keeps two canvases of four bytes a pixel for as long as its image lives.
            picture = picture.copy()
    return DecodedPicture(picture, picture.width, picture.height, 1, orientation)


def _decode_jpeg(data: bytes, limits: Limits, shortcuts: Shortcuts | None) -> DecodedPicture:
    plan = jpeg.plan_of(data)
    factor = shortcuts.factor_for(plan.width, plan.height) if shortcuts else 1
    luma = _wants_luma(shortcuts, factor)
    _check_plan(plan, factor, limits)
    if luma and (quick := quick_luma(data, plan, factor)) is not None:
        return DecodedPicture(Image.fromarray(quick), plan.width, plan.height, factor, UPRIGHT, quick)
    needed = jpeg.without_detail(data, plan, factor, luma_only=luma) if factor > 1 else data
    with decoder_errors():
        image = opened(needed, Format.JPEG)
        if image.size != (plan.width, plan.height):
            raise ValueError("two frames")
        orientation = orientation_of(image.info.get("exif") or b"")
        # All of it at once: given 64 kB at a time, the decoder starts rows over again.
        image.decodermaxblock = len(needed)
        if luma or factor > 1:
            image.draft("L" if luma else "RGB", (plan.width // factor, plan.height // factor))
        image.load()
        picture = eight_bit(image)
        # CMYK can be shrunk but does not come as luma.
        picture = upright(picture.convert("L") if luma and factor > 1 else picture, orientation)
    sides = (plan.height, plan.width) if turns_sides(orientation) else (plan.width, plan.height)
    return DecodedPicture(picture, *sides, factor, orientation)


def _wants_luma(shortcuts: Shortcuts | None, factor: int) -> bool:
    match shortcuts.channels if shortcuts else Channels.COLOUR:
        case Channels.COLOUR:
            return False
        case Channels.LUMA_IF_SHRUNK:
            return factor > 1
        case Channels.LUMA:
            return True


def _check_plan(plan: jpeg.JpegPlan, factor: int, limits: Limits) -> None:
    pixels = plan.width * plan.height
    if plan.scans > 1:
        # The decoder then keeps the coefficients of the whole picture, whatever size it is asked for.
        _check_pixels((plan.width, plan.height), limits)
        if pixels * plan.scans > limits.max_scan_pixels:
            raise UnusableMediaError(
                "media.too_complex", "This picture is built in an unusual way that we do not decode."
            )
    if pixels > limits.max_stored_pixels:
        raise _too_many_pixels(limits.max_stored_pixels)
    _check_pixels((plan.width // factor, plan.height // factor), limits)


def _check_pixels(size: tuple[int, int], limits: Limits) -> None:
    if size[0] * size[1] > limits.max_pixels:
        raise _too_many_pixels(limits.max_pixels)
    if max(size) > limits.max_side_px:
        raise _too_large(f"A side of this picture is longer than {limits.max_side_px} pixels.")


def _too_many_pixels(limit: int) -> UnusableMediaError:
    return _too_large(f"This picture has more than {limit // 1_000_000} megapixels.")


def _too_large(message: str) -> UnusableMediaError:
    return UnusableMediaError("media.too_large", message)


def opened(data: bytes, format_: Format) -> ImageFile.ImageFile:
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

    heif: ImageFile.ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return heif


def eight_bit(image: Image.Image) -> Image.Image:
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
def decoder_errors() -> Iterator[None]:
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
