"""Shapes and signed bytes of the feed. Source: docs/protocol/feed-v1.md §2 to §4 and §6."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal, assert_never

from pydantic import Field, StringConstraints, ValidationError

from takeback.errors import InvalidInputError, ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm, parse_fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.wire.case_v1 import AlgorithmName
from takeback.wire.shape import Hex16, Hex32, Hex64, ReplyShape, Shape

HEAD_CONTEXT = b"takeback/head/v1\n"
MAX_CHANGES = 10_000
_MAX_REGION_CHANGES = 1_000
_MAX_VIDEO_CHANGES = 400
"""A region set is up to 6 kB of text; ten thousand would be more than a client takes in one answer."""

MAX_FEEDBACK = 1_000

_EPOCH = date(1970, 1, 1)
_NO_QUALITY = 255
_ADD_BYTE, _REMOVE_BYTE, _DIGESTED_BYTE = 1, 2, 3
_ENTRY_CONTEXT = b"takeback/entry/v1\n"

Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
FeedbackName = Literal["Blocked", "NotBlocked", "PendingReview", "QualityUnknown"]


class PublicKeyShape(ReplyShape):
    """One key that heads may be signed with."""

    key_id: Hex16
    public_key: Hex64


class MovedShape(ReplyShape):
    """Answer of ``GET /feed/v1/wait``: lists that have gone beyond what was asked. A hint, signed by nobody."""

    moved: list[AlgorithmName]


class SignatureShape(ReplyShape):
    """One signature over a head."""

    key_id: Hex16
    signature: Annotated[str, StringConstraints(max_length=88)]


class SignedHeadShape(ReplyShape):
    """A head as the exact text that was signed, and its signatures."""

    head: Annotated[str, StringConstraints(max_length=1000)]
    signatures: list[SignatureShape]


class SignedTextShape(ReplyShape):
    """A text and its signatures: what the registry says of a snapshot, of a point, of what it withholds."""

    text: Annotated[str, StringConstraints(max_length=1000)]
    signatures: list[SignatureShape]


class HeadShape(ReplyShape):
    """What the text of a head says."""

    chain: Hex64
    count: Annotated[int, Field(ge=0)]
    expires: int
    issued: int
    list: AlgorithmName
    seq: Annotated[int, Field(ge=0)]


class ChangeShape(ReplyShape):
    """One line of a log."""

    seq: Annotated[int, Field(ge=1)]
    op: Literal["add", "remove", "withheld"]
    entry_id: Hex32
    value: str | None = None
    quality: int | None = None
    day: Day
    digested: bool | None = None
    digest: Hex64 | None = None


class ChangesShape(ReplyShape):
    """Answer of ``GET /feed/v1/{list}/changes``."""

    changes: Annotated[list[ChangeShape], Field(max_length=MAX_CHANGES)]
    head: SignedHeadShape
    withheld: SignedTextShape | None = None


class FeedbackShape(Shape):
    """One word about one entry."""

    list: AlgorithmName
    entry_id: Hex32
    value: FeedbackName


class FeedbackBatchShape(Shape):
    """Body of ``POST /feedback/v1``."""

    feedback: Annotated[list[FeedbackShape], Field(min_length=1, max_length=MAX_FEEDBACK)]


class FeedbackAcceptedShape(ReplyShape):
    """Answer to it."""

    accepted: Annotated[int, Field(ge=0)]


def max_changes(name: Algorithm) -> int:
    """Most changes of a list in one answer (§4.3)."""
    match name:
        case Algorithm.PDQ | Algorithm.MD5 | Algorithm.SHA256:
            return MAX_CHANGES
        case Algorithm.PDQ_REGION:
            return _MAX_REGION_CHANGES
        case Algorithm.VPDQ:
            return _MAX_VIDEO_CHANGES
        case _:
            assert_never(name)


def first_chain(name: Algorithm) -> bytes:
    """The chain value of an empty log (§2.1): 32 bytes."""
    return hashlib.sha256(b"takeback/feed/v1/" + name.value.encode()).digest()


def next_chain(chain: bytes, change: Change) -> bytes:
    """The chain value after a change (§2.2): 32 bytes."""
    return hashlib.sha256(chain + record_bytes(change)).digest()


def record_bytes(change: Change) -> bytes:
    """A change as it enters the chain (§2.3, §2.4)."""
    seq, entry_id = change.seq.to_bytes(8, "big"), bytes.fromhex(change.entry_id)
    day = (change.day - _EPOCH).days.to_bytes(4, "big")
    if change.is_digested or change.op is Op.WITHHELD:
        return b"".join((seq, bytes([_DIGESTED_BYTE]), entry_id, day, bytes.fromhex(digest_of(change))))
    op = bytes([_REMOVE_BYTE if change.op is Op.REMOVE else _ADD_BYTE])
    quality, size, value = _content(change)
    return b"".join((seq, op, entry_id, quality, day, size, value))


def digest_of(change: Change) -> str:
    """What stands in the chain for an addition's content (§2.4): 64 hexadecimal digits."""
    if change.digest is not None:
        return change.digest
    return hashlib.sha256(b"".join((_ENTRY_CONTEXT, *_content(change)))).hexdigest()


def withhold(change: Change) -> Change:
    """An addition as those see it who are not told its value (§4.5)."""
    return replace(change, op=Op.WITHHELD, value=None, quality=None, is_digested=True, digest=digest_of(change))


def _content(change: Change) -> tuple[bytes, bytes, bytes]:
    """Quality, length and value, as they enter the chain."""
    value = b"" if change.value is None else bytes.fromhex(change.value)
    quality = _NO_QUALITY if change.quality is None else change.quality
    return bytes([quality]), len(value).to_bytes(2, "big"), value


def head_text(head: Head) -> str:
    """The canonical text that is signed (§3.1)."""
    shape = {
        "chain": head.chain.hex(),
        "count": head.count,
        "expires": head.expires,
        "issued": head.issued,
        "list": head.list.value,
        "seq": head.seq,
    }
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def key_id_of(public_key: bytes) -> str:
    """The name of a signing key (§3.3)."""
    return hashlib.sha256(public_key).digest()[:8].hex()


def pin_of(public_key: bytes) -> str:
    """The part of a partner's key that tells the right registry (§4): 32 hex digits."""
    return hashlib.sha256(public_key).digest()[:16].hex()


def parse_head(untrusted_text: str) -> Head:
    """Read a head's text. Verify its signature first.

    Raises:
        ProtocolViolationError: ``feed.malformed``.
    """
    try:
        shape = HeadShape.model_validate_json(untrusted_text)
    except ValidationError:
        raise ProtocolViolationError("feed.malformed", "The registry's head is not what the protocol says.") from None
    return Head(Algorithm(shape.list), shape.seq, bytes.fromhex(shape.chain), shape.count, shape.issued, shape.expires)


def change_shape(change: Change) -> ChangeShape:
    """A change on its way out."""
    return ChangeShape(
        seq=change.seq,
        op=change.op.value,
        entry_id=change.entry_id,
        value=change.value,
        quality=change.quality,
        day=change.day.isoformat(),
        digested=True if change.is_digested and change.op is Op.ADD else None,
        digest=change.digest,
    )


def parse_change(name: Algorithm, shape: ChangeShape) -> Change:
    """Read a change.

    Raises:
        ProtocolViolationError: ``feed.malformed`` for a value, quality, digest or day that cannot be, or one where
            none belongs.
    """
    op = Op(shape.op)
    broken = ProtocolViolationError(
        "feed.malformed", "A change in the feed is not what the protocol says.", detail=f"{name.value} {shape.seq}"
    )
    if op is not Op.ADD and (shape.value, shape.quality, shape.digested) != (None, None, None):
        raise broken
    if (op is Op.WITHHELD) != (shape.digest is not None):
        raise broken
    try:
        if op is Op.ADD:
            parse_fingerprint(name, shape.value or "", shape.quality)
        day = date.fromisoformat(shape.day)
    except (InvalidInputError, ValueError):
        raise broken from None
    return Change(
        list=name,
        seq=shape.seq,
        op=op,
        entry_id=shape.entry_id,
        value=shape.value,
        quality=shape.quality,
        day=day,
        is_digested=op is Op.WITHHELD or shape.digested is True,
        digest=shape.digest,
    )


def parse_feedback(shape: FeedbackShape) -> Feedback:
    """Read one word of feedback."""
    return Feedback(Algorithm(shape.list), shape.entry_id, FeedbackValue(shape.value))


def feedback_shape(feedback: Feedback) -> FeedbackShape:
    """One word of feedback on its way out."""
    return FeedbackShape(list=feedback.list.value, entry_id=feedback.entry_id, value=feedback.value.value)
