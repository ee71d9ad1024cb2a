"""Pulls the lists a partner is entitled to and keeps them in a :class:`ListStore`, with a blocking client.

The steps are in ``feed_steps``, the rules in ``feed_state``; here is only what sends, waits and follows. After a
refusal the last good list goes on being served and says how old it is (feed-v1 §5.2).

**Source:** docs/protocol/feed-v1.md §4 and §10.
"""

import time
from collections.abc import Callable, Sequence
from threading import Event
from types import TracebackType
from typing import Final, Self, assert_never

import httpx

from takeback.client.backoff import Backoff
from takeback.client.feed_steps import (
    FeedSteps,
    Fetch,
    Get,
    Pause,
    Phase,
    Progress,
    Refusal,
    Result,
    Step,
    Steps,
    SyncResult,
    SyncRound,
)
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey
from takeback.client.transport import BoundedReply, as_unreachable, call, http_client
from takeback.clock import Clock, SystemClock
from takeback.errors import TakebackError
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import MAX_CHANGES, MovedShape
from takeback.wire.shape import parse_reply

__all__ = [
    "FeedClient",
    "Phase",
    "Progress",
    "Refusal",
    "SyncResult",
    "SyncRound",
    "partner_http",
]

WAIT_S: Final = 25
"""How long one question for news may stay open: shorter than what proxies usually cut."""

SOON_S: Final = 0.5
"""At least this long between two rounds, whatever the registry says has moved."""


class FeedClient:
    """One partner's view of one registry, for threads.

    Args:
        http: from :func:`partner_http`.
        key: the partner's key; its pin chooses the one signing key that is trusted at first.
        store: where the lists are kept.
        clock: decides whether a head has expired.
        on_progress: told how far a pull is.
    """

    def __init__(
        self,
        http: httpx.Client,
        key: PartnerKey,
        store: ListStore,
        clock: Clock | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.http = http
        self.steps = FeedSteps(key, store, clock or SystemClock(), MAX_CHANGES, on_progress)

    @classmethod
    def at(cls, registry: str, key: PartnerKey, store: ListStore, clock: Clock | None = None) -> Self:
        """A client for the registry at this address."""
        return cls(partner_http(registry, key), key, store, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    @property
    def store(self) -> ListStore:
        """Where the lists are kept."""
        return self.steps.store

    def sync_once(self, lists: Sequence[Algorithm] | None = None) -> tuple[SyncResult, ...]:
        """Bring the lists up to date.

        Args:
            lists: which; by default every list the key is for.

        Raises:
            ProtocolViolationError: a refusal of feed-v1 §5, by its code. The other lists were brought up to date first.
            NotAllowedError: ``partner.unknown``, or ``partner.not_entitled`` for a list that was asked for by name.
            UnavailableError: the registry could not be reached.
        """
        return self.sync_round(lists).or_raise()

    def sync_round(self, lists: Sequence[Algorithm] | None = None) -> SyncRound:
        """The same, but what goes wrong with one list is an answer, not an exception."""
        return self._drive(self.steps.round_steps(lists))

    def sync_list(self, name: Algorithm) -> SyncResult:
        """Bring one list up to date.

        Raises:
            TakebackError: as :meth:`sync_once`.
        """
        return self._drive(self.steps.list_steps(name))

    def follow(self, interval_s: float, stop: Event, on_round: Callable[[SyncRound], None] = lambda _: None) -> None:
        """Keep the lists up to date until ``stop`` is set. What a batch adds arrives within seconds of it.

        Args:
            interval_s: pause between two rounds where the registry cannot be asked for news; after failures the pause
                grows up to five minutes.
            stop: ends it within about a second, also in the middle of a pause.
            on_round: told of every round.
        """
        backoff = Backoff(first_s=interval_s)
        while not stop.is_set():
            done = self.sync_round()
            on_round(done)
            pause_s = backoff.after(failed=bool(done.refusals))
            if done.refusals:
                stop.wait(pause_s)
            else:
                self.wait_for_news(interval_s, stop)

    def wait_for_news(self, interval_s: float, stop: Event) -> None:
        """Return when a list has moved, after a while without news, or soon after ``stop`` is set (§10).

        Args:
            interval_s: how long to wait instead where the registry cannot be asked for news.
            stop: ends the wait.
        """
        places = self.steps.places()
        try:
            if places:
                self._ask_for_news(places, stop)
        except TakebackError:
            places = {}
        stop.wait(min(SOON_S, interval_s) if places else interval_s)

    def _ask_for_news(self, places: dict[str, int], stop: Event) -> None:
        reply = BoundedReply()
        with (
            as_unreachable(),
            self.http.stream("GET", "/feed/v1/wait", params={**places, "seconds": WAIT_S}) as response,
        ):
            # feed-v1 §10.2: a blank every second until there is news, so that a stop is noticed, and a dead line too.
            for part in response.iter_bytes():
                if stop.is_set():
                    return
                reply.take(part)
        parse_reply(MovedShape, reply.body(response.status_code), "registry.reply")

    def _drive(self, steps: Steps[Result]) -> Result:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._perform(step)
                except TakebackError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _perform(self, step: Step) -> bytes:
        match step:
            case Get():
                return call(self.http, "GET", step.path, params=step.params)
            case Fetch():
                self._fetch(step)
            case Pause():
                time.sleep(step.seconds)
            case _:
                assert_never(step)
        return b""

    def _fetch(self, step: Fetch) -> None:
        with as_unreachable(), self.http.stream("GET", step.path, headers=step.part.request_headers()) as response:
            if response.status_code not in {200, 206}:
                reply = BoundedReply()
                for piece in response.iter_bytes():
                    reply.take(piece)
                reply.body(response.status_code)
                return
            with step.part.receiving(response.status_code, response.headers) as writer:
                for piece in response.iter_raw():
                    writer.take(piece)
                    step.on_bytes(writer.size)


def partner_http(registry: str, key: PartnerKey) -> httpx.Client:
    """An HTTP client that carries a partner's key. Close it, or hand it to a :class:`FeedClient` in a ``with``."""
    return http_client(registry, headers=bearer(key))


def bearer(key: PartnerKey) -> dict[str, str]:
    """The header that says who asks."""
    return {"Authorization": f"Bearer {key.text}"}
