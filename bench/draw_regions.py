"""Draws the pictures of docs/fingerprints.md from a made-up picture, so that the project holds nobody's photograph.

``python bench/draw_regions.py`` from the checkout's root. ``regions-found.png``: regions of a photograph and of an
edited copy, the near pairs joined. ``regions-leak.png``: what a simple decoder draws from the hashes alone, patch by
patch, and put together if somebody knew where each belongs. The decoder knows nothing of this picture.
"""

import io
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from skimage import data as samples

from furniture import caption_band, emoji
from takeback.apps.demo_picture import landscape
from takeback.hashing.regions.find import _patch_level, _search
from takeback.hashing.regions.grey import working_picture
from takeback.hashing.regions.orientation import orientations
from takeback.hashing.regions.patch import activity, cosines, median_deviation, sample, taper, transform, write_bits
from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.scale_space import patch_pyramid

TARGET = Path(__file__).parents[1] / "docs/images"
RECIPE = Recipe()
GREEN, ORANGE = (20, 200, 120), (240, 150, 40)
NEAR_BITS = 31
FADE = 1.0 - ((np.mgrid[0:32, 0:32] - 15.5) ** 2).sum(axis=0) / 28.0**2

Patch = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placed:
    """A region with what is never stored: where it is, how large and how turned."""

    x: float
    y: float
    radius: float
    turn: float
    value: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]
    patch: Patch
    frequencies: Patch


def placed_regions(picture: Image.Image, most: int) -> list[Placed]:
    """The strongest regions of the working picture."""
    grey = working_picture(np.asarray(picture.convert("RGB")), RECIPE.long_side_px)
    stacks, keypoints = _search(grey, RECIPE)
    pyramid = patch_pyramid(grey)
    found: list[Placed] = []
    for x, y, level, sigma, _, radius, octave in keypoints:
        scale = 2.0**octave
        halvings = _patch_level(radius * scale, len(pyramid))
        turns = np.empty(2)
        for k in range(orientations(stacks[int(octave)][int(level)], x, y, RECIPE.orientation_window * sigma, turns)):
            patch, ratio = np.empty((32, 32)), 2.0 ** (octave - halvings)
            sample(pyramid[halvings], x * ratio, y * ratio, radius * ratio, turns[k], patch)
            active, spread = activity(patch)
            seen = patch.copy()
            if active < 2.0 or median_deviation(transform(patch, cosines())) < 0.1 * spread:
                continue
            taper(patch)
            frequencies = transform(patch, cosines())
            value, mirrored = np.empty(32, np.uint8), np.empty(32, np.uint8)
            write_bits(frequencies, False, value)
            write_bits(frequencies, True, mirrored)
            found.append(Placed(x * scale, y * scale, radius * scale, turns[k], value, mirrored, seen, frequencies))
    return found[:most]


def ring(draw: ImageDraw.ImageDraw, region: Placed, scale: float, left: float, colour: tuple[int, int, int]) -> None:
    x, y, r = region.x * scale + left, region.y * scale, region.radius * scale
    draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=2)
    angle = 2 * pi * region.turn
    draw.line((x, y, x + r * cos(angle), y + r * sin(angle)), colour, 2)


def draw_found(picture: Image.Image) -> None:
    width, height = picture.size
    part = ImageOps.mirror(picture.crop((width // 6, 0, width * 5 // 6, height * 2 // 3)).rotate(8))
    copy = caption_band(emoji(part, np.random.default_rng(5), 0.22), "guess who")
    side = 420
    sheet = Image.new("RGB", (2 * side + 40, side), (255, 255, 255))
    shown = [ImageOps.contain(each, (side, side)) for each in (picture, copy)]
    for index, each in enumerate(shown):
        sheet.paste(each, (index * (side + 40), 0))
    draw = ImageDraw.Draw(sheet)
    scales = [max(each.size) / RECIPE.long_side_px for each in shown]
    own, others = placed_regions(picture, 160), placed_regions(copy, 240)
    pairs = []
    for one in own:
        bits = [min(np.bitwise_count(one.value ^ v).sum() for v in (o.value, o.mirrored)) for o in others]
        best = int(np.argmin(bits))
        if bits[best] <= NEAR_BITS:
            pairs.append((one, others[best]))
    for one in own[:40]:
        ring(draw, one, scales[0], 0, ORANGE)
    for one, other in pairs:
        ring(draw, one, scales[0], 0, GREEN)
        ring(draw, other, scales[1], side + 40, GREEN)
        ends = (one.x * scales[0], one.y * scales[0], other.x * scales[1] + side + 40, other.y * scales[1])
        draw.line(ends, GREEN, 1)
    sheet.quantize(48).save(TARGET / "regions-found.png", optimize=True)
    print(f"{len(pairs)} near pairs")


def spectrum() -> Patch:
    """(16, 16): how large each frequency usually is, from other photographs."""
    names = ("coffee", "chelsea", "rocket", "camera", "motorcycle_left")
    pictures = [getattr(samples, name)() for name in names[:4]] + [samples.stereo_motorcycle()[0]]
    found = [region for each in pictures for region in placed_regions(Image.fromarray(each).convert("RGB"), 200)]
    return np.asarray(np.mean([np.abs(region.frequencies) for region in found], axis=0))


def decoded(value: NDArray[np.uint8], usual: Patch) -> Patch:
    """What the bits alone say: every frequency at its usual strength, on the side of the median its bit tells."""
    signs = np.unpackbits(value).reshape(16, 16) * 2.0 - 1.0
    out: Patch = (cosines().T @ (signs * usual) @ cosines()) / FADE
    return out


def as_picture(patch: Patch, side: int) -> Image.Image:
    stretched = 128 + (patch - patch.mean()) * 55 / (patch.std() + 1e-9)
    return Image.fromarray(np.clip(stretched, 0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)


def draw_leak(picture: Image.Image) -> None:
    usual = spectrum()
    regions = placed_regions(picture, 96)
    shown = sorted(regions[:60], key=lambda region: -region.radius)[2:58:7]
    side, gap = 100, 6
    strip = Image.new("L", (8 * (side + gap) - gap, 2 * side + gap), 255)
    for index, region in enumerate(shown):
        strip.paste(as_picture(region.patch, side), (index * (side + gap), 0))
        strip.paste(as_picture(decoded(region.value, usual), side), (index * (side + gap), side + gap))
    height = round(512 * picture.height / picture.width) if picture.width >= picture.height else 512
    width = 512 if picture.width >= picture.height else round(512 * picture.width / picture.height)
    mosaic = put_together(regions, usual, width, height)
    original = picture.convert("L").resize((width, height))
    third = (strip.width - 2 * gap) // 2
    lower = [ImageOps.contain(each, (third, third)) for each in (original, mosaic)]
    sheet = Image.new("L", (strip.width, strip.height + gap * 3 + lower[0].height), 255)
    sheet.paste(strip, (0, 0))
    for index, each in enumerate(lower):
        sheet.paste(each, (index * (third + 2 * gap), strip.height + 3 * gap))
    sheet.quantize(16).save(TARGET / "regions-leak.png", optimize=True)


def put_together(regions: list[Placed], usual: Patch, width: int, height: int) -> Image.Image:
    """All decoded patches at their true places, the smaller ones counting more: the best case for who has the list."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    total, weight = np.zeros((height, width)), np.full((height, width), 1e-6)
    for region in regions:
        dx, dy = x - region.x, y - region.y
        c, s = cos(2 * pi * region.turn), sin(2 * pi * region.turn)
        u, v = c * dx + s * dy, -s * dx + c * dy
        step = 2 * region.radius / 32
        i, j = v / step + 15.5, u / step + 15.5
        inside = (i >= 0) & (i < 31.5) & (j >= 0) & (j < 31.5)
        patch = decoded(region.value, usual)
        values = patch[np.clip(i.round().astype(int), 0, 31), np.clip(j.round().astype(int), 0, 31)]
        near = np.exp(-(u * u + v * v) / (2 * (region.radius * 0.5) ** 2)) / region.radius
        total += np.where(inside, values * near, 0.0)
        weight += np.where(inside, near, 0.0)
    return as_picture_of(total / weight, weight)


def as_picture_of(values: Patch, weight: Patch) -> Image.Image:
    known = weight > 1e-4
    spread = values[known].std() + 1e-9
    grey = np.where(known, 128 + values * 60 / spread, 255)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def made_up_picture(seed: int = 5) -> Image.Image:
    """A landscape full of things: as many points that stand out as a photograph has."""
    random = np.random.default_rng(seed)
    picture = Image.open(io.BytesIO(landscape(seed))).resize((800, 600))
    draw = ImageDraw.Draw(picture)
    for _ in range(70):
        x, y, size = random.uniform(0, 800), random.uniform(150, 600), random.uniform(14, 70)
        red, green, blue = (int(each) for each in random.integers(20, 200, 3))
        match int(random.integers(3)):
            case 0:
                draw.ellipse((x - size, y - size * 0.8, x + size, y + size * 0.8), fill=(red, green, blue))
            case 1:
                angles = np.sort(random.uniform(0, 2 * pi, 5))
                draw.polygon([(x + size * cos(a), y + size * sin(a)) for a in angles], fill=(red, green, blue))
            case _:
                draw.rounded_rectangle((x - size, y - size / 2, x + size, y + size / 2), 8, fill=(red, green, blue))
        light = (x - size / 4, y - size / 4, x + size / 6, y + size / 6)
        draw.ellipse(light, fill=(red + 50, green + 50, blue + 50))
    noise = random.normal(0, 5, (600, 800, 1))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)))
    return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    made_up = made_up_picture()
    draw_found(made_up)
    draw_leak(made_up)
    for path in sorted(TARGET.glob("regions-*.png")):
        print(path.name, path.stat().st_size)
