"""A partner's key: who the partner is, the secret, and the pin that tells the right registry from any other.

**Source:** docs/protocol/feed-v1.md §4.
"""

import re
from dataclasses import dataclass, field

from takeback.errors import InvalidInputError

_KEY = re.compile(r"tb1_([0-9a-f]{16})_([0-9a-f]{64})_([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class PartnerKey:
    """A key that has the right form.

    Args:
        partner_id: 16 hexadecimal digits; not secret.
        text: the whole key, as it is sent. Secret.
        pin: first 32 hexadecimal digits of SHA-256 of the registry's public signing key.
    """

    partner_id: str
    text: str = field(repr=False)
    pin: str


def parse_partner_key(untrusted_text: str) -> PartnerKey:
    """Read a key as it was printed for the partner.

    Raises:
        InvalidInputError: ``partner.key_format``. The text is not quoted: it may be a key with a typing error.
    """
    found = _KEY.fullmatch(untrusted_text.strip())
    if found is None:
        raise InvalidInputError("partner.key_format", "This is not a whole partner key. It begins with tb1_.")
    return PartnerKey(partner_id=found[1], text=found[0], pin=found[3])
