"""Snapshots of a list, and points of its log: what is signed, and the bytes of the file.

A snapshot is every live entry of a list at one sequence number, in the order of the log. Ids and values are random
bytes, so no compression would make them smaller; what is not random is written as differences: three bytes a row.

**Source:** docs/protocol/feed-v1.md §7 and §8.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, BinaryIO, Final

from pydantic import Field, ValidationError

from takeback.errors import InvalidInputError, ProtocolViolationError
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import MAX_VALUE_DIGITS, Algorithm, parse_fingerprint, value_length
from takeback.wire.case_v1 import AlgorithmName
from takeback.wire.shape import Hex64, ReplyShape

SNAPSHOT_CONTEXT: Final = b"takeback/snapshot/v1\n"
POINT_CONTEXT: Final = b"takeback/point/v1\n"
MAGIC: Final = b"takeback-snapshot-1\n"

_EPOCH: Final = date(1970, 1, 1)
_ID_BYTES: Final = 16
_NO_QUALITY: Final = 255
_WITHHELD: Final = 254
"""In the place of a quality: a digest follows instead of a value."""

_DIGEST_BYTES: Final = 32
_MAX_VARINT_BYTES: Final = 9
_READ_BYTES: Final = 1 << 18
_LAST_DAY: Final = (date.max - _EPOCH).days


class _SnapshotShape(ReplyShape):
    bytes: Annotated[int, Field(ge=len(MAGIC))]
    chain: Hex64
    count: Annotated[int, Field(ge=0)]
    list: AlgorithmName
    seq: Annotated[int, Field(ge=1)]
    sha256: Hex64


class _PointShape(ReplyShape):
    chain: Hex64
    list: AlgorithmName
    seq: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class SnapshotStatement:
    """What the registry signs about a snapshot.

    Args:
        list: the list.
        seq: the last change it holds.
        chain: 32 bytes, the chain value after that change.
        count: live entries after it, which is the number of rows.
        sha256: lower-case hexadecimal, of the whole file; also its name.
        size_bytes: of the whole file.
    """

    list: Algorithm
    seq: int
    chain: bytes
    count: int
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a log that the registry has vouched for: ``chain`` is the chain value after change ``seq``."""

    list: Algorithm
    seq: int
    chain: bytes


def snapshot_text(statement: SnapshotStatement) -> str:
    """The canonical text that is signed (§7.2)."""
    return _canonical(
        {
            "bytes": statement.size_bytes,
            "chain": statement.chain.hex(),
            "count": statement.count,
            "list": statement.list.value,
            "seq": statement.seq,
            "sha256": statement.sha256,
        }
    )


def point_text(point: Point) -> str:
    """The canonical text that is signed (§8.3)."""
    return _canonical({"chain": point.chain.hex(), "list": point.list.value, "seq": point.seq})


def parse_snapshot_text(untrusted_text: str) -> SnapshotStatement:
    """Read a snapshot's statement. Verify its signature first.

    Raises:
        ProtocolViolationError: ``feed.malformed``.
    """
    try:
        shape = _SnapshotShape.model_validate_json(untrusted_text)
    except ValidationError:
        raise _malformed() from None
    return SnapshotStatement(
        Algorithm(shape.list), shape.seq, bytes.fromhex(shape.chain), shape.count, shape.sha256, shape.bytes
    )


def parse_point_text(untrusted_text: str) -> Point:
    """Read a point. Verify its signature first.

    Raises:
        ProtocolViolationError: ``feed.malformed``.
    """
    try:
        shape = _PointShape.model_validate_json(untrusted_text)
    except ValidationError:
        raise _malformed() from None
    return Point(Algorithm(shape.list), shape.seq, bytes.fromhex(shape.chain))


def _canonical(shape: dict[str, str | int]) -> str:
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def snapshot_rows(name: Algorithm, live: Iterable[Change]) -> Iterator[bytes]:
    """The rows of a file, without its first line, for live entries in the order of the log (§7.3)."""
    is_fixed = value_length(name) is not None
    seq = day = 0
    for change in live:
        at = (change.day - _EPOCH).days
        entry_id = bytes.fromhex(change.entry_id)
        place = _varint(change.seq - seq) + _varint(at - day)
        if change.op is Op.WITHHELD:
            yield b"".join((place, bytes([_WITHHELD]), entry_id, bytes.fromhex(change.digest or "")))
        else:
            value = bytes.fromhex(change.value or "")
            quality = _NO_QUALITY if change.quality is None else change.quality
            size = b"" if is_fixed else _varint(len(value))
            yield b"".join((place, bytes([quality]), entry_id, size, value))
        seq, day = change.seq, at


def read_snapshot(name: Algorithm, untrusted_file: BinaryIO) -> Iterator[Change]:
    """Read a file row by row, as the changes that added its entries, or kept back their values.

    At most some hundred kilobytes are in memory.

    Raises:
        ProtocolViolationError: ``feed.malformed`` for anything that is not a row, also at the end.
    """
    reader = _Reader(untrusted_file)
    if reader.take(len(MAGIC)) != MAGIC:
        raise _malformed()
    digits = value_length(name)
    seq = days = 0
    day = _EPOCH
    while not reader.is_at_end():
        step = reader.varint()
        if not step:
            raise _malformed()
        seq += step
        if step := reader.varint():
            days += step
            if days > _LAST_DAY:
                raise _malformed()
            day = _EPOCH + timedelta(days=days)
        quality = reader.take(1)[0]
        entry_id = reader.take(_ID_BYTES).hex()
        if quality == _WITHHELD:
            digest = reader.take(_DIGEST_BYTES).hex()
            yield Change(name, seq, Op.WITHHELD, entry_id, None, None, day, is_digested=True, digest=digest)
            continue
        value = _value(reader, digits)
        known_quality = None if quality == _NO_QUALITY else quality
        try:
            parse_fingerprint(name, value, known_quality)
        except InvalidInputError:
            raise _malformed() from None
        yield Change(name, seq, Op.ADD, entry_id, value, known_quality, day)


def _value(reader: "_Reader", digits: int | None) -> str:
    size = reader.varint() if digits is None else digits // 2
    if size > MAX_VALUE_DIGITS // 2:
        raise _malformed()
    return reader.take(size).hex()


class _Reader:
    """Bytes of a file by the piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._held):
            self._refill(size)
            end = size
        piece = self._held[self._at : end]
        self._at = end
        return piece

    def varint(self) -> int:
        """Seven bits a byte, the least significant first; the high bit says that more follow."""
        number = self.take(1)[0]
        if number < 0x80:
            return number
        number &= 0x7F
        for position in range(1, _MAX_VARINT_BYTES):
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return number
        raise _malformed()

    def is_at_end(self) -> bool:
        if self._at < len(self._held):
            return False
        self._held, self._at = self._file.read(_READ_BYTES), 0
        return not self._held

    def _refill(self, size: int) -> None:
        rest = self._held[self._at :]
        self._held, self._at = rest + self._file.read(max(_READ_BYTES, size)), 0
        if len(self._held) < size:
            raise _malformed()


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes([number])
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _malformed() -> ProtocolViolationError:
    return ProtocolViolationError("feed.malformed", "The registry's snapshot is not what the protocol says.")
