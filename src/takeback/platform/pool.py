"""The threads that decode and hash, with a bound on how many pictures may be in memory at once."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from takeback.errors import UnavailableError

Result = TypeVar("Result")


class PicturePool:
    """Works on pictures away from the event loop.

    Args:
        workers: threads.
        max_pictures: pictures that may be worked on, wait, or be on their way in; one more is refused unread.
    """

    def __init__(self, workers: int, max_pictures: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="picture")
        self._max_pictures = max_pictures
        self._pictures = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one picture, taken before its bytes are read. Only for the event loop's own thread.

        Raises:
            UnavailableError: ``server.busy`` if there is none.
        """
        if self._pictures >= self._max_pictures:
            raise UnavailableError("server.busy", "Too many pictures at the moment. Please try again shortly.")
        self._pictures += 1
        try:
            yield
        finally:
            self._pictures -= 1

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run something in a thread and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def start(self, work: Callable[[], object]) -> None:
        """Run something in a thread and do not wait for it."""
        self._threads.submit(work)

    def close(self) -> None:
        """Finish what runs and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)
