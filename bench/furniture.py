"""Things that many pictures share and that are not the picture: interface frames, captions, emoji, bars.

Drawn here from rectangles, discs and Pillow's own font. They serve twice: as edits of a picture, and as the test of
whether two unrelated pictures in the same furniture are taken for each other.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from skimage import data as samples

Random = np.random.Generator
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

_WORDS = (
    "look at this", "LOL", "so she said", "wait for it", "guess who", "tell everyone", "omg", "from last night",
    "nobody knew", "best day ever", "send it on", "why tho",
)  # fmt: skip


def font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SystemExit("this benchmark needs Pillow with FreeType")
    return font


def black_bars(picture: Image.Image, *, across: bool) -> Image.Image:
    """Bars at the sides (``across``) or above and below, a fifth of the picture each."""
    by = picture.width // 5 if across else picture.height // 5
    return ImageOps.expand(picture, (by, 0) if across else (0, by), (0, 0, 0))


def meme_text(picture: Image.Image, random: Random) -> Image.Image:
    """Two large outlined lines: one at the top, one at the bottom."""
    return _lines(picture, random, (0.11, 0.89), 0.15)


def lettering(picture: Image.Image, random: Random) -> Image.Image:
    """Four very large outlined lines over all of the picture."""
    return _lines(picture, random, (0.125, 0.375, 0.625, 0.875), 0.16)


def _lines(picture: Image.Image, random: Random, middles: tuple[float, ...], share: float) -> Image.Image:
    """Outlined text, each line ``share`` of the picture high and as much narrower as it needs to fit."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    size = picture.height * share
    for middle in middles:
        words = " ".join(str(word) for word in random.choice(_WORDS, 2, replace=False))
        fitted = min(size, size * picture.width * 0.95 / max(1.0, font(size).getlength(words)))
        draw.text(
            (picture.width * 0.5, picture.height * middle),
            words,
            (255, 255, 255),
            font(fitted),
            anchor="mm",
            stroke_width=max(1, round(fitted / 14)),
            stroke_fill=(0, 0, 0),
        )
    return out


def caption_over(picture: Image.Image, words: str = "when you finally see it") -> Image.Image:
    """A dark translucent band with a line of text over the lower third."""
    width, height = picture.size
    out = picture.copy()
    band = (0, round(height * 0.62), width, round(height * 0.80))
    dark = Image.new("RGB", (width, band[3] - band[1]), (0, 0, 0))
    out.paste(Image.blend(out.crop(band), dark, 0.65), band[:2])
    size = min((band[3] - band[1]) * 0.6, width * 1.6 / len(words))
    ImageDraw.Draw(out).text((width / 2, (band[1] + band[3]) / 2), words, (255, 255, 255), font(size), anchor="mm")
    return out


def caption_band(picture: Image.Image, words: str = "when you finally see it") -> Image.Image:
    """A white band with two lines of text above the picture."""
    width, height = picture.size
    band = max(40, height // 4)
    out = ImageOps.expand(picture, (0, band, 0, 0), (255, 255, 255))
    draw = ImageDraw.Draw(out)
    size = min(band * 0.34, width * 1.6 / len(words))
    draw.text((width * 0.04, band * 0.3), words, (0, 0, 0), font(size), anchor="lm")
    draw.text((width * 0.04, band * 0.7), "and cannot look away", (0, 0, 0), font(size), anchor="lm")
    return out


def emoji(picture: Image.Image, random: Random, share: float) -> Image.Image:
    """A yellow face whose diameter is ``share`` of the longer side, somewhere on the picture."""
    out = picture.copy()
    side = round(max(picture.size) * share)
    left = int(random.integers(max(1, picture.width - side + 1)))
    top = int(random.integers(max(1, picture.height - side + 1)))
    _face(ImageDraw.Draw(out), left, top, side)
    return out


def coloured_text(picture: Image.Image, words: str = "nobody asked for this one") -> Image.Image:
    """Two lines in yellow, without an outline, left of the middle."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    size = picture.width * 1.5 / len(words)
    for line, middle in ((words, 0.45), ("or for that one", 0.58)):
        place = (picture.width * 0.06, picture.height * middle)
        draw.text(place, line, (255, 225, 60), font(size), anchor="lm")
    return out


def watermark(picture: Image.Image, words: str = "free preview") -> Image.Image:
    """Half transparent words in rows over all of the picture."""
    over = picture.copy()
    draw = ImageDraw.Draw(over)
    size = picture.width / 14
    for row in range(6):
        for column in range(3):
            place = (picture.width * (column + 0.5 * (row % 2)) / 2.5, picture.height * (row + 0.5) / 6)
            draw.text(place, words, (255, 255, 255), font(size), anchor="mm")
    return Image.blend(picture, over, 0.5)


def logo_watermark(picture: Image.Image) -> Image.Image:
    """A faint sign, a camera in a ring with a name under it, four times over the picture."""
    over = picture.copy()
    draw = ImageDraw.Draw(over)
    side = min(picture.size) / 4
    for x, y in ((0.27, 0.28), (0.73, 0.28), (0.27, 0.75), (0.73, 0.75)):
        left, top = picture.width * x - side / 2, picture.height * y - 0.6 * side

        def box(x0: float, y0: float, x1: float, y1: float, at: tuple[float, float] = (left, top)) -> Box:
            return (at[0] + x0 * side, at[1] + y0 * side, at[0] + x1 * side, at[1] + y1 * side)

        draw.ellipse(box(0, 0, 1, 1), outline=(255, 255, 255), width=max(2, round(side / 16)))
        draw.rounded_rectangle(box(0.2, 0.36, 0.8, 0.74), side / 20, (255, 255, 255))
        draw.rectangle(box(0.38, 0.28, 0.62, 0.4), (255, 255, 255))
        draw.ellipse(box(0.37, 0.42, 0.63, 0.68), (40, 40, 40))
        draw.ellipse(box(0.44, 0.49, 0.56, 0.61), (255, 255, 255))
        place = (picture.width * x, top + 1.2 * side)
        draw.text(place, "north light pictures", (255, 255, 255), font(side / 6), anchor="mm")
    return Image.blend(picture, over, 0.4)


def seal(picture: Image.Image) -> Image.Image:
    """A large sticker that no list knows: a blue seal with rays, rings and a cross, a quarter of the longer side."""
    out = picture.copy()
    side = max(picture.size) / 4
    x, y = 0.08 * side + side / 2, picture.height - 0.08 * side - side / 2
    turns = np.arange(32) * np.pi / 16
    reach = np.where(np.arange(32) % 2, 0.42, 0.5) * side
    draw = ImageDraw.Draw(out)
    draw.polygon(list(zip(x + reach * np.sin(turns), y - reach * np.cos(turns), strict=True)), (30, 70, 170))
    for radius, colour in ((0.37, (240, 240, 240)), (0.33, (30, 70, 170)), (0.27, (90, 200, 220))):
        draw.circle((x, y), radius * side, colour)
    bar = 0.07 * side
    draw.rectangle((x - bar, y - 3 * bar, x + bar, y + 3 * bar), (250, 250, 250))
    draw.rectangle((x - 3 * bar, y - bar, x + 3 * bar, y + bar), (250, 250, 250))
    return out


def tag(picture: Image.Image) -> Image.Image:
    """A large sticker that no list knows: a pink label with a heart and dots, a quarter of the longer side."""
    out = picture.copy()
    side = max(picture.size) / 4
    left, top = picture.width - 1.05 * side, 0.4 * picture.height - side / 2
    draw = ImageDraw.Draw(out)
    draw.rounded_rectangle((left, top, left + side, top + side), side / 6, (235, 120, 170), (255, 255, 255), 4)

    def disc(x: float, y: float, radius: float, colour: Colour) -> None:
        draw.circle((left + x * side, top + y * side), radius * side, colour)

    for x, y in ((0.14, 0.2), (0.86, 0.16), (0.2, 0.84), (0.8, 0.88), (0.5, 0.12)):
        disc(x, y, 0.05, (255, 240, 120))
    disc(0.38, 0.42, 0.15, (190, 20, 60))
    disc(0.62, 0.42, 0.15, (190, 20, 60))
    points = ((0.25, 0.5), (0.75, 0.5), (0.5, 0.8))
    draw.polygon([(left + x * side, top + y * side) for x, y in points], (190, 20, 60))
    disc(0.36, 0.4, 0.04, (255, 255, 255))
    return out


def crossed(picture: Image.Image) -> Image.Image:
    """Faint lines from corner to corner, a round sign with a letter where they cross, and two words below it."""
    over = picture.copy()
    draw = ImageDraw.Draw(over)
    width, height = picture.size
    thick = max(2, min(width, height) // 90)
    draw.line((0, 0, width, height), (255, 255, 255), thick)
    draw.line((0, height, width, 0), (255, 255, 255), thick)
    radius = min(width, height) / 7
    draw.circle((width / 2, height / 2), radius, (255, 255, 255))
    draw.circle((width / 2, height / 2), 0.8 * radius, (60, 60, 60))
    draw.text((width / 2, height / 2), "R", (255, 255, 255), font(1.2 * radius), anchor="mm")
    draw.text((width / 2, height / 2 + 1.5 * radius), "river archive", (255, 255, 255), font(radius / 2), anchor="mm")
    return Image.blend(picture, over, 0.45)


def badge(picture: Image.Image, share: float = 0.125) -> Image.Image:
    """A sticker that no list knows: a red shield with a star, an eighth of the longer side, in a corner."""
    out = picture.copy()
    side = max(picture.size) * share
    left, top = picture.width - 1.3 * side, 0.3 * side

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(left + x * side, top + y * side) for x, y in points]

    draw = ImageDraw.Draw(out)
    draw.polygon(at((0, 0), (1, 0), (1, 0.6), (0.5, 1), (0, 0.6)), (190, 30, 40), (255, 255, 255), 3)
    draw.polygon(
        at((0.5, 0.12), (0.6, 0.38), (0.88, 0.38), (0.66, 0.55), (0.74, 0.82), (0.5, 0.66), (0.26, 0.82),
           (0.34, 0.55), (0.12, 0.38), (0.4, 0.38)),
        (250, 220, 90),
    )  # fmt: skip
    return out


def _face(draw: ImageDraw.ImageDraw, left: float, top: float, side: float) -> None:
    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return (left + x0 * side, top + y0 * side, left + x1 * side, top + y1 * side)

    draw.ellipse(box(0, 0, 1, 1), (255, 205, 60), (190, 140, 20), max(1, round(side / 40)))
    draw.ellipse(box(0.26, 0.28, 0.38, 0.46), (70, 45, 10))
    draw.ellipse(box(0.62, 0.28, 0.74, 0.46), (70, 45, 10))
    draw.chord(box(0.2, 0.35, 0.8, 0.85), 0, 180, (110, 60, 10))


def _icon_row(draw: ImageDraw.ImageDraw, left: float, top: float, size: float, colour: Colour) -> None:
    draw.ellipse((left, top, left + size, top + size), outline=colour, width=max(2, round(size / 9)))
    x = left + 1.6 * size
    draw.polygon([(x, top), (x + size, top + size / 2), (x, top + size)], outline=colour, width=max(2, round(size / 9)))
    x += 1.6 * size
    draw.rectangle((x, top, x + size, top + size), outline=colour, width=max(2, round(size / 9)))
    draw.line((x, top, x + size / 2, top + size / 2, x + size, top), colour, max(2, round(size / 9)))


def phone_screenshot(picture: Image.Image, *, dark: bool) -> Image.Image:
    """A social app on a phone: status bar, head, the picture across the screen, buttons, text, tab bar."""
    width, height = 720, 1440
    ground, ink, soft = ((18, 18, 20), (240, 240, 240), (120, 120, 125)) if dark else (
        (255, 255, 255), (20, 20, 20), (150, 150, 155))  # fmt: skip
    screen = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(screen)
    draw.text((36, 40), "9:41", ink, font(30), anchor="lm")
    draw.rectangle((640, 28, 690, 52), outline=ink, width=3)
    draw.rectangle((645, 33, 680, 47), ink)
    for bar in range(4):
        draw.rectangle((570 + 14 * bar, 50 - 6 * bar, 579 + 14 * bar, 54), ink)
    draw.ellipse((30, 90, 100, 160), (200, 90, 130), soft, 3)
    draw.text((120, 112), "someone_you_know", ink, font(30), anchor="lm")
    draw.text((120, 146), "3 hours ago", soft, font(22), anchor="lm")
    draw.text((680, 120), "...", ink, font(40), anchor="rm")
    scale = min(width / picture.width, 900 / picture.height)
    shown = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
    screen.paste(shown, ((width - shown.width) // 2, 190))
    below = 190 + shown.height
    _icon_row(draw, 30, below + 24, 44, ink)
    draw.text((30, below + 100), "1,024 likes", ink, font(28), anchor="lm")
    draw.text((30, below + 140), "someone_you_know  have you seen this one", ink, font(26), anchor="lm")
    draw.text((30, below + 176), "View all 87 comments", soft, font(24), anchor="lm")
    draw.line((0, height - 110, width, height - 110), soft, 2)
    for tab in range(5):
        x = 72 + tab * 144
        draw.ellipse((x - 24, height - 84, x + 24, height - 36), outline=ink, width=5)
    return screen


def window_screenshot(picture: Image.Image) -> Image.Image:
    """The picture a little smaller inside a desktop window."""
    width, height = picture.size
    edge, bar = max(8, width // 40), max(24, height // 12)
    out = Image.new("RGB", (width + 2 * edge, height + bar + edge), (225, 225, 230))
    draw = ImageDraw.Draw(out)
    for index, colour in enumerate(((235, 95, 85), (240, 190, 70), (95, 195, 85))):
        x = edge + index * bar * 0.6
        draw.ellipse((x, bar * 0.3, x + bar * 0.4, bar * 0.7), colour)
    draw.text((width / 2, bar / 2), "picture.jpg", (60, 60, 60), font(bar * 0.45), anchor="mm")
    out.paste(picture, (edge, bar))
    return out.resize((round(out.width * 0.9), round(out.height * 0.9)), Image.Resampling.BICUBIC)


def post_frame(picture: Image.Image) -> Image.Image:
    """A post as sites show it: a head above, a row of buttons below."""
    width, height = picture.size
    head, foot = max(36, height // 8), max(32, height // 9)
    out = Image.new("RGB", (width, height + head + foot), (255, 255, 255))
    draw = ImageDraw.Draw(out)
    draw.ellipse((head * 0.2, head * 0.15, head * 0.9, head * 0.85), (70, 120, 200))
    draw.text((head * 1.1, head * 0.35), "Someone", (20, 20, 20), font(head * 0.32), anchor="lm")
    draw.text((head * 1.1, head * 0.7), "yesterday", (130, 130, 130), font(head * 0.24), anchor="lm")
    out.paste(picture, (0, head))
    _icon_row(draw, foot * 0.3, head + height + foot * 0.25, foot * 0.5, (40, 40, 40))
    return out


def double_screenshot(picture: Image.Image) -> Image.Image:
    """A screenshot of a screenshot."""
    return phone_screenshot(phone_screenshot(picture, dark=False), dark=True)


def large_word(picture: Image.Image, word: str = "draft") -> Image.Image:
    """Half transparent short words of large letters, so close that they touch, over all of the picture."""
    over = picture.copy()
    draw = ImageDraw.Draw(over)
    for row in range(5):
        for column in range(4):
            place = (picture.width * (column + 0.5 * (row % 2)) / 3, picture.height * (row + 0.5) / 5)
            draw.text(place, word, (255, 255, 255), font(picture.width / 8), anchor="mm")
    return Image.blend(picture, over, 0.5)


def ball(picture: Image.Image) -> Image.Image:
    """A sticker with shades: a ball in six colours, a sixth of the longer side."""
    side = round(max(picture.size) / 6)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    white = (250, 250, 245)
    colours = np.array([(230, 60, 60), white, (60, 90, 210), white, (245, 200, 50), white])
    sector = ((np.arctan2(y + 0.2, x + 0.1) + np.pi) / (2 * np.pi) * 6).astype(int) % 6
    painted = colours[sector] * (1.1 - 0.6 * (x * x + y * y) - 0.25 * x)[..., np.newaxis]
    cover = Image.fromarray(((np.hypot(x, y) < 1) * 255).astype(np.uint8))
    out = picture.copy()
    place = (picture.width - side - 20, picture.height // 2)
    out.paste(Image.fromarray(np.clip(painted, 0, 255).astype(np.uint8)), place, cover)
    return out


def small_photograph(picture: Image.Image) -> Image.Image:
    """A face in a circle, a fifth of the longer side: a piece of one photograph in another."""
    side = round(max(picture.size) / 5)
    face = Image.fromarray(samples.astronaut()).crop((160, 20, 320, 180)).resize((side, side), Image.Resampling.LANCZOS)
    cover = Image.new("L", (4 * side, 4 * side), 0)
    ImageDraw.Draw(cover).circle((2 * side, 2 * side), 2 * side - 1, 255)
    out = picture.copy()
    out.paste(face, (round(0.06 * picture.width), round(0.6 * picture.height)), cover.resize((side, side)))
    return out


def saved_badly(picture: Image.Image) -> Image.Image:
    """As JPEG of quality 50."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=50)
    with Image.open(stream) as opened:
        return opened.convert("RGB")
