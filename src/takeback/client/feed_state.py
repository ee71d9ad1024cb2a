"""The feed client's state machine: values and a time in, the next state or a refusal out. It reads and sends nothing.

A list goes through positions. ``applied`` is what is being served; every change up to it was proved by a signed head.
``staged`` runs ahead of it while a long answer arrives page by page; nothing of it is served before a head proves it.
``head`` is the newest head ever accepted: the registry may not go behind it.

**Source:** docs/protocol/feed-v1.md §2, §3 and §5, after The Update Framework's rules on rollback, freeze and fork.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from takeback.client.trust import verify_signatures
from takeback.errors import ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_snapshot_v1 import (
    POINT_CONTEXT,
    SNAPSHOT_CONTEXT,
    Point,
    SnapshotStatement,
    parse_point_text,
    parse_snapshot_text,
)
from takeback.wire.feed_v1 import HEAD_CONTEXT, SignedHeadShape, SignedTextShape, first_chain, next_chain, parse_head
from takeback.wire.feed_withheld_v1 import WITHHELD_CONTEXT, withheld_text


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list's log.

    Args:
        seq: sequence number of the last change; 0 before the first.
        chain: 32 bytes, the chain value after it.
        count: live entries after it.
    """

    seq: int
    chain: bytes
    count: int


@dataclass(frozen=True, slots=True)
class ListState:
    """Everything the client remembers about one list, besides the entries.

    Args:
        list: the list.
        applied: up to where it is served.
        staged: up to where it has been fetched; ``applied`` when nothing waits.
        head: the newest accepted head; ``None`` before the first.
        verified_s: our clock when ``applied`` was last known to be the registry's present state; ``None`` before.
        fresh_until_s: until when the head that proved ``applied`` vouches for it. Not ``head.expires``: a registry that
            sends new heads and never the rest of the changes must not make an old list look fresh.
    """

    list: Algorithm
    applied: Position
    staged: Position
    head: Head | None = None
    verified_s: int | None = None
    fresh_until_s: int | None = None

    def is_stale(self, now_s: int) -> bool:
        """Whether the head that last vouched for the list has expired: we may be cut off (§3.4)."""
        return self.fresh_until_s is None or now_s >= self.fresh_until_s


@dataclass(frozen=True, slots=True)
class Step:
    """What one page of changes leads to.

    Args:
        state: the next state.
        changes: the page; to be staged, and applied with everything staged before if ``is_proved``.
        is_proved: the chain reached the signed head.
    """

    state: ListState
    changes: Sequence[Change]
    is_proved: bool


def new_list_state(name: Algorithm) -> ListState:
    """The state before anything was fetched (§2.1)."""
    start = Position(0, first_chain(name), 0)
    return ListState(name, start, start)


def verified_head(name: Algorithm, signed: SignedHeadShape, public_key: bytes, now_s: int) -> Head:
    """Check a head's signature, then read it, then check that it is for this list and has not expired.

    Raises:
        ProtocolViolationError: ``feed.signature``, ``feed.malformed`` or ``feed.expired``.
    """
    verify_signatures(signed.head, signed.signatures, public_key, HEAD_CONTEXT)
    head = parse_head(signed.head)
    if head.list is not name or head.expires < head.issued:
        raise ProtocolViolationError("feed.malformed", "The registry's head is not what the protocol says.")
    if head.expires <= now_s:
        raise ProtocolViolationError(
            "feed.expired",
            "The registry shows an old state of the list as if it were the present one.",
            detail=f"{name.value} expired {now_s - head.expires} s ago",
        )
    return head


def accept_head(state: ListState, head: Head) -> ListState:
    """Take note of a verified head.

    Raises:
        ProtocolViolationError: ``feed.rollback``, ``feed.fork`` or ``feed.chain`` (a wrong count).
    """
    # feed-v1 §5: sequence numbers and signing times never go back.
    known = state.head
    if head.seq < state.applied.seq or (known is not None and (head.seq < known.seq or head.issued < known.issued)):
        raise ProtocolViolationError(
            "feed.rollback",
            "The registry shows an older list than it has shown before.",
            detail=f"{state.list.value} seq {head.seq}, applied {state.applied.seq}",
        )
    if known is not None and head.seq == known.seq and head.chain != known.chain:
        raise _fork(head.list, head.seq)
    if head.seq == state.applied.seq:
        if head.chain != state.applied.chain:
            raise _fork(head.list, head.seq)
        if head.count != state.applied.count:
            raise _broken_chain(head.list, head.seq, "count")
    return replace(state, head=head)


def take_page(state: ListState, head: Head, changes: Sequence[Change], now_s: int) -> Step:
    """Follow a page of changes from where the list was fetched to.

    Args:
        state: the list's state.
        head: a head from :func:`verified_head`, of the same answer as the changes.
        changes: in the order they came.
        now_s: Unix seconds.

    Raises:
        ProtocolViolationError: ``feed.rollback``, ``feed.fork`` or ``feed.chain``. Nothing of the page may be kept;
            after ``feed.chain`` nothing that was staged may be kept either.
    """
    # A head that was accepted and whose changes never arrived is a promise: the log has to go through it (§5).
    marks = {} if state.head is None else {state.head.seq: state.head.chain}
    misses_mark = False
    state = accept_head(state, head)
    position = state.staged
    for change in changes:
        position = _after(position, change)
        misses_mark = misses_mark or marks.get(position.seq, position.chain) != position.chain
    if position.seq > head.seq:
        raise _broken_chain(head.list, position.seq, "beyond the head")
    if position.seq < head.seq:
        if not changes or misses_mark:
            raise _broken_chain(head.list, position.seq, "no changes although there are more, or others than before")
        return Step(replace(state, staged=position), changes, is_proved=False)
    if position.chain != head.chain:
        raise _broken_chain(head.list, position.seq, "chain")
    if misses_mark:
        # The chain leads to a signed head, so the registry itself has two histories.
        raise _fork(head.list, position.seq)
    if position.count != head.count:
        raise _broken_chain(head.list, position.seq, "count")
    proved = replace(state, applied=position, staged=position, verified_s=now_s, fresh_until_s=head.expires)
    return Step(proved, changes, is_proved=True)


def check_withheld(
    name: Algorithm,
    partner_id: str,
    changes: Sequence[Change],
    signed: SignedTextShape | None,
    public_key: bytes,
) -> None:
    """Check that the registry itself withholds what is withheld here, and from this partner (§4.5).

    Raises:
        ProtocolViolationError: ``feed.signature`` or ``feed.withheld``.
    """
    withheld = [change for change in changes if change.op is Op.WITHHELD]
    if not withheld:
        return
    if signed is None or signed.text != withheld_text(name, partner_id, withheld):
        raise ProtocolViolationError(
            "feed.withheld",
            "Entries are kept back and the registry does not say that it keeps them back from you.",
            detail=f"{name.value} seq {withheld[0].seq}",
        )
    verify_signatures(signed.text, signed.signatures, public_key, WITHHELD_CONTEXT)


def verified_snapshot(name: Algorithm, signed: SignedTextShape, public_key: bytes) -> SnapshotStatement:
    """Check a snapshot's signature, then read what it says (§7.2).

    Raises:
        ProtocolViolationError: ``feed.signature`` or ``feed.malformed``.
    """
    verify_signatures(signed.text, signed.signatures, public_key, SNAPSHOT_CONTEXT)
    statement = parse_snapshot_text(signed.text)
    if statement.list is not name:
        raise ProtocolViolationError("feed.malformed", "The registry's snapshot is of another list.")
    return statement


def verified_point(name: Algorithm, signed: SignedTextShape, public_key: bytes) -> Point:
    """Check a point's signature, then read what it says (§8.3).

    Raises:
        ProtocolViolationError: ``feed.signature`` or ``feed.malformed``.
    """
    verify_signatures(signed.text, signed.signatures, public_key, POINT_CONTEXT)
    point = parse_point_text(signed.text)
    if point.list is not name:
        raise ProtocolViolationError("feed.malformed", "The registry's word is about another list.")
    return point


def known_points(state: ListState) -> tuple[Point, ...]:
    """The places of the log that this client has verified, and which every history it accepts must go through."""
    known = {state.applied.seq: state.applied.chain}
    if state.head is not None:
        known[state.head.seq] = state.head.chain
    return tuple(Point(state.list, seq, chain) for seq, chain in sorted(known.items()) if seq > 0)


def check_point(known: Point, said: Point) -> None:
    """Compare what the registry says of a point with what it said before (§8.3).

    Raises:
        ProtocolViolationError: ``feed.fork``.
    """
    if said != known:
        raise _fork(known.list, known.seq)


def take_snapshot(state: ListState, statement: SnapshotStatement) -> ListState:
    """Where a snapshot leads, once its rows have been checked and stored (§7.5).

    It says nothing of the present: ``verified_s`` and ``fresh_until_s`` stay as they are until a head proves the list.

    Raises:
        ProtocolViolationError: ``feed.rollback`` or ``feed.fork``.
    """
    if statement.seq < state.applied.seq:
        raise ProtocolViolationError(
            "feed.rollback",
            "The registry shows an older list than it has shown before.",
            detail=f"{state.list.value} snapshot {statement.seq}, applied {state.applied.seq}",
        )
    for point in known_points(state):
        if point.seq == statement.seq:
            check_point(point, Point(statement.list, statement.seq, statement.chain))
    position = Position(statement.seq, statement.chain, statement.count)
    return replace(state, applied=position, staged=position)


def without_staged(state: ListState) -> ListState:
    """Forget what was fetched and never proved."""
    return replace(state, staged=state.applied)


def _after(position: Position, change: Change) -> Position:
    if change.seq != position.seq + 1:
        raise _broken_chain(change.list, change.seq, f"expected {position.seq + 1}")
    count = position.count + (-1 if change.op is Op.REMOVE else 1)
    if count < 0:
        raise _broken_chain(change.list, change.seq, "more removed than added")
    return Position(change.seq, next_chain(position.chain, change), count)


def _broken_chain(name: Algorithm, seq: int, what: str) -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.chain",
        "The list arrived with changes missing, repeated or altered.",
        detail=f"{name.value} seq {seq}: {what}",
    )


def _fork(name: Algorithm, seq: int) -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.fork",
        "The registry shows another history of the list than it has shown before.",
        detail=f"{name.value} seq {seq}",
    )
