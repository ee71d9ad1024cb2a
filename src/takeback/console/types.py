"""Values of the console: operators, their roles, how they sign in.

None of them holds a password, a secret or a session's token where it could be printed.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What an operator may do: act, or only read."""

    OPERATOR = "operator"
    AUDITOR = "auditor"


class Means(StrEnum):
    """How an operator signs in."""

    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105 - the word, not one


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who works at the registry.

    Args:
        operator_id: 16 hexadecimal digits.
        name: a pseudonym is enough.
        role: what they may do.
        is_active: ``False`` once removed.
        means: how they can sign in; empty until they have used their link.
    """

    operator_id: str
    name: str
    role: Role
    is_active: bool
    means: frozenset[Means] = frozenset()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An operator and the code with which they choose how to sign in. The code is shown once.

    Args:
        operator: who it is for.
        code: 20 letters and digits in groups of four.
        expires_s: Unix seconds.
    """

    operator: Operator
    code: str = field(repr=False)
    expires_s: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session: who, and until when at most.

    Args:
        operator: who.
        until_s: when it ends whatever happens, Unix seconds.
        idle_s: seconds without a request after which it ends.
    """

    operator: Operator
    until_s: int
    idle_s: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """What the registry keeps of a passkey: nothing in it is secret.

    Args:
        credential_id: the authenticator's name for it.
        operator_id: whose.
        public_key: COSE.
        sign_count: the authenticator's last count; 0 where it does not count.
    """

    credential_id: bytes = field(repr=False)
    operator_id: str
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True)
class PasswordMeans:
    """What the registry keeps of a password and its second factor.

    Args:
        password_hash: Argon2id, in its text form.
        totp_sealed: the shared secret, sealed under the console's key.
        totp_step: the last time step that was used; none is good twice.
    """

    password_hash: str = field(repr=False)
    totp_sealed: bytes = field(repr=False)
    totp_step: int


@dataclass(frozen=True, slots=True)
class ConsoleLimits:
    """How long sessions last.

    Args:
        idle_s: seconds without a request.
        session_s: seconds from sign-in, whatever happens.
        sessions: how many an operator may have; the oldest gives way.
    """

    idle_s: int
    session_s: int
    sessions: int
