"""What the console's page and the registry say to each other under ``/operator/v1``.

No fingerprint stands in any of it.

**Source:** docs/protocol/console-v1.md.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from takeback.wire.shape import Hex16, Hex32, ReplyShape, Shape

Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=16_384)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Totp = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=200)]
RoleName = Literal["operator", "auditor"]
ListName = Literal["pdq", "md5", "sha256", "pdq-region", "vpdq"]
Lists = Annotated[list[ListName], Field(min_length=1, max_length=5)]


class OperatorShape(ReplyShape):
    """An operator. ``means``: how they can sign in; empty until they have used their link."""

    operator: Hex16
    name: Name
    role: RoleName
    active: bool
    means: list[Literal["passkey", "password"]]


class SignedInShape(ReplyShape):
    """A session. ``until``: Unix seconds; ``idle``: seconds; ``passkeys``: whether this address can have one."""

    operator: OperatorShape
    until: int
    idle: int
    passkeys: bool


class PasskeyChallengeShape(ReplyShape):
    """What an authenticator signs to sign in."""

    rp_id: str
    challenge: Base64Url


class PasskeyRequestShape(PasskeyChallengeShape):
    """What an authenticator makes a passkey from."""

    user_id: Base64Url
    user_name: Name


class PasskeyCreatedShape(Shape):
    """A new passkey, as the browser gives it."""

    credential_id: Base64Url
    client_data: Base64Url
    attestation: Base64Url


class PasskeyAnswerShape(Shape):
    """An answer to a challenge, as the browser gives it."""

    credential_id: Base64Url
    client_data: Base64Url
    authenticator_data: Base64Url
    signature: Base64Url


class PasswordShape(Shape):
    """Signing in without a passkey."""

    name: Name
    password: Password
    code: Totp


class EnrolmentCodeShape(Shape):
    """The code of a link."""

    code: Code


class EnrolmentShape(ReplyShape):
    """What somebody with a code can choose from.

    ``qr``: rows of a square code, ``1`` dark, without its quiet zone. ``passkey``: where this address can have one.
    """

    name: Name
    role: RoleName
    secret: str
    uri: str
    qr: list[str]
    passkey: PasskeyRequestShape | None


class EnrolPasswordShape(EnrolmentCodeShape):
    """Choosing a password, with the app's code of now."""

    password: Password
    totp: Totp


class EnrolPasskeyShape(EnrolmentCodeShape):
    """Choosing a passkey."""

    passkey: PasskeyCreatedShape


class NewOperatorShape(Shape):
    """An operator to be taken in."""

    name: Name
    role: RoleName


class RoleShape(Shape):
    """A role to be given."""

    role: RoleName


class IssuedCodeShape(ReplyShape):
    """An operator and the code for their link, shown once. ``expires``: Unix seconds."""

    operator: OperatorShape
    code: Code
    expires: int


class OperatorsShape(ReplyShape):
    """All operators."""

    operators: list[OperatorShape]


class SizeShape(ReplyShape):
    """Live entries at the end of a day."""

    day: int
    count: int


class ListHistoryShape(ReplyShape):
    """A list and how it grew."""

    sizes: list[SizeShape]
    list: ListName
    seq: int
    count: int


class FigureShape(ReplyShape):
    """A count; absent if it is under ten."""

    group: str
    name: str
    count: int | None


class HealthShape(ReplyShape):
    """A part of the registry and how it is."""

    part: str
    state: Literal["good", "warning", "bad"]


class OverviewShape(ReplyShape):
    """The overview. ``today`` and ``history_days``: in days; the charts' right edge and width."""

    today: int
    history_days: int
    health: list[HealthShape]
    lists: list[ListHistoryShape]
    statistics: list[FigureShape]


class AuditLineShape(ReplyShape):
    """A line of the audit log."""

    seq: int
    day: int
    actor: str
    actor_id: str
    what: str
    list: ListName | None
    first_seq: int
    last_seq: int
    subject: str | None


class AuditPageShape(ReplyShape):
    """Lines, newest first."""

    lines: list[AuditLineShape]


class ChainCheckShape(ReplyShape):
    """What a check of the whole log found; ``broken`` says what is wrong."""

    lines: int
    broken: str | None


class FeedbackCountShape(ReplyShape):
    """How many partners last said this about an entry."""

    value: Literal["Blocked", "NotBlocked", "PendingReview", "QualityUnknown"]
    partners: int


class AsideEntryShape(ReplyShape):
    """An entry that waits for a decision: never its value. ``worst_day``: most words of feedback on one day."""

    words: list[FeedbackCountShape]
    entry: Hex32
    list: ListName
    cause: Literal["guard", "not-blocked", "flood", "operator"]
    day: int
    worst_day: int


class QuarantineShape(ReplyShape):
    """What waits in quarantine, the oldest first."""

    waiting: list[AsideEntryShape]


class GuardLineShape(ReplyShape):
    """A line of the guard list: never its value."""

    guard: Hex32
    list: ListName
    note: str
    day: int


class RecheckShape(ReplyShape):
    """How far what is listed has been compared with new lines, or how that ended."""

    running: bool
    checked: int
    total: int
    held_back: int
    day: int


class GuardListShape(ReplyShape):
    """The guard list, what it held back, and the comparison with what is listed already, if there was any."""

    lines: list[GuardLineShape]
    recheck: RecheckShape | None
    waiting: list[AsideEntryShape]


class GuardedFingerprintShape(Shape):
    """A fingerprint of a picture that everybody has. It goes in and is never shown again."""

    algorithm: ListName
    value: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+$", max_length=49_152)]
    quality: Annotated[int, Field(ge=0, le=100)] | None = None


class NewGuardShape(Shape):
    """Fingerprints for the guard list, with the operator's own word for them."""

    fingerprints: Annotated[list[GuardedFingerprintShape], Field(min_length=1, max_length=100)]
    note: Annotated[str, StringConstraints(max_length=200)]


class AddedGuardShape(ReplyShape):
    """How many lines are new; the others were there already, or say too little to be looked for."""

    added: int
