"""How what is to be checked comes in: a picture into memory, a video into a file, each up to its own limit.

Which it is is seen from the first bytes. A place in the pool is taken before a byte of a picture is read.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fastapi import Request

from takeback.errors import TooLargeError, UnavailableError
from takeback.hashing import container_of
from takeback.platform.held import HeldFiles
from takeback.platform.pool import PicturePool

_HEAD_BYTES: Final = 1024
_PIECE_BYTES: Final = 2**20
"""Written at a time, away from the event loop."""


@dataclass(frozen=True, slots=True)
class ArrivalLimits:
    """How large what arrives may be.

    Args:
        max_picture_bytes: of a picture; of a video before it is known to be one.
        max_video_bytes: of a video.
    """

    max_picture_bytes: int
    max_video_bytes: int


@asynccontextmanager
async def arrival(
    request: Request, held: HeldFiles, limits: ArrivalLimits, pools: tuple[PicturePool, PicturePool]
) -> AsyncIterator[bytes | Path]:
    """A request's body, read to its end: a picture's bytes, or a video's file, which is erased afterwards.

    Args:
        request: the request.
        held: where a video is put.
        limits: how large it may be.
        pools: for pictures and for videos, each with its own places, so that slow videos keep no picture waiting.

    Raises:
        UnavailableError: ``server.busy``; ``platform.data_dir``, for a full disk too.
        TooLargeError: ``request.too_large``.
    """
    with ExitStack() as place:
        place.enter_context(pools[0].place())
        pieces = aiter(request.stream())
        head = bytearray()
        async for piece in pieces:
            head += piece
            if len(head) >= _HEAD_BYTES:
                break
        if container_of(bytes(head[:_HEAD_BYTES])) is None:
            async for piece in pieces:
                head += piece
                _check_size(len(head), limits.max_picture_bytes)
            _check_size(len(head), limits.max_picture_bytes)
            yield bytes(head)
            return
        place.close()
        with pools[1].place(), held.arriving() as path:
            await _write(path, head, pieces, limits.max_video_bytes)
            yield path


async def _write(path: Path, head: bytearray, pieces: AsyncIterator[bytes], max_bytes: int) -> None:
    with path.open("wb") as file:
        size = len(head)
        async for piece in pieces:
            size += len(piece)
            _check_size(size, max_bytes)
            head += piece
            if len(head) >= _PIECE_BYTES:
                await _put(file, head)
        await _put(file, head)


async def _put(file: BinaryIO, waiting: bytearray) -> None:
    try:
        await asyncio.to_thread(file.write, bytes(waiting))
        await asyncio.to_thread(file.flush)
    except OSError as error:
        raise UnavailableError(
            "platform.data_dir", "A video cannot be kept at the moment.", detail=error.strerror
        ) from None
    waiting.clear()


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise TooLargeError("request.too_large", f"More than {max_bytes} bytes are not checked.")
