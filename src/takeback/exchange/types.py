"""Values of the exchange: partners, their keys, what the audit log says.

**Source:** docs/protocol/feed-v1.md §4 and §6.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from takeback.model.fingerprint import Algorithm

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


def new_partner_key(partner_id: str, pin: str) -> PartnerKey:
    """Draw a secret."""
    return PartnerKey(partner_id, secrets.token_bytes(32), pin)


def parse_partner_key(untrusted_text: str) -> PartnerKey | None:
    """Read a key; ``None`` if it is not one."""
    found = _KEY.fullmatch(untrusted_text)
    return None if found is None else PartnerKey(found[1], bytes.fromhex(found[2]), found[3])


@dataclass(frozen=True, slots=True)
class Partner:
    """A platform that may pull lists.

    Args:
        partner_id: 16 hexadecimal digits.
        name: for people.
        lists: what it may pull, and speak about.
        is_active: ``False`` once revoked.
    """

    partner_id: str
    name: str
    lists: frozenset[Algorithm]
    is_active: bool


class AuditedAct(StrEnum):
    """What was done. At most 16 characters; a word that has been written is never renamed."""

    PULL = "pull"
    FEEDBACK = "feedback"
    PARTNER_ADD = "partner-add"
    PARTNER_SCOPE = "partner-scope"
    PARTNER_ROTATE = "partner-rotate"
    PARTNER_REVOKE = "partner-revoke"


BY_COMMAND = "command"
"""Who acts from the command line: whoever may read the registry's folder."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the audit log.

    Args:
        day: days since 1970-01-01.
        actor_id: who: a partner's or an operator's id, or ``BY_COMMAND``.
        what: did what.
        list: about which list; ``None`` for an act that is about none.
        first_seq: of a pull: the first change handed out, or the one asked for. Of feedback: how many words. Else 0.
        last_seq: of a pull: the last change handed out. Of feedback: where the list stood. Else 0.
        subject: to whom or what it was done: an id, never a name or a value; ``None`` for pulls and feedback.
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
