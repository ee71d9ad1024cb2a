"""A small load generator: many connections that are kept open, each with one request under way.

It speaks just enough HTTP/1.1 for a server that answers with a content length, so that on a machine of two cores the
server is what is measured and not the client.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np


@dataclass(frozen=True, slots=True)
class Load:
    """What a run saw.

    Args:
        seconds: from the first request to the last answer.
        latencies_ms: of every answer.
        statuses: of every answer.
        bodies: of the answers, in the order of the requests.
    """

    seconds: float
    latencies_ms: list[float]
    statuses: list[int]
    bodies: list[bytes]

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.statuses) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """A percentile of the latencies, 0 to 100."""
        return float(np.percentile(self.latencies_ms, share))


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """A whole request; ``headers``: further ones, each with its line's end."""
    fixed = f"Host: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{fixed}{headers}\r\n".encode("ascii") + body


def run_load(url: str, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once over so many connections."""
    return asyncio.run(_run(url, requests, connections))


async def _run(url: str, requests: Sequence[bytes], connections: int) -> Load:
    place = urlsplit(url)
    waiting = iter(enumerate(requests))
    bodies = [b""] * len(requests)
    latencies: list[float] = []
    statuses: list[int] = []
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(
                _one_connection(place.hostname or "", place.port or 80, waiting, latencies, statuses, bodies)
            )
    return Load(time.perf_counter() - started, latencies, statuses, bodies)


async def _one_connection(
    host: str,
    port: int,
    waiting: Iterator[tuple[int, bytes]],
    latencies: list[float],
    statuses: list[int],
    bodies: list[bytes],
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for place, request in waiting:
            started = time.perf_counter()
            writer.write(request)
            await writer.drain()
            status, bodies[place] = await _answer(reader)
            latencies.append((time.perf_counter() - started) * 1000)
            statuses.append(status)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    body = await reader.readexactly(int(length))
    return int(head.split(b" ", 2)[1]), body
