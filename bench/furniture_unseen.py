"""Furniture that no choice was made with: drawn before the rule of docs/adr/0023 was looked for, looked at after it.

One drawing each of what people, apps and stations put on pictures: a station's sign, a bar with a name, a speech
bubble, a frame with somebody who talks, a code to be scanned, a shaded sticker. Kinds that a later choice is made with
move to furniture.py, and others are drawn in their place.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from furniture import Colour, font


def station_sign(picture: Image.Image) -> Image.Image:
    """A station's sign in a corner: two blocks with a number and letters, and a line of small words below."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    side = max(picture.size) / 9
    left, top = 0.3 * side, 0.3 * side
    draw.rectangle((left, top, left + side, top + 0.7 * side), (200, 20, 30))
    draw.rectangle((left + side, top, left + 2.1 * side, top + 0.7 * side), (245, 245, 245))
    draw.text((left + 0.5 * side, top + 0.35 * side), "24", (255, 255, 255), font(0.6 * side), anchor="mm")
    draw.text((left + 1.55 * side, top + 0.35 * side), "NOW", (20, 20, 60), font(0.42 * side), anchor="mm")
    draw.text((left, top + 0.9 * side), "live from the harbour", (255, 255, 255), font(0.2 * side), anchor="lm")
    return out


def name_bar(picture: Image.Image) -> Image.Image:
    """What an app lays over a story: bars of progress, a round head, a name, a cross, and a heart at the bottom."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    width, height = picture.size
    unit = width / 20
    for bar in range(3):
        shade = (255, 255, 255) if bar < 2 else (160, 160, 160)
        draw.rectangle((unit * (0.5 + 6.4 * bar), unit * 0.4, unit * (6.6 + 6.4 * bar), unit * 0.6), shade)
    draw.circle((1.6 * unit, 1.9 * unit), 0.9 * unit, (240, 130, 60), (255, 255, 255), 2)
    draw.circle((1.6 * unit, 1.6 * unit), 0.35 * unit, (90, 50, 30))
    draw.chord((unit, 1.9 * unit, 2.2 * unit, 3.2 * unit), 180, 360, (90, 50, 30))
    draw.text((2.9 * unit, 1.9 * unit), "mira_and_the_sea  5h", (255, 255, 255), font(0.8 * unit), anchor="lm")
    for one, other in (((18, 1.4), (19, 2.4)), ((18, 2.4), (19, 1.4))):
        draw.line([(x * unit, y * unit) for x, y in (one, other)], (255, 255, 255), 3)
    draw.rounded_rectangle(
        (unit, height - 2.4 * unit, 16 * unit, height - 0.7 * unit), unit * 0.8, None, (255, 255, 255), 3
    )
    draw.text((2 * unit, height - 1.55 * unit), "Send a message", (255, 255, 255), font(0.8 * unit), anchor="lm")
    return out


def speech_bubble(picture: Image.Image) -> Image.Image:
    """A white bubble with a black line around it, a tail and two short words."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    side = max(picture.size) / 4
    left, top = 0.5 * picture.width, 0.08 * picture.height
    draw.ellipse((left, top, left + 1.3 * side, top + 0.7 * side), (255, 255, 255), (0, 0, 0), 4)
    tail = [(left + x * side, top + y * side) for x, y in ((0.3, 0.62), (0.15, 0.98), (0.55, 0.67))]
    draw.polygon(tail, (255, 255, 255))
    draw.line((tail[0], tail[1], tail[2]), (0, 0, 0), 4)
    for words, y in (("oh no", 0.24), ("not me!", 0.46)):
        draw.text((left + 0.65 * side, top + y * side), words, (0, 0, 0), font(0.22 * side), anchor="mm")
    return out


def talking_frame(picture: Image.Image) -> Image.Image:
    """A frame of a quarter of the longer side with somebody in it, shaded as a camera would see it."""
    out = picture.copy()
    side = round(max(picture.size) / 4)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    wall = np.stack((90 + 60 * x, 70 + 50 * y, 120 - 40 * x), axis=2)
    inside = Image.fromarray(wall.astype(np.uint8))
    draw = ImageDraw.Draw(inside)
    draw.ellipse([side * v for v in (0.1, 0.72, 0.9, 1.5)], (60, 80, 70))
    draw.ellipse([side * v for v in (0.28, 0.16, 0.72, 0.8)], (205, 160, 135))
    draw.chord([side * v for v in (0.25, 0.1, 0.75, 0.6)], 180, 360, (60, 40, 30))
    for eye in (0.4, 0.6):
        draw.ellipse([side * v for v in (eye - 0.05, 0.42, eye + 0.05, 0.48)], (245, 245, 245))
        draw.circle((side * eye, side * 0.45), side * 0.022, (50, 30, 20))
    draw.arc([side * v for v in (0.4, 0.5, 0.6, 0.7)], 30, 150, (140, 60, 60), 3)
    shade = 1.0 - 0.45 * ((x - 0.35) ** 2 + (y - 0.3) ** 2)
    blurred = np.asarray(inside.filter(ImageFilter.GaussianBlur(side / 120)), dtype=np.float64) * shade[..., None]
    place = (round(0.04 * side), picture.height - round(1.04 * side))
    out.paste(Image.fromarray(np.clip(blurred, 0, 255).astype(np.uint8)), place)
    edge = (place[0], place[1], place[0] + side, place[1] + side)
    ImageDraw.Draw(out).rectangle(edge, outline=(130, 60, 220), width=max(3, side // 30))
    return out


def scan_code(picture: Image.Image) -> Image.Image:
    """A square of black and white cells with three eyes, a fifth of the longer side."""
    cells, eye = 25, 7
    grid = np.random.default_rng(7).integers(0, 2, (cells, cells)) * 255
    for top, left in ((0, 0), (0, cells - eye), (cells - eye, 0)):
        rings = np.maximum(np.abs(np.arange(eye) - 3)[:, None], np.abs(np.arange(eye) - 3)[None, :])
        grid[max(0, top - 1) : top + eye + 1, max(0, left - 1) : left + eye + 1] = 255
        grid[top : top + eye, left : left + eye] = np.where(rings == 2, 255, 0)
    code = Image.fromarray(np.pad(grid, 2, constant_values=255).astype(np.uint8))
    side = round(max(picture.size) / 5)
    out = picture.copy()
    out.paste(
        code.resize((side, side), Image.Resampling.NEAREST), (picture.width - side - 12, picture.height - side - 12)
    )
    return out


def shaded_sticker(picture: Image.Image) -> Image.Image:
    """A glossy fruit with a leaf, a bite and a soft shadow, a fifth of the longer side: no two pixels quite alike."""
    side = round(max(picture.size) / 5)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    bump = np.hypot(x - 0.5, y - 0.55) / 0.38
    fruit = (bump < 1.0) & (np.hypot(x - 0.9, y - 0.4) > 0.16)
    leaf = (np.hypot(x - 0.62, y + 0.02) < 0.22) & (np.hypot(x - 0.42, y - 0.22) < 0.22)
    light = 1.15 - 0.7 * bump + 0.9 * np.exp(-((x - 0.36) ** 2 + (y - 0.4) ** 2) / 0.012)
    colours: tuple[tuple[np.ndarray, Colour, np.ndarray], ...] = (
        (fruit, (215, 60, 50), light),
        (leaf, (70, 150, 60), 0.7 + 0.8 * x),
    )
    painted = np.zeros((side, side, 3))
    for where, colour, shade in colours:
        painted[where] = (np.array(colour) * shade[..., None])[where]
    cover = Image.fromarray(((fruit | leaf) * 255).astype(np.uint8))
    place = (round(0.5 * picture.width - 0.5 * side), round(0.55 * picture.height))
    out = picture.copy()
    shadow = cover.filter(ImageFilter.GaussianBlur(side / 25)).point([value // 2 for value in range(256)])
    out.paste((0, 0, 0), (place[0] + side // 20, place[1] + side // 20), shadow)
    out.paste(Image.fromarray(np.clip(painted, 0, 255).astype(np.uint8)), place, cover)
    return out
