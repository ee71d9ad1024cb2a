"""Our own reading of ordinary JPEG files: the libraries' pixels in every bit, or nothing at all."""

import io
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takeback.errors import UnusableMediaError
from takeback.hashing.baseline import baseline_luma
from takeback.hashing.jpeg import plan_of

Grey = NDArray[np.uint8]

SUBSAMPLINGS = (0, 1, 2)
FACTORS = (2, 4, 8)
AC_SYMBOLS = [run << 4 | size for run in range(16) for size in range(1, 11)] + [0x00, 0xF0]
LONG_CODES = (0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125)
"""How many codes there are of each length in the table that most files have: most are of sixteen bits."""


def ours(data: bytes, factor: int = 1) -> Grey | None:
    try:
        return baseline_luma(data, plan_of(data), factor)
    except UnusableMediaError:
        return None


def by_pillow(data: bytes, factor: int = 1) -> Grey:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (image.width // factor, image.height // factor))
        return np.asarray(image.convert("L"))


def by_strict_library(data: bytes) -> Grey:
    pixels: Grey = simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    return pixels[:, :, 0]


def saved(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def noisy(width: int, height: int, seed: int) -> Image.Image:
    """Edges, a slope and noise: every kind of block."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width]
    slope = (down * 3 + across * 2)[:, :, np.newaxis] + np.array([0, 40, 90])
    pixels = np.where((across // 5 % 2 == 0)[:, :, np.newaxis], slope, rng.integers(0, 256, (height, width, 3)))
    return Image.fromarray((pixels % 256).astype(np.uint8))


def check_equal(data: bytes) -> None:
    pixels = ours(data)
    assert pixels is not None
    assert np.array_equal(pixels, by_strict_library(data))
    assert np.array_equal(pixels, by_pillow(data))


def check_equal_shrunk(data: bytes) -> None:
    for factor in FACTORS:
        pixels = ours(data, factor)
        assert pixels is not None
        assert np.array_equal(pixels, by_pillow(data, factor))


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_every_quality_gives_the_libraries_pixels(subsampling: int) -> None:
    for quality in range(1, 101):
        image = noisy(40 + quality % 17, 23 + quality % 13, quality)
        check_equal(saved(image, quality=quality, subsampling=subsampling, optimize=quality % 2 == 0))


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_every_small_size_gives_the_libraries_pixels(subsampling: int) -> None:
    for width in range(1, 41):
        for height in (1, 2, 7, 8, 9, 15, 16, 17, 33, 41 - width):
            check_equal(saved(noisy(width, height, width), quality=85, subsampling=subsampling))


@pytest.mark.parametrize("width", [127, 128, 129, 255, 256, 257, 1000])
def test_whole_groups_of_blocks_and_parts_of_them(width: int) -> None:
    for subsampling in SUBSAMPLINGS:
        check_equal(saved(noisy(width, 20, width), quality=92, subsampling=subsampling))


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_shrunk_it_gives_the_libraries_pixels(subsampling: int) -> None:
    for quality in range(1, 101, 2):
        width, height = 64 + quality * 7 % 130, 64 + quality % 23
        check_equal_shrunk(saved(noisy(width, height, quality), quality=quality, subsampling=subsampling))


def test_grey_and_tall_units_are_read() -> None:
    for quality in (3, 50, 98):
        check_equal(saved(noisy(61, 35, 1).convert("L"), quality=quality))
        pixels = np.ascontiguousarray(np.asarray(noisy(61, 35, 2)))
        check_equal(simplejpeg.encode_jpeg(pixels, quality, "RGB", "440"))


def test_grey_of_any_sampling_is_read_block_by_block() -> None:
    grey = bytearray(saved(noisy(61, 35, 1).convert("L"), quality=80))
    sampling = grey.index(b"\xff\xc0") + 11
    for value in (0x11, 0x12, 0x21, 0x22):
        grey[sampling] = value
        check_equal(bytes(grey))


def test_shipped_pictures_give_the_libraries_pixels(photo: Callable[[str], Image.Image]) -> None:
    for name in ("astronaut", "coffee", "chelsea"):
        for options in ({"quality": 95, "subsampling": 0, "optimize": True}, {"quality": 75}, {"quality": 30}):
            check_equal(saved(photo(name), **options))
            check_equal_shrunk(saved(photo(name), **options))


def coded(bits: str) -> bytes:
    """Bits as coded data, with stuffing."""
    padded = bits + "1" * (-len(bits) % 8)
    return bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8)).replace(b"\xff", b"\xff\x00")


def codes_of(counts: Sequence[int], symbols: Sequence[int]) -> dict[int, str]:
    codes, code, left = {}, 0, iter(symbols)
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[next(left)] = f"{code:0{length}b}"
            code += 1
        code <<= 1
    return codes


def value_bits(value: int) -> str:
    size = abs(value).bit_length()
    return f"{value if value > 0 else value + (1 << size) - 1:0{size}b}" if size else ""


def block_bits(block: Sequence[int], last_dc: int, dc: dict[int, str], ac: dict[int, str]) -> str:
    """A block of 64 values in the order of the file."""
    difference = block[0] - last_dc
    parts, run = [dc[abs(difference).bit_length()], value_bits(difference)], 0
    for value in block[1:]:
        if not value:
            run += 1
            continue
        parts += [ac[0xF0]] * (run // 16) + [ac[(run % 16) << 4 | abs(value).bit_length()], value_bits(value)]
        run = 0
    return "".join(parts) + (ac[0] if run else "")


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def grey_file(blocks: Sequence[Sequence[int]], dc_order: Sequence[int], ac_order: Sequence[int]) -> bytes:
    """A grey picture of one row of blocks, with symbols in any order and codes of every length up to sixteen."""
    dc_counts = (1,) * 12 + (0,) * 4
    dc, ac = codes_of(dc_counts, dc_order), codes_of(LONG_CODES, ac_order)
    bits, last = "", 0
    for block in blocks:
        bits += block_bits(block, last, dc, ac)
        last = block[0]
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xDB, b"\x00" + bytes([1] * 64)),
            segment(0xC0, struct.pack(">BHHB", 8, 8, 8 * len(blocks), 1) + b"\x01\x11\x00"),
            segment(0xC4, b"\x00" + bytes(dc_counts) + bytes(dc_order)),
            segment(0xC4, b"\x10" + bytes(LONG_CODES) + bytes(ac_order)),
            segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            coded(bits),
            b"\xff\xd9",
        )
    )


VALUES = st.integers(-3, 3) | st.integers(-40, 40) | st.just(0) | st.just(0)
BLOCKS = st.tuples(
    st.integers(-1000, 1000),
    st.lists(VALUES, max_size=63) | st.lists(VALUES, min_size=63, max_size=63) | st.just([0] * 62 + [-1]),
).map(lambda parts: [parts[0], *parts[1], *[0] * (63 - len(parts[1]))])


@settings(deadline=None, max_examples=150)
@given(st.lists(BLOCKS, min_size=1, max_size=20), st.permutations(range(12)), st.permutations(AC_SYMBOLS))
def test_codes_of_every_length_for_every_symbol(blocks: list[list[int]], dc: list[int], ac: list[int]) -> None:
    check_equal(grey_file(blocks, dc, ac))


def test_a_picture_that_no_camera_makes_is_left_to_the_library() -> None:
    plain = [0] * 64
    wild = [[1000, *[1023] * 63], [1000, -1000, 900] + [0] * 61, [2047] + [500] * 20 + [0] * 43]
    for block in wild:
        data = grey_file([plain, block, plain], range(12), AC_SYMBOLS)
        pixels = ours(data)
        assert pixels is None or np.array_equal(pixels, by_pillow(data))
    assert ours(grey_file([plain, wild[0]], range(12), AC_SYMBOLS)) is None
    assert ours(grey_file([plain, [2047, *plain[1:]]], range(12), AC_SYMBOLS)) is not None
    # Twice the largest difference is a value that eight bits cannot have.
    assert ours(grey_file([[2047, *plain[1:]], [4094, *plain[1:]]], range(12), AC_SYMBOLS)) is None


def test_what_is_unusual_is_left_to_the_library() -> None:
    image = noisy(40, 30, 3)
    usual = saved(image, quality=80)
    frame, scan = usual.index(b"\xff\xc0"), usual.index(b"\xff\xda")
    tables = usual.index(b"\xff\xc4")

    def changed(at: int, value: int) -> bytes:
        return usual[:at] + bytes([value]) + usual[at + 1 :]

    unusual = {
        "progressive": saved(image, progressive=True),
        "four colours": saved(image.convert("CMYK")),
        "restarts": saved(image, restart_marker_blocks=2),
        "extended": changed(frame + 1, 0xC1),
        "arithmetic": changed(frame + 1, 0xC9),
        "twelve bits": changed(frame + 4, 12),
        "height later": usual[: frame + 5] + b"\x00\x00" + usual[frame + 7 :],
        "larger colours": changed(frame + 14, 0x22),
        "another order": changed(scan + 5, 2),
        "two colour tables": changed(scan + 10, 0x00),
        "part of the frequencies": changed(scan + 12, 62),
        "a table that is not there": changed(scan + 6, 0x33),
        "no steps": changed(frame + 12, 3),
        "a code of ones": changed(tables + 5, 2),
        "another version": changed(11, 2),
        "space between segments": usual[:frame] + b"\x00" + usual[frame:],
        "fill bytes": usual[:frame] + b"\xff" + usual[frame:],
        "a second picture": usual[:scan] + usual[frame : frame + 19] + usual[scan:],
        "an unknown segment": usual[:frame] + segment(0xDC, b"\x00\x1e") + usual[frame:],
        "colours as they are": saved(image, keep_rgb=True),
        "other colours": usual[:frame] + segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x02") + usual[frame:],
        "no end": usual[:-2],
        "half an end": usual[:-1],
        "another scan": usual[:-2] + usual[scan:],
        "a byte too many": usual[:-2] + b"\x00\xff\xd9",
        "too few bytes": usual[:-12] + b"\xff\xd9",
    }
    assert ours(usual) is not None
    assert ours(usual + b"and more behind the end") is not None
    assert {name for name, data in unusual.items() if ours(data) is not None} == set()


def test_a_side_longer_than_the_libraries_take_is_left_to_them() -> None:
    longest = saved(Image.new("L", (8, 65_500)))
    check_equal(longest)
    height = longest.index(b"\xff\xc0") + 5
    # The same number of blocks, so nothing else is wrong with it.
    longer = longest[:height] + struct.pack(">H", 65_504) + longest[height + 2 :]
    assert ours(longer) is None
    with pytest.raises(ValueError, match=r"."):
        by_strict_library(longer)


def corpus() -> list[bytes]:
    return [
        saved(noisy(50, 37, 1), quality=95, subsampling=0, optimize=True),
        saved(noisy(33, 20, 2), quality=60),
        saved(noisy(70, 9, 3), quality=20, subsampling=1),
        saved(noisy(40, 40, 4).convert("L"), quality=90),
        grey_file([[5, 3, 0, -2] + [0] * 60, [9] + [1, 0] * 31 + [1]], range(12), AC_SYMBOLS[::-1]),
    ]


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Files with bytes changed, left out or put in, or cut short; half of them behind the headers."""
    rng = random.Random(seed)  # noqa: S311 - files to break, not keys
    files = corpus()
    for _ in range(count):
        file = bytearray(rng.choice(files))
        first = rng.choice((2, file.index(b"\xff\xda") + 2))
        for _ in range(rng.choice((1, 1, 2, 5))):
            at, kind = rng.randrange(first, len(file)), rng.randrange(8)
            if kind < 5:
                file[at] = rng.choice((rng.randrange(256), file[at] ^ 1 << rng.randrange(8), 0, 255))
            elif kind == 5:
                del file[at : at + rng.randrange(1, 4)]
            elif kind == 6:
                file[at:at] = rng.randbytes(rng.randrange(1, 4))
            else:
                del file[at:]
                file += rng.choice((b"", b"\xff\xd9"))
            if len(file) <= first + 1:
                break
        yield bytes(file)


def check_mutated(count: int, seed: int) -> int:
    """How many were read; each is what the library gives that stops at the first complaint."""
    read = 0
    for number, data in enumerate(mutated(count, seed)):
        pixels = ours(data)
        if pixels is not None:
            assert np.array_equal(pixels, by_strict_library(data))
            read += 1
        factor = FACTORS[number % 3]
        shrunk = ours(data, factor)
        if shrunk is not None:
            by_strict_library(data)
            assert np.array_equal(shrunk, by_pillow(data, factor))
            read += 1
    return read


def test_of_damaged_files_it_gives_the_strict_librarys_pixels_or_none() -> None:
    assert 100 < check_mutated(6000, 1) < 5900


@settings(deadline=None, max_examples=200)
@given(st.data(), st.integers(0, 4))
def test_damage_anywhere(data: st.DataObject, number: int) -> None:
    file = bytearray(corpus()[number])
    for at in data.draw(st.lists(st.integers(2, len(file) - 1), max_size=8), "places"):
        file[at] = data.draw(st.integers(0, 255), "byte")
    end = data.draw(st.just(len(file)) | st.integers(2, len(file)), "end")
    pixels = ours(bytes(file[:end]))
    assert pixels is None or np.array_equal(pixels, by_strict_library(bytes(file[:end])))


CHECKED = """
import numpy as np
from takeback.hashing.baseline.stuffing import without_stuffing
try:
    without_stuffing(np.frombuffer(bytes(40), np.uint8), 0, np.zeros(9, np.uint8))
except IndexError:
    print("indices are checked")
check_equal(corpus()[0])
print(check_mutated(4000, 2) > 50)
"""


def test_no_index_is_ever_out_of_range(tmp_path: Path) -> None:
    """In a process of its own, in which numba checks every index: damaged files raise nothing."""
    here = Path(__file__)
    checking = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(here.parent)}
    done = subprocess.run(
        [sys.executable, "-c", f"from {here.stem} import *\n{CHECKED}"],
        env=os.environ | checking,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["indices are checked", "True"]
