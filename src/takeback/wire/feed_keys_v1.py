"""How a signing key hands over to the next: shapes and signed bytes. Source: docs/protocol/feed-v1.md §9."""

import json
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StringConstraints, ValidationError

from takeback.errors import ProtocolViolationError
from takeback.wire.feed_v1 import PublicKeyShape
from takeback.wire.shape import Hex64, ReplyShape

SUCCESSION_CONTEXT: Final = b"takeback/succession/v1\n"
REVOCATION_CONTEXT: Final = b"takeback/revocation/v1\n"

_MAX_STATEMENTS: Final = 1_000


class StatementShape(ReplyShape):
    """A text about keys and the signature of the one key that may say so."""

    text: Annotated[str, StringConstraints(max_length=1000)]
    signature: Annotated[str, StringConstraints(max_length=88)]


class KeysShape(ReplyShape):
    """Answer of ``GET /feed/v1/keys``: the keys heads are signed with now, and how they came to be."""

    keys: list[PublicKeyShape]
    successions: list[StatementShape] = Field(max_length=_MAX_STATEMENTS, default_factory=list)
    revocations: list[StatementShape] = Field(max_length=_MAX_STATEMENTS, default_factory=list)


class _SuccessionShape(ReplyShape):
    issued: int
    next: Hex64
    previous: Hex64


class _RevocationShape(ReplyShape):
    issued: int
    revoked: Hex64


@dataclass(frozen=True, slots=True)
class Succession:
    """``previous`` says that ``next`` signs after it: both are public keys of 32 bytes; ``issued`` is Unix seconds."""

    previous: bytes
    next: bytes
    issued: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """A later key says that ``revoked`` (32 bytes) is worth nothing any more."""

    revoked: bytes
    issued: int


def succession_text(succession: Succession) -> str:
    """The canonical text that the previous key signs (§9.2)."""
    shape = {"issued": succession.issued, "next": succession.next.hex(), "previous": succession.previous.hex()}
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def revocation_text(revocation: Revocation) -> str:
    """The canonical text that the present key signs (§9.5)."""
    shape = {"issued": revocation.issued, "revoked": revocation.revoked.hex()}
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def parse_succession(untrusted_text: str) -> Succession:
    """Read a succession. Its signature is still to be verified, with the key it names as the previous one.

    Raises:
        ProtocolViolationError: ``feed.malformed``.
    """
    try:
        shape = _SuccessionShape.model_validate_json(untrusted_text)
    except ValidationError:
        raise _malformed() from None
    return Succession(bytes.fromhex(shape.previous), bytes.fromhex(shape.next), shape.issued)


def parse_revocation(untrusted_text: str) -> Revocation:
    """Read a revocation. Verify its signature first.

    Raises:
        ProtocolViolationError: ``feed.malformed``.
    """
    try:
        shape = _RevocationShape.model_validate_json(untrusted_text)
    except ValidationError:
        raise _malformed() from None
    return Revocation(bytes.fromhex(shape.revoked), shape.issued)


def _malformed() -> ProtocolViolationError:
    return ProtocolViolationError("feed.malformed", "What the registry says of its keys is not what the protocol says.")
