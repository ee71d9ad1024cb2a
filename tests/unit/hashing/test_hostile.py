"""Files that somebody hostile, or a bad line, may have made: a typed error or a result, soon, in little memory."""

import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from takeback.errors import UnusableMediaError
from takeback.hashing import Limits, fingerprints_of, preview_of, query_fingerprints_of, reencoded

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
MAX_SECONDS = 2.0
MAX_BYTES = 1_000_000_000

Encode = Callable[[str], bytes]

# Pillow warns of odd metadata; pytest would turn that into an error that no user sees.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def encode(photo: Callable[[str], Image.Image]) -> Encode:
    import pillow_heif  # noqa: PLC0415 - only here, to write HEIC

    pillow_heif.register_heif_opener()
    small = photo("chelsea").resize((180, 120))
    variants: dict[str, tuple[str, dict[str, Any]]] = {
        "progressive": ("JPEG", {"progressive": True}),
        "lossless": ("WEBP", {"lossless": True}),
        "animated": ("GIF", {"save_all": True, "append_images": [small.rotate(90), small.rotate(180)]}),
    }
    made: dict[str, bytes] = {}
    for name in (*FORMATS, "progressive", "lossless", "animated"):
        format_, options = variants.get(name, (name, {}))
        out = io.BytesIO()
        small.save(out, format_, **options)
        made[name] = out.getvalue()
    return made.__getitem__


def outcome(data: bytes) -> str:
    """The code of the error, or ``hashed``; anything but our own error fails the test."""
    refused: UnusableMediaError | None = None
    try:
        fingerprints_of(data)
    except UnusableMediaError as error:
        refused = error
    assert refused is None or (refused.code.startswith("media.") and refused.message.endswith("."))
    return refused.code if refused else "hashed"


@pytest.mark.parametrize("name", [*FORMATS, "progressive", "lossless", "animated"])
def test_every_format_is_read_by_content(name: str, encode: Encode) -> None:
    hashed = fingerprints_of(encode(name))
    assert (hashed.width, hashed.height) == (180, 120)
    plain = fingerprints_of(encode("PNG")).fingerprints[0]
    distance = (int(hashed.fingerprints[0].value, 16) ^ int(plain.value, 16)).bit_count()
    assert distance <= 10


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "progressive", "lossless"])
def test_a_file_that_ends_early_is_refused(name: str, share: float, encode: Encode) -> None:
    data = encode(name)
    assert outcome(data[: int(len(data) * share)]) in {"media.truncated", "media.damaged"}


def test_a_progressive_picture_that_ends_early_is_refused_even_where_what_is_missing_would_not_show(
    photo: Callable[[str], Image.Image],
) -> None:
    out = io.BytesIO()
    photo("coffee").resize((2464, 1648)).save(out, "JPEG", progressive=True)
    assert outcome(out.getvalue()) == "hashed"
    assert outcome(out.getvalue()[:-2000]) == "media.truncated"


@settings(deadline=None, max_examples=250)
@given(st.data(), st.sampled_from([*FORMATS, "progressive", "lossless", "animated"]))
def test_damage_anywhere_gives_an_error_of_ours_or_a_result(encode: Encode, data: st.DataObject, name: str) -> None:
    file = bytearray(encode(name))
    reach = data.draw(st.sampled_from([64, 800, len(file)]), "reach")
    for at in data.draw(st.lists(st.integers(0, min(reach, len(file)) - 1), max_size=12), "places"):
        file[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF, 0xD9, 0xDA]), "byte")
    end = data.draw(st.integers(0, len(file)) | st.just(len(file)), "end")
    outcome(bytes(file[:end]))
    for use in (query_fingerprints_of, reencoded, small_preview):
        with suppress(UnusableMediaError):
            use(bytes(file[:end]))


def small_preview(data: bytes) -> bytes:
    return preview_of(data, long_side_px=64, blur=True)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "media.empty"),
        (b"\xff\xd8", "media.unknown_format"),
        (b"\xff\xd8\xff", "media.truncated"),
        (b"\xff\xd8\xff\xd9", "media.damaged"),
        (b"<!doctype html><title>hi</title>", "media.unknown_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "media.unknown_format"),
        (b"%PDF-1.7", "media.unknown_format"),
        (bytes(5000), "media.unknown_format"),
        (b"\x89PNG\r\n\x1a\n", "media.damaged"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "media.truncated"),
        (b"RIFF\x10\x00\x00\x00WEBPJUNK" + bytes(40), "media.damaged"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(12), "media.damaged"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(12), "media.unknown_format"),
    ],
)
def test_what_is_not_a_picture_is_told_apart(data: bytes, code: str) -> None:
    assert outcome(data) == code


def png(width: int, height: int, depth: int, colour: int, rows: Iterator[bytes]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for row in rows) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG of three full-size components; each scan says in a few bytes that all its blocks are empty."""
    table = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64)
    components = b"".join(bytes([i, 0x11, 0]) for i in (1, 2, 3))
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + components
    huffman = b"\xff\xc4" + struct.pack(">HB", 20, 0x10) + bytes([1] + [0] * 15) + b"\xe0"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + bytes([1, 0, 1, 63, 0x00]) + b"\x00" * 8
    return b"\xff\xd8" + table + frame + huffman + scan * scans + b"\xff\xd9"


def test_a_png_of_900_megapixels_in_a_few_kilobytes_is_refused_unread() -> None:
    bomb = png(30000, 30000, 1, 0, (bytes(3751) for _ in range(30000)))
    assert len(bomb) < 1_000_000
    started = time.perf_counter()
    assert outcome(bomb) == "media.too_large"
    assert time.perf_counter() - started < MAX_SECONDS


@pytest.mark.parametrize("declared", [(65500, 65500), (60000, 9000)])
def test_a_jpeg_that_declares_gigapixels_is_refused_unread(declared: tuple[int, int]) -> None:
    assert outcome(jpeg_of_scans(*declared, 1)) == "media.too_large"


def test_a_jpeg_of_thousands_of_scans_is_refused_unread() -> None:
    started = time.perf_counter()
    assert outcome(jpeg_of_scans(7000, 7000, 5000)) == "media.too_complex"
    assert outcome(jpeg_of_scans(100, 100, 50_000)) == "media.too_complex"
    assert time.perf_counter() - started < MAX_SECONDS


def test_a_webp_that_declares_a_canvas_of_gigabytes_is_refused_unread() -> None:
    canvas = struct.pack("<I", 0x02)[:4] + (16_777_215).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    assert outcome(b"RIFF" + struct.pack("<I", len(body)) + body + bytes(64)) == "media.too_large"


# Linux hands a parent's peak on to its child in ru_maxrss, so there the child's own peak is read.
MEASURED = """
import resource, sys
from pathlib import Path
from contextlib import suppress
from typing import Any
from takeback.errors import UnusableMediaError
from takeback.hashing import fingerprints_of, reencoded
data = sys.stdin.buffer.read()
for use in (fingerprints_of, reencoded):
    with suppress(UnusableMediaError):
        use(data)
if sys.platform == "linux":
    status = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured the POSIX way")
@pytest.mark.parametrize("kind", ["colour png", "16 bit png", "scans"])
def test_the_largest_that_is_let_in_stays_within_a_gigabyte(kind: str) -> None:
    def measured(side: int) -> int:
        data = {
            "colour png": lambda: png(side, side, 8, 6, (bytes(1 + 4 * side) for _ in range(side))),
            "16 bit png": lambda: png(side, side, 16, 0, (bytes(1 + 2 * side) for _ in range(side))),
            "scans": lambda: jpeg_of_scans(side, side, Limits().max_scan_pixels // Limits().max_pixels),
        }[kind]()
        done = subprocess.run([sys.executable, "-c", MEASURED], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return int(done.stdout)

    # The compiler needs 300 MB once, at install or first start; it is not what a file may cost.
    measured(300)
    assert measured(int(Limits().max_pixels ** 0.5)) < MAX_BYTES
