"""Pulls the lists a partner is entitled to and keeps them in a :class:`ListStore`.

The rules are in ``feed_state``; here is only what fetches, stores and waits. After a refusal the last good list goes on
being served and says how old it is (feed-v1 §5.2). A pull that was interrupted, even by the end of the process, goes on
where it was.

**Source:** docs/protocol/feed-v1.md §4.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Final, Self

import httpx

from takeback.client.backoff import Backoff
from takeback.client.feed_state import pinned_key, take_page, verified_head
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey
from takeback.client.transport import call, http_client
from takeback.clock import Clock, SystemClock
from takeback.errors import ProtocolViolationError, TakebackError, UnavailableError
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import MAX_CHANGES, ChangesShape, PublicKeysShape, parse_change
from takeback.wire.shape import parse_reply

_MALFORMED: Final = "feed.malformed"
_NOT_ENTITLED: Final = "partner.not_entitled"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one pull of one list did.

    Args:
        list: the list.
        seq: where it stands now.
        count: live entries now.
        added: entries that were added and are there.
        removed: tombstones.
        seconds: how long it took.
    """

    list: Algorithm
    seq: int
    count: int
    added: int
    removed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """A list that could not be brought up to date, and why. The last good one stays in the store."""

    list: Algorithm
    error: TakebackError


@dataclass(frozen=True, slots=True)
class SyncRound:
    """One look at every list."""

    results: tuple[SyncResult, ...]
    refusals: tuple[Refusal, ...]


@dataclass(slots=True)
class FeedClient:
    """One partner's view of one registry.

    Args:
        http: from :func:`partner_http`.
        key: the partner's key; its pin chooses the one signing key that is trusted.
        store: where the lists are kept.
        clock: decides whether a head has expired.
        page_size: changes asked for at once, up to 10 000.
        elapsed_s: a steady watch, for ``SyncResult.seconds`` only.
    """

    http: httpx.Client = field(repr=False)
    key: PartnerKey
    store: ListStore
    clock: Clock = field(default_factory=SystemClock)
    page_size: int = MAX_CHANGES
    elapsed_s: Callable[[], float] = time.monotonic
    _public_key: bytes | None = field(default=None, init=False)

    @classmethod
    def at(cls, registry: str, key: PartnerKey, store: ListStore, clock: Clock | None = None) -> Self:
        """A client for the registry at this address."""
        return cls(partner_http(registry, key), key, store, clock or SystemClock())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def sync_once(self, lists: Sequence[Algorithm] | None = None) -> tuple[SyncResult, ...]:
        """Bring the lists up to date.

        Args:
            lists: which; by default every list the key is for.

        Raises:
            ProtocolViolationError: a refusal of feed-v1 §5, by its code. The other lists were brought up to date first.
            NotAllowedError: ``partner.unknown``, or ``partner.not_entitled`` for a list that was asked for by name.
            UnavailableError: the registry could not be reached.
        """
        done = self.sync_round(lists)
        if done.refusals:
            raise done.refusals[0].error
        return done.results

    def sync_round(self, lists: Sequence[Algorithm] | None = None) -> SyncRound:
        """The same, but what goes wrong with one list is an answer, not an exception."""
        results: list[SyncResult] = []
        refusals: list[Refusal] = []
        not_entitled: list[Refusal] = []
        for name in tuple(Algorithm) if lists is None else lists:
            try:
                results.append(self.sync_list(name))
            except TakebackError as error:
                skipped = lists is None and error.code == _NOT_ENTITLED
                (not_entitled if skipped else refusals).append(Refusal(name, error))
                if isinstance(error, UnavailableError):
                    break
        if not results and not refusals:
            refusals = not_entitled
        return SyncRound(tuple(results), tuple(refusals))

    def sync_list(self, name: Algorithm) -> SyncResult:
        """Bring one list up to date.

        Raises:
            ProtocolViolationError: a refusal of feed-v1 §5.
            TakebackError: as :meth:`sync_once`.
        """
        started_s = self.elapsed_s()
        state = self.store.state(name)
        before = state.applied.seq
        try:
            while not self._pull_page(name):
                pass
        except ProtocolViolationError as error:
            if error.code == "feed.chain":
                # What was fetched ahead may be what is wrong; the next pull starts from what was proved.
                self._drop_staged(name)
            raise
        state = self.store.state(name)
        added, removed = self.store.counts_after(name, before)
        return SyncResult(name, state.applied.seq, state.applied.count, added, removed, self.elapsed_s() - started_s)

    def follow(self, interval_s: float, stop: Event, on_round: Callable[[SyncRound], None] = lambda _: None) -> None:
        """Bring the lists up to date again and again until ``stop`` is set.

        Args:
            interval_s: pause after a round that went well; after failures it grows up to five minutes.
            stop: ends it, also in the middle of a pause.
            on_round: told of every round.
        """
        backoff = Backoff(first_s=interval_s)
        while not stop.is_set():
            done = self.sync_round()
            on_round(done)
            stop.wait(backoff.after(failed=bool(done.refusals)))

    def _pull_page(self, name: Algorithm) -> bool:
        """Fetch, check and store one page; whether the list is now the head's."""
        before = self.store.state(name)
        public_key = self._trusted_key()
        params = {"after": before.staged.seq, "limit": self.page_size}
        reply = call(self.http, "GET", f"/feed/v1/{name.value}/changes", params=params)
        shape = parse_reply(ChangesShape, reply, _MALFORMED)
        now_s = self.clock.now_s()
        head = verified_head(name, shape.head, public_key, now_s)
        step = take_page(before, head, [parse_change(name, change) for change in shape.changes], now_s)
        self.store.stage(before, step)
        return step.is_proved

    def _trusted_key(self) -> bytes:
        if self._public_key is None:
            keys = parse_reply(PublicKeysShape, call(self.http, "GET", "/feed/v1/keys"), _MALFORMED)
            self._public_key = pinned_key(keys, self.key.pin)
        return self._public_key

    def _drop_staged(self, name: Algorithm) -> None:
        state = self.store.state(name)
        if state.staged != state.applied:
            self.store.drop_staged(name)


def partner_http(registry: str, key: PartnerKey) -> httpx.Client:
    """An HTTP client that carries a partner's key. Close it, or hand it to a :class:`FeedClient` in a ``with``."""
    return http_client(registry, headers={"Authorization": f"Bearer {key.text}"})
