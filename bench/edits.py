"""What people do to a picture before they post it again: the edits over which recall is measured.

Every edit takes an RGB picture and a random generator and gives an RGB picture. The generator is seeded with the
picture's and the edit's name, so a run can be repeated. Nothing here needs a font or a picture from outside.
"""

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from furniture import (
    black_bars,
    caption_band,
    caption_over,
    double_screenshot,
    emoji,
    lettering,
    meme_text,
    phone_screenshot,
    post_frame,
    window_screenshot,
)

Random = np.random.Generator
Apply = Callable[[Image.Image, Random], Image.Image]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit.

    Args:
        name: short and stable.
        group: what it belongs to, for the report.
        apply: picture and generator to picture.
    """

    name: str
    group: str
    apply: Apply

    def of(self, picture: Image.Image, picture_name: str) -> Image.Image:
        """The edited picture; the same for the same names."""
        seed = zlib.crc32(f"{picture_name}/{self.name}".encode())
        return self.apply(picture, np.random.default_rng(seed)).convert("RGB")


def _through(picture: Image.Image, kind: str, **options: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    stream.seek(0)
    with Image.open(stream) as opened:
        return opened.convert("RGB")


def _encoded(kind: str, **options: int) -> Apply:
    return lambda picture, _: _through(picture, kind, **options)


def _grey(picture: Image.Image, _: Random) -> Image.Image:
    return picture.convert("L").convert("RGB")


def _channels(red: float, green: float, blue: float) -> Apply:
    def apply(picture: Image.Image, _: Random) -> Image.Image:
        scaled = np.asarray(picture, dtype=np.float64) * (red, green, blue)
        return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))

    return apply


def _gamma(exponent: float) -> Apply:
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return lambda picture, _: picture.point(table * 3)


def _filter(picture: Image.Image, _: Random) -> Image.Image:
    bright = ImageEnhance.Brightness(ImageEnhance.Contrast(picture).enhance(1.4)).enhance(1.1)
    return ImageEnhance.Color(bright).enhance(1.5)


def _heavy_filter(picture: Image.Image, _: Random) -> Image.Image:
    """What a strong preset does: crushed contrast, faded blacks, a colour cast, darkened corners and grain."""
    values = np.asarray(ImageOps.autocontrast(picture, cutoff=3), dtype=np.float64) / 255.0
    values = values * values * (3.0 - 2.0 * values)
    values = (0.12 + 0.86 * values) * (1.08, 0.98, 0.82)
    height, width, _ = values.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    values *= (1.0 - 0.35 * np.clip(x * x + y * y, 0, 1.6) / 1.6)[..., None]
    grain = np.random.default_rng(1).normal(0.0, 0.03, (height, width, 1))
    return Image.fromarray((np.clip(values + grain, 0, 1) * 255).astype(np.uint8))


def _sharpen(picture: Image.Image, _: Random) -> Image.Image:
    return picture.filter(ImageFilter.UnsharpMask(radius=2, percent=200, threshold=0))


def _blur(radius: float) -> Apply:
    return lambda picture, _: picture.filter(ImageFilter.GaussianBlur(radius))


def _noise(sigma: float) -> Apply:
    def apply(picture: Image.Image, random: Random) -> Image.Image:
        values = np.asarray(picture, dtype=np.float64)
        noisy = values + random.normal(0.0, sigma, values.shape)
        return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))

    return apply


def _width(width: int) -> Apply:
    def apply(picture: Image.Image, _: Random) -> Image.Image:
        height = max(1, round(picture.height * width / picture.width))
        return picture.resize((width, height), Image.Resampling.LANCZOS)

    return apply


def _scaled(picture: Image.Image, across: float, down: float) -> Image.Image:
    size = (max(1, round(picture.width * across)), max(1, round(picture.height * down)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _stretched(across: float) -> Apply:
    return lambda picture, _: _scaled(picture, across, 1.0)


def _mirror(picture: Image.Image, _: Random) -> Image.Image:
    return ImageOps.mirror(picture)


def _quarter_turns(count: int) -> Apply:
    turn = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)[count - 1]
    return lambda picture, _: picture.transpose(turn)


def _turned(degrees: float) -> Apply:
    return lambda picture, _: picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(0, 0, 0))


def _tilt(picture: Image.Image, _: Random) -> Image.Image:
    """A photograph of a screen taken from one side, against a grey wall."""
    width, height = picture.size
    target = [(0.02, 0.08), (0.96, 0.0), (1.0, 1.0), (0.06, 0.90)]
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    rows: list[list[float]] = []
    sides: list[float] = []
    for (tx, ty), (sx, sy) in zip(target, corners, strict=True):
        x, y = tx * width, ty * height
        rows += [[x, y, 1, 0, 0, 0, -sx * x, -sx * y], [0, 0, 0, x, y, 1, -sy * x, -sy * y]]
        sides += [sx, sy]
    solution = np.linalg.solve(np.array(rows), np.array(sides))
    return picture.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        [float(value) for value in solution],
        Image.Resampling.BICUBIC,
        fillcolor=(120, 120, 120),
    )


def _cropped(picture: Image.Image, share: float, random: Random) -> Image.Image:
    """A part of the picture with ``share`` of each side, anywhere."""
    width, height = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    left, top = int(random.integers(picture.width - width + 1)), int(random.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def _crop(share: float) -> Apply:
    return lambda picture, random: _cropped(picture, share, random)


def _app_crop(across: int, down: int) -> Apply:
    def apply(picture: Image.Image, _: Random) -> Image.Image:
        width = min(picture.width, picture.height * across // down)
        height = min(picture.height, picture.width * down // across)
        return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)

    return apply


def _collage(picture: Image.Image, random: Random) -> Image.Image:
    """The picture as one of four, beside three gradients with shapes."""
    side = 400
    sheet = Image.new("RGB", (2 * side, 2 * side), (255, 255, 255))
    places = [(0, 0), (side, 0), (0, side), (side, side)]
    own = int(random.integers(4))
    for index, place in enumerate(places):
        if index == own:
            tile = ImageOps.fit(picture, (side - 8, side - 8), Image.Resampling.LANCZOS)
        else:
            coarse = random.integers(0, 256, (6, 6, 3)).astype(np.uint8)
            tile = Image.fromarray(coarse).resize((side - 8, side - 8), Image.Resampling.BICUBIC)
            tile.paste((240, 200, 60), (60 * index, 80, 60 * index + 90, 200))
        sheet.paste(tile, (place[0] + 4, place[1] + 4))
    return sheet


def _crop_small_jpeg(picture: Image.Image, random: Random) -> Image.Image:
    return _through(_scaled(_cropped(picture, 0.8, random), 0.5, 0.5), "JPEG", quality=40)


def _combination(picture: Image.Image, random: Random) -> Image.Image:
    """Cropped, slightly turned, filtered, written over, small, and saved badly."""
    part = _cropped(picture, 0.7, random).rotate(4, Image.Resampling.BICUBIC, expand=False)
    written = meme_text(_filter(part, random), random)
    return _through(_scaled(written, 0.6, 0.6), "JPEG", quality=40)


def _everything(picture: Image.Image, random: Random) -> Image.Image:
    """The same with a sticker, at half the size and mirrored."""
    part = _cropped(picture, 0.6, random).rotate(-6, Image.Resampling.BICUBIC, expand=False)
    written = emoji(meme_text(_heavy_filter(ImageOps.mirror(part), random), random), random, 0.18)
    return _through(_scaled(written, 0.5, 0.5), "JPEG", quality=30)


def _mirror_crop_jpeg(picture: Image.Image, random: Random) -> Image.Image:
    return _through(ImageOps.mirror(_cropped(picture, 0.7, random)), "JPEG", quality=30)


def _phone_crop_mirror(picture: Image.Image, random: Random) -> Image.Image:
    return phone_screenshot(ImageOps.mirror(_cropped(picture, 0.7, random)), dark=False)


def edits() -> tuple[Edit, ...]:
    """All edits, in the order of the report."""
    listed: list[tuple[str, str, Apply]] = [
        ("jpeg-30", "saved again", _encoded("JPEG", quality=30)),
        ("jpeg-10", "saved again", _encoded("JPEG", quality=10)),
        ("gif", "saved again", _encoded("GIF")),
        ("avif", "saved again", _encoded("AVIF", quality=40)),
        ("webp", "saved again", _encoded("WEBP", quality=30)),
        ("width-160", "saved again", _width(160)),
        ("grey", "filtered", _grey),
        ("warm", "filtered", _channels(1.12, 1.0, 0.82)),
        ("gamma", "filtered", _gamma(1.8)),
        ("filter", "filtered", _filter),
        ("heavy-filter", "filtered", _heavy_filter),
        ("sharpen", "filtered", _sharpen),
        ("blur-4", "filtered", _blur(4.0)),
        ("noise-20", "filtered", _noise(20.0)),
        ("mirror", "turned", _mirror),
        ("turn-90", "turned", _quarter_turns(1)),
        ("turn-180", "turned", _quarter_turns(2)),
        ("turn-270", "turned", _quarter_turns(3)),
        ("turn-5", "turned", _turned(5.0)),
        ("turn-20", "turned", _turned(20.0)),
        ("tilt", "turned", _tilt),
        ("stretch-80", "turned", _stretched(0.8)),
        ("stretch-90", "turned", _stretched(0.9)),
        ("crop-95", "cropped", _crop(0.95)),
        ("crop-90", "cropped", _crop(0.9)),
        ("crop-80", "cropped", _crop(0.8)),
        ("crop-70", "cropped", _crop(0.7)),
        ("crop-50", "cropped", _crop(0.5)),
        ("crop-35", "cropped", _crop(0.35)),
        ("app-square", "cropped", _app_crop(1, 1)),
        ("app-4:5", "cropped", _app_crop(4, 5)),
        ("app-9:16", "cropped", _app_crop(9, 16)),
        ("app-16:9", "cropped", _app_crop(16, 9)),
        ("letterbox", "framed", lambda picture, _: black_bars(picture, across=False)),
        ("pillarbox", "framed", lambda picture, _: black_bars(picture, across=True)),
        ("text", "covered", meme_text),
        ("text-everywhere", "covered", lettering),
        ("caption-over", "covered", lambda picture, _: caption_over(picture)),
        ("caption-added", "framed", lambda picture, _: caption_band(picture)),
        ("sticker", "covered", lambda picture, random: emoji(picture, random, 0.18)),
        ("sticker-30", "covered", lambda picture, random: emoji(picture, random, 0.30)),
        ("window-screenshot", "screenshot", lambda picture, _: window_screenshot(picture)),
        ("post-frame", "screenshot", lambda picture, _: post_frame(picture)),
        ("phone-light", "screenshot", lambda picture, _: phone_screenshot(picture, dark=False)),
        ("phone-dark", "screenshot", lambda picture, _: phone_screenshot(picture, dark=True)),
        ("double-screenshot", "screenshot", lambda picture, _: double_screenshot(picture)),
        ("collage-4", "combined", _collage),
        ("crop-80-half-jpeg-40", "combined", _crop_small_jpeg),
        ("mirror-crop-70-jpeg-30", "combined", _mirror_crop_jpeg),
        ("phone-crop-70-mirror", "combined", _phone_crop_mirror),
        ("combination", "combined", _combination),
        ("everything", "combined", _everything),
    ]
    return tuple(Edit(*row) for row in listed)
