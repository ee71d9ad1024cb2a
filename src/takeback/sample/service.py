"""What the wall does: nothing is published that the kit has not cleared, and what a reviewer removes is gone.

What is listed later is taken down as soon as the kit says so, and sent to it for review.
When the kit cannot be reached a picture waits and is asked about again: the wall fails closed.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from takeback.clock import Clock
from takeback.errors import InvalidInputError, TakebackError
from takeback.httpkit.logs import EventLog, origin_of
from takeback.sample.kit import Kit
from takeback.sample.media import media_type_of
from takeback.sample.types import Photo, PhotoState
from takeback.sample.wall import Wall
from takeback.wire.platform_v1 import DecisionShape

_DECISION_WAIT_S: Final = 2
"""Short, so that neither the wall nor the kit has to wait long when one of them stops."""

_PAUSE_S: Final = 1.0
_STOP_S: Final = 10.0


@dataclass(slots=True)
class WallService:
    """Posting, and following the kit's decisions in a thread.

    Args:
        wall: the pictures.
        kit: answers and decides.
        clock: the time.
        events: where failures are written, by code.
    """

    wall: Wall
    kit: Kit
    clock: Clock
    events: EventLog = field(repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _threads: list[threading.Thread] = field(default_factory=list, init=False)
    _seq: int = field(default=0, init=False)

    def post(self, picture: bytes) -> Photo:
        """Take a picture; returns what has become of it so far.

        Raises:
            InvalidInputError: ``media.…``, as the kit says it.
            UnavailableError: ``wall.full``.
        """
        photo = Photo(
            secrets.token_hex(16),
            PhotoState.WAITING,
            is_checked=False,
            posted_s=self.clock.now_s(),
            media_type=media_type_of(picture),
        )
        self.wall.add(photo, picture)
        try:
            self._ask(photo.photo_id, picture)
        except InvalidInputError:
            self.wall.drop(photo.photo_id)
            raise
        except TakebackError as error:
            # Not published: it waits, and `_retry` asks again.
            self.events.warning("check.waits", code=error.code, detail=error.detail)
        return self.wall.photo(photo.photo_id)

    def start(self) -> None:
        """Follow the kit's decisions, and ask again about what could not be checked."""
        for name, work in (("decisions", self._follow), ("unchecked", self._retry)):
            thread = threading.Thread(target=self._repeat, args=(work,), name=f"wall {name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except TakebackError as error:
                self.events.warning("kit.waits", code=error.code, detail=error.detail)
                self._stop.wait(_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - the thread outlives every failure; unpublished stays unpublished
                self.events.error("kit.failed", error=type(error).__name__, where=origin_of(error))
                self._stop.wait(_PAUSE_S)

    def _ask(self, photo_id: str, picture: bytes) -> None:
        reply = self.kit.check(photo_id, picture)
        self.wall.note_checked(photo_id, publish=reply.verdict == "clear")

    def _follow(self) -> None:
        answer = self.kit.decisions(self._seq, _DECISION_WAIT_S)
        for notice in answer.decisions:
            self._heed(notice)
            # One by one: what could not be done, because the kit was away, comes again.
            self._seq = notice.seq

    def _heed(self, notice: DecisionShape) -> None:
        photo_id = notice.content_id
        match notice.action:
            case "hold":
                self.wall.take_down(photo_id)
                self._send_copy(notice)
            case "look":
                self._send_copy(notice)
            case "remove":
                self.wall.remove(photo_id)
            case "keep":
                self.wall.publish(photo_id)

    def _send_copy(self, notice: DecisionShape) -> None:
        picture = self.wall.kept_bytes(notice.content_id)
        if picture is None:
            self.kit.forget(notice.content_id)
        else:
            self.kit.send_copy(notice.lead_id, picture)

    def _retry(self) -> None:
        self._stop.wait(_PAUSE_S)
        for photo in self.wall.unchecked():
            try:
                self._ask(photo.photo_id, self.wall.bytes_of(photo.photo_id))
            except InvalidInputError:
                self.wall.remove(photo.photo_id)
