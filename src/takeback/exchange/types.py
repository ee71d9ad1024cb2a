"""Values of the exchange: partners, their keys, what the audit log says.

**Source:** docs/protocol/feed-v1.md §4 and §6.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from takeback.model.fingerprint import Algorithm
from takeback.registry.acts import BY_COMMAND as BY_COMMAND  # noqa: PLC0414 - one word for both rooms

_KEY = re.compile(r"tb1_([0-9a-f]{16})_([0-9a-f]{64})_([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class PartnerKey:
    """A partner's key, ``tb1_ID_SECRET_PIN``.

    Args:
        partner_id: 16 hexadecimal digits.
        secret: 32 bytes; only its SHA-256 is kept.
        pin: 32 hexadecimal digits that name the registry's signing key.
    """

    partner_id: str
    secret: bytes = field(repr=False)
    pin: str

    def text(self) -> str:
        """What the partner is given, once."""
        return f"tb1_{self.partner_id}_{self.secret.hex()}_{self.pin}"

    def secret_hash(self) -> bytes:
        """What is kept of it: 32 bytes. The secret is random, so a plain hash is enough."""
        return hashlib.sha256(self.secret).digest()

    def credentials(self) -> "Credentials":
        """What the same partner shows to the other faces: made from the secret, which they do not give away."""
        return Credentials(
            user=self.partner_id,
            password=self._derived("ncmec/v2/password"),
            function_key=self._derived("stopncii/v1/function"),
            subscription_key=f"{self.partner_id}-{self._derived('stopncii/v1/subscription')}",
        )

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.secret, f"takeback/{purpose}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Credentials:
    """A partner's key, as other protocols want it.

    Args:
        user: HTTP Basic, NCMEC shape; the partner id.
        password: its password.
        function_key: ``x-functions-key``, StopNCII shape.
        subscription_key: ``Ocp-Apim-Subscription-Key``: the partner id, a hyphen, a secret.
    """

    user: str
    password: str = field(repr=False)
    function_key: str = field(repr=False)
    subscription_key: str = field(repr=False)

    def ncmec_hash(self) -> bytes:
        """What is kept of the password: 32 bytes."""
        return hashlib.sha256(self.password.encode()).digest()

    def stopncii_hash(self) -> bytes:
        """What is kept of the two keys together: 32 bytes."""
        return hashlib.sha256(f"{self.function_key},{self.subscription_key}".encode()).digest()


def new_partner_key(partner_id: str, pin: str) -> PartnerKey:
    """Draw a secret."""
    return PartnerKey(partner_id, secrets.token_bytes(32), pin)


def parse_partner_key(untrusted_text: str) -> PartnerKey | None:
    """Read a key; ``None`` if it is not one."""
    found = _KEY.fullmatch(untrusted_text)
    return None if found is None else PartnerKey(found[1], bytes.fromhex(found[2]), found[3])


@dataclass(frozen=True, slots=True)
class KeyHashes:
    """What is kept of one key: 32 bytes each; ``None`` where it was made before that face was there."""

    secret: bytes | None = field(repr=False)
    ncmec: bytes | None = field(repr=False)
    stopncii: bytes | None = field(repr=False)


class Scope(StrEnum):
    """What a partner's key is for."""

    PULL = "pull"
    FEEDBACK = "feedback"
    MATCH = "match"
    """Ask the registry whether fingerprints are listed (match-v1)."""
    SUBMIT = "submit"
    """Offer fingerprints of its own; the operator decides about each."""


DEFAULT_SCOPES = frozenset({Scope.PULL, Scope.FEEDBACK})


@dataclass(frozen=True, slots=True)
class Partner:
    """A platform that may pull lists.

    Args:
        partner_id: 16 hexadecimal digits.
        name: for people.
        lists: what it may pull, and speak about.
        is_active: ``False`` once revoked.
        scopes: what else it may do.
        requests_per_minute: its own limit; ``None`` for the registry's setting.
        networks: where it may call from, as CIDR blocks; from anywhere, if empty.
    """

    partner_id: str
    name: str
    lists: frozenset[Algorithm]
    is_active: bool
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    requests_per_minute: int | None = None
    networks: tuple[str, ...] = ()


class AuditedAct(StrEnum):
    """What was done, and by which face. At most 16 characters; a word that has been written is never renamed."""

    PULL = "pull"
    FEEDBACK = "feedback"
    NCMEC_PULL = "ncmec-pull"
    NCMEC_WORD = "ncmec-word"
    STOPNCII_PULL = "stopncii-pull"
    STOPNCII_WORD = "stopncii-word"
    STOPNCII_OFFER = "stopncii-offer"
    MATCH = "match"
    OFFER_TAKE = "offer-take"
    OFFER_REFUSE = "offer-refuse"
    OFFER_WITHDRAW = "offer-withdraw"
    PARTNER_ADD = "partner-add"
    PARTNER_SCOPE = "partner-scope"
    PARTNER_TERMS = "partner-terms"
    PARTNER_ROTATE = "partner-rotate"
    PARTNER_CONFIRM = "partner-confirm"
    PARTNER_REVOKE = "partner-revoke"
    QUARANTINE = "quarantine"
    RESTORE = "restore"
    REMOVE = "remove"
    GUARD_ADD = "guard-add"
    GUARD_REMOVE = "guard-remove"
    GUARD_ADMIT = "guard-admit"
    GUARD_REJECT = "guard-reject"
    OPERATOR_ADD = "operator-add"
    OPERATOR_CODE = "operator-code"
    OPERATOR_ENROL = "operator-enrol"
    OPERATOR_ROLE = "operator-role"
    OPERATOR_REMOVE = "operator-remove"
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    KEY_ROTATE = "key-rotate"
    KEY_REVOKE = "key-revoke"


PULLS = (AuditedAct.PULL, AuditedAct.NCMEC_PULL, AuditedAct.STOPNCII_PULL)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the audit log.

    Args:
        day: days since 1970-01-01.
        actor_id: who: a partner's or an operator's id, or ``BY_COMMAND``.
        what: did what.
        list: about which list; ``None`` for an act that is about none.
        first_seq: of a pull: the change it begins after. Of feedback and questions: how many. Else 0.
        last_seq: of a pull: the last change handed out. Of feedback and questions: where the list stood. Else 0.
        subject: to whom or what it was done: an id, never a name or a value; ``None`` for what a partner does.
    """

    day: int
    actor_id: str
    what: AuditedAct
    list: Algorithm | None
    first_seq: int
    last_seq: int
    subject: str | None = None


def act_of(day: int, actor_id: str, what: AuditedAct, subject: str) -> AuditRecord:
    """The line of something a person did at the registry."""
    return AuditRecord(day, actor_id, what, None, 0, 0, subject)
