"""Entries and queries for the matching benchmark: random ones, and ones whose bits go together as real PDQ's do.

No public list of millions of PDQ values exists. The realistic entries are drawn from a model of real ones: the PDQ of
random crops of pictures give the correlation of every pair of bits; correlated normal numbers are drawn, and each
value's 128 largest become its ones, as PDQ's median does. A fiftieth are copies of another entry with up to 40 bits
changed, as edited copies of one picture are.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
import pdqhash
import skimage
from numpy.typing import NDArray
from PIL import Image

from takeback.matching.chunks import bit_order

Raw = NDArray[np.uint8]

CROPS = 400
SIDE = 160
BLOCK = 100_000
COPIES = 50
COPY_BITS = 40


class Kind(StrEnum):
    RANDOM = "random"
    REALISTIC = "realistic"


def make_entries(kind: Kind, count: int, images: Path | None) -> Raw:
    """(count, 32) values."""
    return draw(kind, count, images, seed=1)


def make_queries(
    kind: Kind, values: Raw, count: int, radius: int, images: Path | None
) -> tuple[Raw, NDArray[np.int64]]:
    """Half are entries with 0 to ``radius`` bits changed, half are not listed; mixed. Also each one's entry, or -1."""
    rng = np.random.default_rng(radius + 1000)
    origins = np.where(rng.random(count) < 0.5, rng.integers(0, len(values), count), -1)
    queries = draw(kind, count, images, seed=2)
    listed = np.flatnonzero(origins >= 0)
    queries[listed] = changed(rng, values[origins[listed]], radius)
    return queries, origins


def changed(rng: np.random.Generator, values: Raw, most_bits: int) -> Raw:
    """Copies of values with 0 to ``most_bits`` bits changed."""
    ranks = rng.random((len(values), 256)).argsort(axis=1)
    flips = ranks < rng.integers(0, most_bits + 1, (len(values), 1))
    return values ^ np.packbits(flips, axis=1)


def draw(kind: Kind, count: int, images: Path | None, seed: int) -> Raw:
    rng = np.random.default_rng(seed)
    if kind is Kind.RANDOM:
        return rng.integers(0, 256, (count, 32), np.uint8)
    root = correlation_root(images)
    values = np.empty((count, 32), np.uint8)
    for begin in range(0, count, BLOCK):
        part = rng.standard_normal((min(BLOCK, count - begin), 256), np.float32) @ root
        middle = np.partition(part, 127, axis=1)[:, 127:128]
        values[begin : begin + len(part)] = np.packbits(part > middle, axis=1)
    copies = rng.choice(count, count // COPIES, replace=False)
    values[copies] = changed(rng, values[rng.integers(0, count, len(copies))], COPY_BITS)
    return values


@cache
def correlation_root(images: Path | None) -> NDArray[np.float32]:
    """(256, 256), turns independent normal numbers into ones that go together as the bits do."""
    bits = np.unpackbits(real_values(images), axis=1).astype(np.float64)
    correlation = np.sin(np.pi / 2 * np.corrcoef(bits - bits.mean(axis=0), rowvar=False))  # of the signs, to normal
    scales, axes = np.linalg.eigh(correlation)
    root: NDArray[np.float32] = (axes * np.sqrt(np.maximum(scales, 0))).T.astype(np.float32)
    return root


def real_values(images: Path | None) -> Raw:
    """PDQ of random crops of pictures: those given, or those that scikit-image ships."""
    folder = images or Path(skimage.__file__).parent / "data"
    rng = np.random.default_rng(3)
    values = []
    for file in sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg")):
        picture = Image.open(file).convert("RGB")
        if min(picture.size) < SIDE:
            continue
        for _ in range(CROPS):
            value, quality = pdqhash.compute(np.asarray(random_crop(rng, picture)))
            if quality >= 50:
                values.append(np.packbits(value))
    return np.array(values)


def random_crop(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    scale = rng.uniform(0.3, 1)
    width, height = int(picture.width * scale), int(picture.height * scale)
    left, top = (int(rng.integers(0, free + 1)) for free in (picture.width - width, picture.height - height))
    return picture.crop((left, top, left + width, top + height)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def chunk_loads(values: Raw) -> dict[str, float]:
    """For some bit orders, how many entries share an entry's bucket, over how many would if all were even."""
    row, column = np.divmod(np.arange(256), 16)
    orders = {
        "rows": np.arange(256),
        "columns": np.argsort(column * 16 + row, kind="stable"),
        "blocks 4x4": np.argsort((row // 4 * 4 + column // 4) * 256 + np.arange(256), kind="stable"),
        "diagonals": np.argsort((row + column) % 16 * 16 + row, kind="stable"),
        "ours": bit_order(),
    }
    bits = np.unpackbits(values, axis=1)
    return {name: load_of(np.packbits(bits[:, order], axis=1)) for name, order in orders.items()}


def load_of(ordered: Raw) -> float:
    chunks = np.ascontiguousarray(ordered).view(np.uint16)
    counts = [np.bincount(chunks[:, chunk], minlength=65536).astype(np.float64) for chunk in range(16)]
    even = 1 + (len(ordered) - 1) / 65536
    return float(np.mean([(count**2).sum() / len(ordered) for count in counts]) / even)
