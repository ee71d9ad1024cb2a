"""The same as ``feed``, for asyncio: the steps and the rules are shared, and so is the store.

What touches the disk runs in a thread, so that the event loop goes on; a pull that is cancelled ends between two steps
and goes on there the next time.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar, assert_never

import httpx

from takeback.client.backoff import Backoff
from takeback.client.feed import SOON_S, WAIT_S, bearer
from takeback.client.feed_steps import (
    FeedSteps,
    Fetch,
    Get,
    Pause,
    Progress,
    Result,
    Step,
    Steps,
    SyncResult,
    SyncRound,
)
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey
from takeback.client.transport import BoundedReply, as_unreachable, async_call, async_http_client
from takeback.clock import Clock, SystemClock
from takeback.errors import TakebackError
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import MAX_CHANGES, MovedShape
from takeback.wire.shape import parse_reply

Value = TypeVar("Value")


class AsyncFeedClient:
    """One partner's view of one registry, for asyncio. One pull at a time.

    Args:
        http: from :func:`async_partner_http`.
        key: the partner's key; its pin chooses the one signing key that is trusted at first.
        store: where the lists are kept.
        clock: decides whether a head has expired.
        on_progress: told how far a pull is, from a thread.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
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
        return cls(async_partner_http(registry, key), key, store, clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    @property
    def store(self) -> ListStore:
        """Where the lists are kept."""
        return self.steps.store

    async def sync_once(self, lists: Sequence[Algorithm] | None = None) -> tuple[SyncResult, ...]:
        """As :meth:`takeback.client.feed.FeedClient.sync_once`."""
        return (await self.sync_round(lists)).or_raise()

    async def sync_round(self, lists: Sequence[Algorithm] | None = None) -> SyncRound:
        """As :meth:`takeback.client.feed.FeedClient.sync_round`."""
        return await self._drive(self.steps.round_steps(lists))

    async def sync_list(self, name: Algorithm) -> SyncResult:
        """As :meth:`takeback.client.feed.FeedClient.sync_list`."""
        return await self._drive(self.steps.list_steps(name))

    async def follow(self, interval_s: float, on_round: Callable[[SyncRound], None] = lambda _: None) -> None:
        """Keep the lists up to date until the task is cancelled.

        Args:
            interval_s: as :meth:`takeback.client.feed.FeedClient.follow`.
            on_round: told of every round.
        """
        backoff = Backoff(first_s=interval_s)
        while True:
            done = await self.sync_round()
            on_round(done)
            pause_s = backoff.after(failed=bool(done.refusals))
            if done.refusals:
                await asyncio.sleep(pause_s)
            else:
                await self.wait_for_news(interval_s)

    async def wait_for_news(self, interval_s: float) -> None:
        """Return when a list has moved, or after a while without news (§10)."""
        places = await _in_thread(self.steps.places)
        try:
            if places:
                await self._ask_for_news(places)
        except TakebackError:
            places = {}
        await asyncio.sleep(min(SOON_S, interval_s) if places else interval_s)

    async def _ask_for_news(self, places: dict[str, int]) -> None:
        reply = await async_call(self.http, "GET", "/feed/v1/wait", params={**places, "seconds": WAIT_S})
        parse_reply(MovedShape, reply, "registry.reply")

    async def _drive(self, steps: Steps[Result]) -> Result:
        move = await _in_thread(partial(_begin, steps))
        while not isinstance(move, _End):
            answer: bytes | TakebackError
            try:
                answer = await self._perform(move)
            except TakebackError as error:
                answer = error
            move = await _in_thread(partial(_advance, steps, answer))
        return move.result

    async def _perform(self, step: Step) -> bytes:
        match step:
            case Get():
                return await async_call(self.http, "GET", step.path, params=step.params)
            case Fetch():
                await self._fetch(step)
            case Pause():
                await asyncio.sleep(step.seconds)
            case _:
                assert_never(step)
        return b""

    async def _fetch(self, step: Fetch) -> None:
        headers = step.part.request_headers()
        with as_unreachable():
            async with self.http.stream("GET", step.path, headers=headers) as response:
                if response.status_code not in {200, 206}:
                    reply = BoundedReply()
                    async for piece in response.aiter_bytes():
                        reply.take(piece)
                    reply.body(response.status_code)
                    return
                with step.part.receiving(response.status_code, response.headers) as writer:
                    async for piece in response.aiter_raw():
                        writer.take(piece)
                        step.on_bytes(writer.size)


@dataclass(frozen=True, slots=True)
class _End(Generic[Value]):
    """A generator's result. It cannot travel as ``StopIteration``, which no future may hold."""

    result: Value


def _begin(steps: Steps[Result]) -> Step | _End[Result]:
    try:
        return next(steps)
    except StopIteration as end:
        return _End(end.value)


def _advance(steps: Steps[Result], answer: bytes | TakebackError) -> Step | _End[Result]:
    try:
        if isinstance(answer, TakebackError):
            return steps.throw(answer)
        return steps.send(answer)
    except StopIteration as end:
        return _End(end.value)


async def _in_thread(work: Callable[[], Value]) -> Value:
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # The store must be quiet when whoever cancelled closes it.
        await asyncio.wait([task])
        raise


def async_partner_http(registry: str, key: PartnerKey) -> httpx.AsyncClient:
    """An HTTP client that carries a partner's key. Close it, or hand it to an :class:`AsyncFeedClient`."""
    return async_http_client(registry, headers=bearer(key))
