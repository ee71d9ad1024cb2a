"""The snapshot file: an engine's segments as they lie in memory, so that opening one is mapping and checking it.

Layout, integers little-endian: 8 bytes ``TBINDEX2``; 8 bytes length of the description; 32 bytes its SHA-256; the
description, JSON; then the arrays, each on a 4096-byte boundary and filled up with zeros. The description gives the
file's size and, for each list, its sequence number and segments, and for each array its type, shape, offset, and the
checksum of its bytes; and what was left out of sets, since that depends on the engine's settings. A reader checks
everything before it uses anything. It is a cache: whoever cannot read one builds the engine anew, so there is no
migration between versions. The file holds fingerprints and is created with mode 0600; it is not protected against
somebody who can write it.
"""

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from takeback.errors import CorruptDataError, NotFoundError, UnavailableError
from takeback.matching import kernels
from takeback.matching.encoding import EXACT, id_width_of, width_of
from takeback.matching.intrinsics import LANES
from takeback.matching.segment import MAX_ROWS, Order, Segment, Tables
from takeback.model.fingerprint import Algorithm

MAGIC = b"TBINDEX2"
_PREFIX_BYTES = len(MAGIC) + 8 + 32
_PAGE_BYTES = 4096
_MAX_DESCRIPTION_BYTES = 1 << 20

Lists = Mapping[Algorithm, tuple[Sequence[Segment], int]]
AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Placed:
    array: AnyArray
    offset: int


def write(path: Path, lists: Lists, left_out: str) -> None:
    """Write a snapshot beside ``path``, bring it to the disk, and put it in ``path``'s place.

    Args:
        path: the file.
        lists: every list's segments and its sequence number.
        left_out: names what was left out of sets; who reads it has to leave out the same.

    Raises:
        UnavailableError: ``snapshot.busy`` if another process writes it, ``snapshot.unwritable`` if it cannot be.
    """
    beside = path.with_name(path.name + ".part")
    try:
        # Not truncated before the lock is held: a second writer must not empty the first one's file.
        with os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            _lock(file, beside)
            file.truncate(0)
            _write_all(file, lists, left_out)
            beside.replace(path)
            _sync_folder(path.parent)
    except OSError as error:
        raise UnavailableError("snapshot.unwritable", "The index could not be saved.", detail=str(error)) from error


def read(path: Path, left_out: str) -> dict[Algorithm, tuple[list[Segment], int]]:
    """Map and check a snapshot.

    Args:
        path: the file.
        left_out: what the reader leaves out of sets.

    Raises:
        NotFoundError: ``snapshot.missing``.
        CorruptDataError: ``snapshot.corrupt``: damaged, cut short, not a snapshot of this version, or made with other
            settings.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotFoundError("snapshot.missing", "There is no saved index.") from None
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise corrupt(str(error)) from error
    return _Reader(content).lists(left_out)


def _lock(file: BinaryIO, beside: Path) -> None:
    busy = UnavailableError("snapshot.busy", "Another process is saving this index.")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    # Between our open and our lock, another writer may have made this very file the snapshot. It must not be emptied.
    if not (beside.exists() and os.path.samestat(beside.stat(), os.fstat(file.fileno()))):
        raise busy


def _write_all(file: BinaryIO, lists: Lists, left_out: str) -> None:
    placed: list[_Placed] = []
    described = _describe(lists, placed) | {"left_out": left_out}
    # The arrays' places are known before the description's length is: they count from the first page after it.
    text = json.dumps(described, separators=(",", ":")).encode()
    file.write(MAGIC + len(text).to_bytes(8, "little") + hashlib.sha256(text).digest() + text)
    first = _whole_pages(_PREFIX_BYTES + len(text))
    for one in placed:
        file.seek(first + one.offset)
        file.write(one.array.reshape(-1).view(np.uint8).data)
    file.truncate(first + described["bytes"])
    file.flush()
    os.fsync(file.fileno())


def _describe(lists: Lists, placed: list[_Placed]) -> dict[str, Any]:
    described: dict[str, Any] = {"byteorder": sys.byteorder, "lists": {}}
    for name, (segments, seq) in lists.items():
        described["lists"][name.value] = {
            "seq": seq,
            "segments": [
                {part: _place(array, placed) for part, array in _arrays_of(segment).items()} for segment in segments
            ],
        }
    described["bytes"] = _end_of(placed)
    return described


def _arrays_of(segment: Segment) -> dict[str, AnyArray]:
    arrays: dict[str, AnyArray] = {"ids": segment.ids, "values": segment.values, "dead": segment.dead}
    match segment.index:
        case Tables(offsets, sketches, positions):
            return arrays | {"offsets": offsets, "sketches": sketches, "positions": positions}
        case Order(rows):
            return arrays | {"order": rows}


def _place(array: AnyArray, placed: list[_Placed]) -> dict[str, Any]:
    one = _Placed(array, _end_of(placed))
    placed.append(one)
    return {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "offset": one.offset,
        "checksum": _checksum(array.reshape(-1).view(np.uint8)),
    }


def _end_of(placed: list[_Placed]) -> int:
    return _whole_pages(placed[-1].offset + placed[-1].array.nbytes) if placed else 0


def _whole_pages(size_bytes: int) -> int:
    return -(-size_bytes // _PAGE_BYTES) * _PAGE_BYTES


def _checksum(content: NDArray[np.uint8]) -> int:
    """Of bytes and the zeros that fill their last page."""
    whole = len(content) // 8 * 8
    rest = np.zeros(_whole_pages(len(content)) - whole, np.uint8)
    rest[: len(content) - whole] = content[whole:]
    return _checksum_of_pages(content, whole, rest)


def _checksum_of_pages(content: NDArray[np.uint8], whole: int, rest: NDArray[np.uint8]) -> int:
    parts = (content[:whole].view(np.uint64), rest.view(np.uint64))
    return sum(kernels.checksum(_read_only(part)) for part in parts) & (2**64 - 1)


def _read_only(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    view = array.view()
    view.flags.writeable = False
    return view


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def corrupt(detail: str) -> CorruptDataError:
    """A snapshot that is not to be used, and why; nothing of ``detail`` is shown."""
    return CorruptDataError(
        "snapshot.corrupt", "The saved index is damaged. It is built anew from the list.", detail=detail
    )


@contextlib.contextmanager
def _as_corrupt() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise corrupt(repr(error)) from error


class _Reader:
    """Checks what is mapped. The arrays it hands out keep the mapping open."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = np.frombuffer(content, np.uint8)
        self._first = 0

    def lists(self, left_out: str) -> dict[Algorithm, tuple[list[Segment], int]]:
        with _as_corrupt():
            described = self._description()
            if described["byteorder"] != sys.byteorder:
                raise corrupt("written on another kind of machine")
            if described["left_out"] != left_out:
                raise corrupt("made with other settings")
            if self._first + described["bytes"] != len(self._content):
                raise corrupt("not as long as it says")
            return {
                name: ([self._segment(name, one) for one in listed["segments"]], int(listed["seq"]))
                for name, listed in ((Algorithm(key), value) for key, value in described["lists"].items())
            }

    def _description(self) -> dict[str, Any]:
        prefix = self._content[:_PREFIX_BYTES].tobytes()
        length = int.from_bytes(prefix[len(MAGIC) : len(MAGIC) + 8], "little")
        if not prefix.startswith(MAGIC) or length > min(_MAX_DESCRIPTION_BYTES, len(self._content)):
            raise corrupt("not a snapshot of this version")
        text = self._content[_PREFIX_BYTES : _PREFIX_BYTES + length].tobytes()
        if hashlib.sha256(text).digest() != prefix[len(MAGIC) + 8 :]:
            raise corrupt("description")
        self._first = _whole_pages(_PREFIX_BYTES + length)
        if self._content[_PREFIX_BYTES + length : self._first].any():
            raise corrupt("filling")
        described: dict[str, Any] = json.loads(text)
        return described

    def _segment(self, name: Algorithm, described: dict[str, Any]) -> Segment:
        rows = int(described["ids"]["shape"][0])
        if not 0 < rows <= MAX_ROWS:
            raise corrupt("rows")
        take = _Taker(self._content, self._first, described)
        ids = take("ids", np.uint64, (rows, id_width_of(name)))
        values = take("values", np.uint64, (rows, width_of(name)))
        dead = take("dead", np.uint8, (rows,)).copy()
        if name in EXACT:
            order = take("order", np.uint32, (rows,))
            if int(order.max()) >= rows:
                raise corrupt("order")
            return Segment(ids, values, dead, Order(order))
        tables = Tables(
            take("offsets", np.uint32, (kernels.CHUNKS, kernels.BUCKETS + 1)),
            take("sketches", np.uint16, (kernels.CHUNKS, rows + LANES)),
            take("positions", np.uint8, (3 * kernels.CHUNKS * rows,)),
        )
        if not kernels.tables_hold(tables.offsets, tables.positions, rows):
            raise corrupt("tables")
        return Segment(ids, values, dead, tables)


@dataclass(frozen=True, slots=True)
class _Taker:
    """Takes a segment's arrays out of the mapping, each after its checksum."""

    content: NDArray[np.uint8]
    first: int
    described: dict[str, Any]

    def __call__(self, part: str, kind: type[np.generic], shape: tuple[int, ...]) -> AnyArray:
        entry = self.described[part]
        expected = np.dtype(kind)
        if entry["dtype"] != expected.str or tuple(entry["shape"]) != shape:
            raise corrupt(part)
        begin = self.first + int(entry["offset"])
        size_bytes = int(np.prod(shape)) * expected.itemsize
        raw, whole = self.content[begin : begin + size_bytes], size_bytes // 8 * 8
        rest = self.content[begin + whole : begin + _whole_pages(size_bytes)]
        if _checksum_of_pages(raw, whole, rest) != int(entry["checksum"]):
            raise corrupt(part)
        return raw.view(expected).reshape(shape)
