"""Which JPEG files the quick reader takes, and what it needs to know of them.

Taken is what nearly every camera and program writes: baseline, eight bits, grey or luma and two colours of one block
each, everything in one scan, segments one after the other, tables in order. ``None`` is the answer to whatever else
comes. That is no error: a library then reads the file and says what is wrong with it, if anything is.

**Source:** ITU-T T.81 §B.2 (headers), §C.2 (codes), §F.1 (baseline); T.871 §10 (JFIF); Adobe TN 5116 §18.
"""

from dataclasses import dataclass

from takeback.hashing.jpeg import JpegPlan, Segment

_BASELINE = 0xC0
_HUFFMAN = 0xC4
_START_OF_SCAN = 0xDA
_QUANTIZATION = 0xDB
_RESTART_INTERVAL = 0xDD
_JFIF = 0xE0
_ADOBE = 0xEE
_HARMLESS = frozenset(range(0xE0, 0xF0)) | {0xFE}

_MAX_SIDE_PX = 65_500
"""Of larger ones the libraries read nothing, though the format has them."""

_SAMPLINGS = frozenset({0x11, 0x12, 0x21, 0x22})
_ONE_BLOCK = 0x11

_DC_SYMBOLS = bytes(range(12))
"""Bits of a difference. Eight-bit pictures have up to eleven."""

_AC_SYMBOLS = bytes(run << 4 | size for run in range(16) for size in range(1, 11)) + b"\x00\xf0"
"""Run of zeros and bits of a value; end of block; sixteen zeros. Other values are for progressive files."""

TABLE_BYTES = 16 + 256
"""A Huffman table here: how many codes there are of each length, and their symbols with zeros behind them."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the markers say of a file that the quick reader takes.

    Args:
        width: pixels, at least 1.
        height: likewise.
        across: luma blocks side by side in a unit: 1 or 2.
        down: luma blocks one above the other: 1 or 2.
        colours: blocks of colour after them: 0 or 2.
        steps: 64 quantization steps of luma in the order of the file.
        definitions: four Huffman tables of ``TABLE_BYTES`` each: luma DC and AC, colour DC and AC.
        coded_start: where coded data start in the file.
    """

    width: int
    height: int
    across: int
    down: int
    colours: int
    steps: bytes
    definitions: bytes
    coded_start: int


@dataclass(frozen=True, slots=True)
class _Segments:
    """The bodies of the segments that matter; tables by their number, of several the last; where the last one ends."""

    frame: bytes
    scan: bytes
    end: int
    steps: dict[int, bytes]
    codes: dict[int, bytes]


def header_of(data: bytes, plan: JpegPlan) -> Header | None:
    """What is needed to read a file; ``None`` if anything in it is unusual."""
    sides = (plan.width, plan.height)
    if plan.frame.marker != _BASELINE or plan.scans != 1 or min(sides) < 1 or max(sides) > _MAX_SIDE_PX:
        return None
    segments = _segments_of(data, plan.segments)
    if segments is None or not _is_usual(segments.frame):
        return None
    components = [segments.frame[at : at + 3] for at in range(6, len(segments.frame), 3)]
    selected = _selected_codes(segments.scan, bytes(component[0] for component in components))
    if selected is None or any(component[2] not in segments.steps for component in components):
        return None
    definitions = [segments.codes[number] for number in selected if number in segments.codes]
    if len(definitions) < len(selected):
        return None
    # A single component is stored block by block, whatever sampling it is said to have.
    sampling = components[0][1] if len(components) > 1 else _ONE_BLOCK
    return Header(
        width=plan.width,
        height=plan.height,
        across=sampling >> 4,
        down=sampling & 15,
        colours=len(components) - 1,
        steps=segments.steps[components[0][2]],
        definitions=b"".join(definitions),
        coded_start=segments.end,
    )


def _segments_of(data: bytes, segments: tuple[Segment, ...]) -> _Segments | None:
    steps: dict[int, bytes] = {}
    codes: dict[int, bytes] = {}
    frames: list[bytes] = []
    scan = b""
    end = 2
    for segment in segments:
        length = int.from_bytes(data[segment.header : segment.header + 2])
        body = data[segment.header + 2 : segment.header + length]
        if segment.start != end or length < 2 or len(body) != length - 2:
            return None
        end = segment.header + length
        if segment.marker == _BASELINE:
            frames.append(body)
        elif segment.marker == _START_OF_SCAN:
            scan = body
        elif not _is_taken(segment.marker, body, steps, codes):
            return None
    return _Segments(frames[0], scan, end, steps, codes) if len(frames) == 1 else None


def _is_taken(marker: int, body: bytes, steps: dict[int, bytes], codes: dict[int, bytes]) -> bool:
    """Take tables out of a segment; pass over what changes no pixel."""
    if marker == _QUANTIZATION:
        return _add_steps(body, steps)
    if marker == _HUFFMAN:
        return _add_codes(body, codes)
    if marker == _RESTART_INTERVAL:
        return body == b"\x00\x00"
    return marker in _HARMLESS and not _changes_colours(marker, body)


def _is_usual(frame: bytes) -> bool:
    """Eight bits; grey, or luma of one to four blocks and two colours of one."""
    count = frame[5] if len(frame) > 5 else 0
    if count not in (1, 3) or len(frame) != 6 + 3 * count or frame[0] != 8:
        return False
    numbers, samplings = frame[6::3], frame[7::3]
    plain = numbers != b"RGB" and len(set(numbers)) == count
    return plain and samplings[0] in _SAMPLINGS and all(sampling == _ONE_BLOCK for sampling in samplings[1:])


def _add_steps(body: bytes, steps: dict[int, bytes]) -> bool:
    if len(body) % 65:
        return False
    for at in range(0, len(body), 65):
        table = body[at + 1 : at + 65]
        if body[at] > 3 or 0 in table:
            return False
        steps[body[at]] = table
    return True


def _add_codes(body: bytes, codes: dict[int, bytes]) -> bool:
    at = 0
    while at < len(body):
        number, lengths = body[at], body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(lengths)]
        allowed = _AC_SYMBOLS if number >> 4 else _DC_SYMBOLS
        whole = len(lengths) == 16 and len(symbols) == sum(lengths) <= 256
        if not whole or number & 0xEF > 3 or symbols.translate(None, allowed):
            return False
        codes[number] = lengths + symbols.ljust(256, b"\x00")
        at += 17 + len(symbols)
    return True


def _changes_colours(marker: int, body: bytes) -> bool:
    """Whether it says something of colours, or of its version, that a decoder complains about or follows."""
    jfif = marker == _JFIF and body[:5] == b"JFIF\x00" and body[5:6] != b"\x01"
    return jfif or (marker == _ADOBE and body[:5] == b"Adobe" and body[11:12] != b"\x01")


def _selected_codes(scan: bytes, components: bytes) -> tuple[int, int, int, int] | None:
    """Numbers of the tables for luma DC and AC and colour DC and AC; those of luma again where there is no colour."""
    chosen = scan[2:-3:2]
    if scan[:1] != bytes([len(components)]) or scan[1:-3:2] != components or scan[-3:] != b"\x00\x3f\x00":
        return None
    if len(chosen) != len(components) or len(set(chosen[1:])) > 1:
        return None
    luma, colour = chosen[0], chosen[-1]
    return luma >> 4, 0x10 | luma & 15, colour >> 4, 0x10 | colour & 15
