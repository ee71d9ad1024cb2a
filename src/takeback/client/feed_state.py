"""The feed client's state machine: values and a time in, the next state or a refusal out. It reads and sends nothing.

A list goes through positions. ``applied`` is what is being served; every change up to it was proved by a signed head.
``staged`` runs ahead of it while a long answer arrives page by page; nothing of it is served before a head proves it.
``head`` is the newest head ever accepted: the registry may not go behind it.

**Source:** docs/protocol/feed-v1.md §2, §3 and §5, after The Update Framework's rules on rollback, freeze and fork.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from takeback.errors import InvalidInputError, ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import (
    PublicKeysShape,
    SignedHeadShape,
    first_chain,
    key_id_of,
    next_chain,
    parse_head,
    pin_of,
    signed_bytes,
)
from takeback.wire.shape import decode_base64


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


def pinned_key(keys: PublicKeysShape, pin: str) -> bytes:
    """The one public key the partner key vouches for (§4): 32 bytes.

    Raises:
        ProtocolViolationError: ``feed.signature`` if the registry does not show it: this is another registry.
    """
    for shape in keys.keys:
        public_key = bytes.fromhex(shape.public_key)
        if pin_of(public_key) == pin:
            return public_key
    raise ProtocolViolationError(
        "feed.signature", "This is not the registry your key belongs to: it does not show the signing key you trust."
    )


def verified_head(name: Algorithm, signed: SignedHeadShape, public_key: bytes, now_s: int) -> Head:
    """Check a head's signature, then read it, then check that it is for this list and has not expired.

    Raises:
        ProtocolViolationError: ``feed.signature``, ``feed.malformed`` or ``feed.expired``.
    """
    _verify_signature(signed, public_key)
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


def _verify_signature(signed: SignedHeadShape, public_key: bytes) -> None:
    refusal = ProtocolViolationError("feed.signature", "The list is not signed by the registry you trust.")
    if not signed.head.isascii():
        raise refusal
    key_id = key_id_of(public_key)
    for signature in signed.signatures:
        if signature.key_id != key_id:
            continue
        try:
            raw = decode_base64(signature.signature, "feed.signature")
            Ed25519PublicKey.from_public_bytes(public_key).verify(raw, signed_bytes(signed.head))
        except (InvalidSignature, InvalidInputError, ValueError):
            raise refusal from None
        return
    raise refusal


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
        raise _fork(head)
    if head.seq == state.applied.seq:
        if head.chain != state.applied.chain:
            raise _fork(head)
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
    state = accept_head(state, head)
    position = state.staged
    for change in changes:
        position = _after(position, change)
    if position.seq > head.seq:
        raise _broken_chain(head.list, position.seq, "beyond the head")
    if position.seq < head.seq:
        if not changes:
            raise _broken_chain(head.list, position.seq, "no changes although there are more")
        return Step(replace(state, staged=position), changes, is_proved=False)
    if position.chain != head.chain:
        raise _broken_chain(head.list, position.seq, "chain")
    if position.count != head.count:
        raise _broken_chain(head.list, position.seq, "count")
    proved = replace(state, applied=position, staged=position, verified_s=now_s, fresh_until_s=head.expires)
    return Step(proved, changes, is_proved=True)


def without_staged(state: ListState) -> ListState:
    """Forget what was fetched and never proved."""
    return replace(state, staged=state.applied)


def _after(position: Position, change: Change) -> Position:
    if change.seq != position.seq + 1:
        raise _broken_chain(change.list, change.seq, f"expected {position.seq + 1}")
    count = position.count + (1 if change.op is Op.ADD else -1)
    if count < 0:
        raise _broken_chain(change.list, change.seq, "more removed than added")
    return Position(change.seq, next_chain(position.chain, change), count)


def _broken_chain(name: Algorithm, seq: int, what: str) -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.chain",
        "The list arrived with changes missing, repeated or altered.",
        detail=f"{name.value} seq {seq}: {what}",
    )


def _fork(head: Head) -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.fork",
        "The registry shows another history of the list than it has shown before.",
        detail=f"{head.list.value} seq {head.seq}",
    )
