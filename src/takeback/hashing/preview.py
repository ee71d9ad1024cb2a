"""Pictures for a reviewer's eyes, made anew from pixels so that nothing of the original file but its look remains."""

import io

from PIL import Image, ImageFilter, ImageOps

from takeback.hashing.decode import Channels, Shortcuts, decode
from takeback.hashing.limits import Limits

_BLUR_SHARE = 1 / 24
"""Radius of the blur as a share of the long side: enough that a scene is told and a person is not."""

_QUALITY = 85
_REVIEW_LONG_SIDE_PX = 2048


def preview_of(data: bytes, *, long_side_px: int, blur: bool, limits: Limits | None = None) -> bytes:
    """A small grey JPEG; strongly blurred unless the reviewer asked to see more.

    Args:
        data: the file.
        long_side_px: the longer side of the result, 1 or more; a smaller picture is not enlarged.
        blur: whether to blur it.
        limits: what decoding may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    picture = decode(data, limits or Limits(), _shrunk_to(long_side_px, Channels.LUMA))
    image = _on_white(picture.image).convert("L")
    image.thumbnail((long_side_px, long_side_px), Image.Resampling.BOX)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(max(image.size) * _BLUR_SHARE))
    return _jpeg(image)


def reencoded(data: bytes, *, limits: Limits | None = None) -> bytes:
    """The picture as a reviewer sees it when revealed: upright JPEG in colour, at most 2048 pixels, no metadata.

    Args:
        data: the file.
        limits: what decoding may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    shortcuts = _shrunk_to(_REVIEW_LONG_SIDE_PX, Channels.COLOUR)
    image = _on_white(decode(data, limits or Limits(), shortcuts).image)
    image.thumbnail((_REVIEW_LONG_SIDE_PX, _REVIEW_LONG_SIDE_PX))
    return _jpeg(image)


def _shrunk_to(least_side_px: int, channels: Channels) -> Shortcuts:
    return Shortcuts(shrink_from_pixels=1, least_side_px=max(least_side_px, 1), channels=channels)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _jpeg(image: Image.Image) -> bytes:
    clean = ImageOps.grayscale(image) if image.mode == "L" else image.convert("RGB")
    # A decoded picture carries its file's comments, profiles and EXIF along; saving would write some of them.
    clean.info.clear()
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
