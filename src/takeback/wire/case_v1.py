"""Shapes and sizes of the case protocol. Source: docs/protocol/case-v1.md §4 to §6."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from takeback.errors import CorruptDataError, InvalidInputError, ProtocolViolationError
from takeback.model.case import (
    About,
    CaseContent,
    HeldFingerprint,
    Hold,
    HoldState,
    HoldStatus,
    Submission,
    Terms,
)
from takeback.model.fingerprint import MAX_VALUE_DIGITS, Algorithm, parse_fingerprint
from takeback.wire.shape import Hex32, Hex64, ReplyShape, Shape, decode_base64, encode_base64, padded

BODY_SIZES_BYTES = (4096, 16384, 65536)
"""A request has one of these sizes, so that its length says little about how much was submitted (§5.1)."""

PLAINTEXT_SIZES_BYTES = (1024, 4096, 16384)
"""A sealed case's plaintext has one of these sizes (§4.2)."""

SEAL_OVERHEAD_BYTES = 12 + 16
"""Nonce and tag of AES-256-GCM (§4.3)."""

MAX_HOLDS = 200
"""Fingerprints in a submission and tokens in a question: what fits the largest body and the largest plaintext."""

MAX_SHEETS = 32
"""Most sheets of one case (§3.4): 6,400 fingerprints."""

AlgorithmName = Literal["pdq", "md5", "sha256", "pdq-region", "vpdq"]
StateName = Literal[
    "being_added",
    "listed",
    "found",
    "in_review",
    "removed",
    "quarantined",
    "declined",
    "withdrawing",
    "withdrawn",
    "expired",
]
AboutName = Literal["self_under_18", "self_before_18", "trusted_adult", "adult"]
DayText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Padding = Annotated[str, StringConstraints(pattern=r"^ *$")]
Base64Text = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$", max_length=22_000)]


class FingerprintShape(Shape):
    """One fingerprint on its way to the registry."""

    algorithm: AlgorithmName
    value: Annotated[str, StringConstraints(max_length=MAX_VALUE_DIGITS)]
    quality: Annotated[int, Field(ge=0, le=100)] | None = None
    token_hash: Hex64


class SubmissionShape(Shape):
    """Body of ``POST /v1/cases``."""

    case_id: Hex32
    sealed: Base64Text
    fingerprints: Annotated[list[FingerprintShape], Field(min_length=1, max_length=MAX_HOLDS)]
    about: AboutName | None = None
    padding: Padding = ""


class AcceptedShape(ReplyShape):
    """Answer to a submission and to a wish about holds: the same for everybody."""

    state: Literal["being_added", "withdrawn", "withdrawing", "kept", "renewed"]


class TermsShape(ReplyShape):
    """Answer to ``GET /v1/terms``."""

    adult_cases: bool
    withdrawal_delay_days: Annotated[int, Field(ge=0)]
    hold_lifetime_days: Annotated[int, Field(ge=1)] | None


class OpenCaseShape(Shape):
    """Body of ``POST /v1/cases/open``: the first sheet's id, and those that further sheets would have."""

    case_id: Hex32
    more: list[Hex32] = Field(default_factory=list, max_length=MAX_SHEETS - 1)


class SealedCaseShape(ReplyShape):
    """Answer to it; ``more`` are the further sheets there are, in the order asked."""

    sealed: Base64Text
    more: list[Base64Text] = Field(default_factory=list, max_length=MAX_SHEETS - 1)


class TokensShape(Shape):
    """Body of ``POST /v1/holds/`` ``status``, ``withdraw``, ``keep`` and ``renew``."""

    tokens: Annotated[list[Hex32], Field(min_length=1, max_length=MAX_HOLDS)]
    padding: Padding = ""


class HoldStatusShape(ReplyShape):
    """What is known of one hold."""

    state: StateName
    platforms: Annotated[int, Field(ge=0)]
    leaves: DayText | None = None
    expires: DayText | None = None


class HoldsStatusShape(ReplyShape):
    """Answer to ``POST /v1/holds/status``, in the order asked."""

    holds: list[HoldStatusShape]


class _SealedHoldShape(Shape):
    token: Hex32
    algorithm: AlgorithmName
    file: Annotated[int, Field(ge=1)]


class _CaseContentShape(Shape):
    v: Literal[1]
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    holds: list[_SealedHoldShape]


def parse_submission(shape: SubmissionShape) -> Submission:
    """Turn a submission's shape into values.

    Raises:
        InvalidInputError: a malformed fingerprint, a sealed case of a size that is not allowed, or one token twice.
    """
    sealed = decode_base64(shape.sealed, "request.invalid")
    if len(sealed) not in {size + SEAL_OVERHEAD_BYTES for size in PLAINTEXT_SIZES_BYTES}:
        raise InvalidInputError("request.invalid", "The sealed case does not have one of the allowed sizes.")
    held = tuple(
        HeldFingerprint(
            parse_fingerprint(Algorithm(item.algorithm), item.value, item.quality), bytes.fromhex(item.token_hash)
        )
        for item in shape.fingerprints
    )
    if len({item.token_hash for item in held}) != len(held):
        raise InvalidInputError("request.invalid", "Two fingerprints carry the same token.")
    about = None if shape.about is None else About(shape.about)
    return Submission(bytes.fromhex(shape.case_id), sealed, held, about)


def submission_body(submission: Submission) -> bytes:
    """The padded body of ``POST /v1/cases``.

    Raises:
        InvalidInputError: ``case.too_large`` if it does not fit the largest body.
    """
    shape = SubmissionShape(
        case_id=submission.case_id.hex(),
        sealed=encode_base64(submission.sealed),
        fingerprints=[
            FingerprintShape(
                algorithm=item.fingerprint.algorithm.value,
                value=item.fingerprint.value,
                quality=item.fingerprint.quality,
                token_hash=item.token_hash.hex(),
            )
            for item in submission.fingerprints
        ],
        about=None if submission.about is None else submission.about.value,
    )
    return _padded_body(shape)


def tokens_body(tokens: list[bytes]) -> bytes:
    """The padded body of a question or a withdrawal."""
    return _padded_body(TokensShape(tokens=[token.hex() for token in tokens]))


def _padded_body(shape: SubmissionShape | TokensShape) -> bytes:
    body = padded(shape.model_dump_json(exclude_none=True).encode(), BODY_SIZES_BYTES)
    if body is None:
        raise InvalidInputError("case.too_large", "That is too much for one case. Please make two.")
    return body


def hold_status(shape: HoldStatusShape) -> HoldStatus:
    """The model's value of one answer."""
    return HoldStatus(HoldState(shape.state), shape.platforms, _day_of(shape.leaves), _day_of(shape.expires))


def status_shape(status: HoldStatus) -> HoldStatusShape:
    """An answer's shape."""
    return HoldStatusShape(
        state=status.state.value,
        platforms=status.platforms,
        leaves=None if status.leaves is None else status.leaves.isoformat(),
        expires=None if status.expires is None else status.expires.isoformat(),
    )


def terms_shape(terms: Terms) -> TermsShape:
    """The shape of what an operator has set."""
    return TermsShape(
        adult_cases=terms.adult_cases,
        withdrawal_delay_days=terms.withdrawal_delay_days,
        hold_lifetime_days=terms.hold_lifetime_days,
    )


def terms_of(shape: TermsShape) -> Terms:
    """The model's value of it."""
    return Terms(shape.adult_cases, shape.withdrawal_delay_days, shape.hold_lifetime_days)


def _day_of(untrusted_text: str | None) -> date | None:
    try:
        return None if untrusted_text is None else date.fromisoformat(untrusted_text)
    except ValueError:
        raise ProtocolViolationError("registry.reply", "The server's answer is not what the protocol says.") from None


def plaintext_of(content: CaseContent) -> bytes:
    """The padded plaintext of a case (§4.1, §4.2).

    Raises:
        InvalidInputError: ``case.too_large`` if it does not fit the largest size.
    """
    body = (
        _CaseContentShape(
            v=1,
            day=content.day.isoformat(),
            holds=[
                _SealedHoldShape(token=hold.token.hex(), algorithm=hold.algorithm.value, file=hold.file_number)
                for hold in content.holds
            ],
        )
        .model_dump_json()
        .encode()
    )
    for size in PLAINTEXT_SIZES_BYTES:
        if 4 + len(body) <= size:
            return (len(body).to_bytes(4, "big") + body).ljust(size, b"\0")
    raise InvalidInputError("case.too_large", "That is too much for one case. Please make two.")


def content_of(plaintext: bytes) -> CaseContent:
    """Read a case's plaintext.

    Raises:
        CorruptDataError: ``case.content``: it opened, but what is inside is not a case of this version.
    """
    length = int.from_bytes(plaintext[:4], "big")
    try:
        shape = _CaseContentShape.model_validate_json(plaintext[4 : 4 + length])
        day = date.fromisoformat(shape.day)
    except (ValidationError, ValueError):
        raise CorruptDataError("case.content", "This case was made by a version that is not understood here.") from None
    holds = tuple(Hold(bytes.fromhex(item.token), Algorithm(item.algorithm), item.file) for item in shape.holds)
    return CaseContent(day, holds)
