"""Shapes of the proof of work: ALTCHA's own challenge and payload, so that any ALTCHA library can solve it.

**Source:** docs/protocol/case-v1.md §9; the ALTCHA v2 challenge format.
"""

import base64
import binascii
import hashlib
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from takeback.errors import NotAllowedError
from takeback.wire.shape import Hex32, Hex64, ReplyShape, Shape

PROOF_HEADER = "Takeback-Proof"
ALGORITHM = "PBKDF2/SHA-256"
MAX_HEADER_CHARS = 4096

MAX_ROUNDS = 100_000
MAX_GUESSES = 1_000_000
"""What a device agrees to at most: a server that asks for more is not believed."""

_CONTEXT = b"takeback/proof/v1\n"

HexText = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{2}){1,64}$")]


class BindingShape(Shape):
    """Body of ``POST /v1/challenges``."""

    binding: Hex64


class ChallengeDataShape(ReplyShape):
    """What a challenge says of itself; signed like the rest of it."""

    binding: Hex64
    guesses: Annotated[int, Field(ge=1)]
    until: Annotated[int, Field(ge=0)]


class ParametersShape(ReplyShape):
    """What is to be solved, in ALTCHA's names."""

    algorithm: Literal["PBKDF2/SHA-256"]
    cost: Annotated[int, Field(ge=1, le=MAX_ROUNDS)]
    data: ChallengeDataShape
    keyLength: Literal[32]  # noqa: N815 - ALTCHA's name
    keyPrefix: HexText  # noqa: N815
    keySignature: Hex64  # noqa: N815
    nonce: Hex32
    salt: Hex32


class ChallengeShape(ReplyShape):
    """A signed challenge."""

    parameters: ParametersShape
    signature: Hex64


class ChallengeReplyShape(ReplyShape):
    """Answer to ``POST /v1/challenges``; without a challenge where no proof is asked for at the moment."""

    challenge: ChallengeShape | None = None


class SolutionShape(ReplyShape):
    """What solves it."""

    counter: Annotated[int, Field(ge=0, le=2**32 - 1)]
    derivedKey: Hex64  # noqa: N815 - ALTCHA's name


class ProofShape(ReplyShape):
    """What the header holds, in base64."""

    challenge: ChallengeShape
    solution: SolutionShape


def binding_of(path: str, body: bytes) -> str:
    """What ties a proof to one request: 64 hexadecimal digits (§9.1)."""
    return hashlib.sha256(_CONTEXT + path.encode("ascii") + b"\n" + body).hexdigest()


def parse_proof(untrusted_header: str) -> ProofShape:
    """Read a proof's header.

    Raises:
        NotAllowedError: ``proof.invalid``.
    """
    if len(untrusted_header) > MAX_HEADER_CHARS:
        raise invalid_proof()
    try:
        return ProofShape.model_validate_json(base64.b64decode(untrusted_header, validate=True))
    except (ValidationError, ValueError, binascii.Error):
        raise invalid_proof() from None


def invalid_proof() -> NotAllowedError:
    """What is said of a proof that is none: malformed, not solved, changed, or for another request."""
    return NotAllowedError("proof.invalid", "The puzzle was not solved for this request. Please ask for a new one.")


def proof_header(proof: ProofShape) -> str:
    """The header of a solved challenge."""
    return base64.b64encode(proof.model_dump_json().encode()).decode("ascii")
