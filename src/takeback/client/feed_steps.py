"""The feed client without its network: what to ask next, and what to do with the answer.

Each use case is a generator. It yields a step (:class:`Get`, :class:`Fetch` or :class:`Pause`), is sent the answer or
thrown the error, and returns its result. ``feed`` drives it with a blocking client, ``async_feed`` with asyncio;
neither knows a rule of the protocol. The rules about values are in ``feed_state`` and ``trust``.

A pull that was interrupted at any step, even by the end of the process, goes on where it was.

**Source:** docs/protocol/feed-v1.md §4, §5, §7 to §9.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from takeback.client.feed_state import (
    ListState,
    check_point,
    check_withheld,
    known_points,
    take_page,
    take_snapshot,
    verified_head,
    verified_point,
    verified_snapshot,
)
from takeback.client.list_store import ListStore
from takeback.client.part_file import PartFile
from takeback.client.partner_key import PartnerKey
from takeback.client.trust import trusted_key
from takeback.clock import Clock
from takeback.errors import ConflictError, NotFoundError, ProtocolViolationError, TakebackError, UnavailableError
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_keys_v1 import KeysShape
from takeback.wire.feed_snapshot_v1 import SnapshotStatement, read_snapshot
from takeback.wire.feed_v1 import ChangesShape, SignatureShape, SignedTextShape, key_id_of, parse_change
from takeback.wire.shape import parse_reply

_MALFORMED: Final = "feed.malformed"
_NOT_ENTITLED: Final = "partner.not_entitled"
_COMPACTED: Final = "feed.compacted"
_BUILDING: Final = "snapshot.building"
_BUILDING_WAIT_S: Final = 1.0
_BUILDING_TRIES: Final = 120
_GONE_TRIES: Final = 3

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Get:
    """Ask, and send the whole answer back."""

    path: str
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring a part file to its end, from where it is; the answer is empty."""

    path: str
    part: PartFile
    on_bytes: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; the answer is empty."""

    seconds: float


Step = Get | Fetch | Pause
Steps = Generator[Step, bytes, Result]


class Phase(StrEnum):
    """What a pull is doing."""

    SNAPSHOT = "snapshot"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is.

    Args:
        list: the list.
        phase: what is being done.
        done: bytes of the snapshot, or changes since the pull began.
        total: of the same; what is known so far.
    """

    list: Algorithm
    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one pull of one list did.

    Args:
        list: the list.
        seq: where it stands now.
        count: live entries now, as the registry counts them: with those withheld.
        added: entries that were added and are there.
        removed: tombstones.
        seconds: how long it took.
        withheld: how many of the live entries this partner is not told.
    """

    list: Algorithm
    seq: int
    count: int
    added: int
    removed: int
    seconds: float
    withheld: int = 0


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

    def or_raise(self) -> tuple[SyncResult, ...]:
        """The results; raises the first refusal if there is one."""
        if self.refusals:
            raise self.refusals[0].error
        return self.results


@dataclass(slots=True)
class FeedSteps:
    """One partner's view of one registry.

    Args:
        key: the partner's key; its pin chooses the one signing key that is trusted at first.
        store: where the lists are kept.
        clock: decides whether a head has expired.
        page_size: changes asked for at once.
        on_progress: told how far a pull is.
        elapsed_s: a steady watch, for ``SyncResult.seconds`` only.
    """

    key: PartnerKey
    store: ListStore
    clock: Clock
    page_size: int
    on_progress: Callable[[Progress], None] = lambda _: None
    elapsed_s: Callable[[], float] = time.monotonic
    _public_key: bytes | None = field(default=None, init=False)
    _seen_key_ids: set[str] = field(default_factory=set, init=False)

    def round_steps(self, lists: Sequence[Algorithm] | None = None) -> Steps[SyncRound]:
        """Bring lists up to date: every one the key is for, or those named. What goes wrong with one is an answer."""
        results: list[SyncResult] = []
        refusals: list[Refusal] = []
        not_entitled: list[Refusal] = []
        for name in tuple(Algorithm) if lists is None else lists:
            try:
                results.append((yield from self.list_steps(name)))
            except TakebackError as error:
                skipped = lists is None and error.code == _NOT_ENTITLED
                (not_entitled if skipped else refusals).append(Refusal(name, error))
                if isinstance(error, UnavailableError):
                    break
        if not results and not refusals:
            refusals = not_entitled
        return SyncRound(tuple(results), tuple(refusals))

    def list_steps(self, name: Algorithm) -> Steps[SyncResult]:
        """Bring one list up to date."""
        started_s = self.elapsed_s()
        before = self.store.state(name).applied.seq
        if _is_first_sync(self.store.state(name)):
            yield from self._try_snapshot(name)
        try:
            yield from self._pull_changes(name)
        except ConflictError as error:
            if error.code != _COMPACTED:
                raise
            # feed-v1 §8.2: the beginning of the log is gone, and this client was there.
            self._drop_staged(name)
            yield from self._snapshot_again(name)
            yield from self._pull_changes(name)
        except ProtocolViolationError as error:
            if error.code in {"feed.chain", "feed.fork"}:
                # What was fetched ahead may be what is wrong; the next pull starts from what was proved.
                self._drop_staged(name)
            raise
        state = self.store.state(name)
        added, removed = self.store.counts_after(name, before)
        taken_s = self.elapsed_s() - started_s
        withheld = self.store.withheld(name)
        return SyncResult(name, state.applied.seq, state.applied.count, added, removed, taken_s, withheld)

    def _pull_changes(self, name: Algorithm) -> Steps[None]:
        began = self.store.state(name).staged.seq
        while not (yield from self.page_steps(name, began)):
            pass

    def page_steps(self, name: Algorithm, began: int = 0) -> Steps[bool]:
        """Fetch, check and store one page; whether the list is now the head's."""
        before = self.store.state(name)
        params = {"after": before.staged.seq, "limit": self.page_size}
        reply = yield Get(f"/feed/v1/{name.value}/changes", params)
        shape = parse_reply(ChangesShape, reply, _MALFORMED)
        public_key = yield from self._key_for(shape.head.signatures)
        now_s = self.clock.now_s()
        head = verified_head(name, shape.head, public_key, now_s)
        changes = [parse_change(name, change) for change in shape.changes]
        check_withheld(name, self.key.partner_id, changes, shape.withheld, public_key)
        step = take_page(before, head, changes, now_s)
        self.store.stage(before, step)
        self.on_progress(Progress(name, Phase.CHANGES, step.state.staged.seq - began, head.seq - began))
        return step.is_proved

    def _try_snapshot(self, name: Algorithm) -> Steps[None]:
        try:
            yield from self._take_snapshot(name)
        except NotFoundError:
            # The list is short, or the registry does not make snapshots: the log tells the same.
            return
        except UnavailableError as error:
            if error.code != _BUILDING:
                raise

    def _snapshot_again(self, name: Algorithm) -> Steps[None]:
        """Take a snapshot in the place of a log that is gone, if it belongs to the history that is known here."""
        for known in known_points(self.store.state(name)):
            try:
                reply = yield Get(f"/feed/v1/{name.value}/point", {"seq": known.seq})
            except NotFoundError:
                raise ProtocolViolationError(
                    "feed.fork",
                    "The registry does not know a state of the list that it has shown before.",
                    detail=f"{name.value} seq {known.seq}",
                ) from None
            signed = parse_reply(SignedTextShape, reply, _MALFORMED)
            public_key = yield from self._key_for(signed.signatures)
            check_point(known, verified_point(name, signed, public_key))
        yield from self._take_snapshot(name)

    def _take_snapshot(self, name: Algorithm) -> Steps[None]:
        for last_try in (*(False,) * (_GONE_TRIES - 1), True):
            statement = yield from self._statement(name)
            after = take_snapshot(self.store.state(name), statement)
            part = PartFile(self.store.folder, statement)
            part.remove_others()
            try:
                yield from self._download(part)
            except NotFoundError:
                # The registry has made a newer one meanwhile.
                part.remove()
                if last_try:
                    raise
                continue
            self._store_snapshot(name, part, after)
            return

    def _statement(self, name: Algorithm) -> Steps[SnapshotStatement]:
        for _ in range(_BUILDING_TRIES):
            try:
                reply = yield Get(f"/feed/v1/{name.value}/snapshot")
            except UnavailableError as error:
                if error.code != _BUILDING:
                    raise
                yield Pause(_BUILDING_WAIT_S)
            else:
                break
        else:
            raise UnavailableError(_BUILDING, "The registry has not finished its snapshot. Please try again later.")
        signed = parse_reply(SignedTextShape, reply, _MALFORMED)
        public_key = yield from self._key_for(signed.signatures)
        return verified_snapshot(name, signed, public_key)

    def _download(self, part: PartFile) -> Steps[None]:
        name, statement = part.statement.list, part.statement

        def tell(size: int) -> None:
            self.on_progress(Progress(name, Phase.SNAPSHOT, size, statement.size_bytes))

        if part.size() > statement.size_bytes:
            part.remove()
        try:
            if not part.is_complete():
                yield Fetch(f"/feed/v1/{name.value}/snapshot/{statement.sha256}", part, tell)
            if not part.is_complete():
                raise UnavailableError("registry.unreachable", "The snapshot ended too early. Please try again.")
            part.check()
        except ProtocolViolationError:
            part.remove()
            raise

    def _store_snapshot(self, name: Algorithm, part: PartFile, after: ListState) -> None:
        with part.path.open("rb") as file:
            self.store.replace(self.store.state(name), after, read_snapshot(name, file))
        part.remove()

    def _key_for(self, signatures: Sequence[SignatureShape]) -> Steps[bytes]:
        """The trusted key; the registry is asked for its keys when a signature is by one not seen before (§9.4)."""
        if self._public_key is None:
            self._public_key = self.store.trusted_key(self.key.pin)
        signers = {signature.key_id for signature in signatures}
        mine = None if self._public_key is None else key_id_of(self._public_key)
        if mine not in signers or signers - self._seen_key_ids - {mine}:
            keys = parse_reply(KeysShape, (yield Get("/feed/v1/keys")), _MALFORMED)
            found = trusted_key(self.key.pin, self._public_key, keys)
            if found != self._public_key:
                self.store.trust(self.key.pin, found)
                self._public_key = found
            self._seen_key_ids |= signers
        assert self._public_key is not None  # noqa: S101 - just asked for
        return self._public_key

    def places(self) -> dict[str, int]:
        """Where each list stands that has been proved at least once: what to ask for news with (§10)."""
        states = [self.store.state(name) for name in Algorithm]
        return {state.list.value: state.applied.seq for state in states if state.verified_s is not None}

    def _drop_staged(self, name: Algorithm) -> None:
        state = self.store.state(name)
        if state.staged != state.applied:
            self.store.drop_staged(name)


def _is_first_sync(state: ListState) -> bool:
    """Nothing is here yet. A list that was empty at the last look is followed by its log."""
    return state.staged.seq == 0 and (state.head is None or state.head.seq > 0)
