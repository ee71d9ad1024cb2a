"""Passkeys: challenges that need no memory, and the two ceremonies.

A challenge carries its expiry and our signature, so asking for one writes nothing; one that was answered well is spent.

**Source:** W3C Web Authentication, level 3; §7.1 (registration) and §7.2 (authentication), checked by ``webauthn``.
"""

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from takeback.console.console_key import ConsoleKey
from takeback.console.types import Passkey
from takeback.errors import NotAllowedError

CHALLENGE_S: Final = 300
_EXPIRY_BYTES: Final = 8
_NONCE_BYTES: Final = 16
_CHALLENGE_BYTES: Final = _EXPIRY_BYTES + _NONCE_BYTES + 32


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who the browser says the passkey is for.

    Args:
        rp_id: the host's name.
        origin: scheme, host and port, as the browser writes it.
    """

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class CreatedPasskey:
    """What a browser answers to "make a passkey"; untrusted."""

    credential_id: bytes = field(repr=False)
    client_data: bytes = field(repr=False)
    attestation: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a browser answers to "sign in"; untrusted."""

    credential_id: bytes = field(repr=False)
    client_data: bytes = field(repr=False)
    authenticator_data: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of ours that has not expired. It is still to be spent."""

    raw: bytes = field(repr=False)
    expires_s: int

    def digest(self) -> bytes:
        """What is kept of it once it is spent: 32 bytes."""
        return sha256(self.raw).digest()


def new_challenge(key: ConsoleKey, purpose: str, now_s: int) -> bytes:
    """A challenge that is good for one purpose, for five minutes."""
    body = (now_s + CHALLENGE_S).to_bytes(_EXPIRY_BYTES, "big") + secrets.token_bytes(_NONCE_BYTES)
    return body + key.sign(purpose, body)


def challenge_in(key: ConsoleKey, purpose: str, untrusted_client_data: bytes, now_s: int) -> Challenge:
    """The challenge that a browser's answer says it answers.

    Raises:
        NotAllowedError: ``console.passkey`` if it is none of ours, for something else, or too old.
    """
    try:
        raw = base64url_to_bytes(json.loads(untrusted_client_data)["challenge"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refused() from None
    body, signature = raw[: _EXPIRY_BYTES + _NONCE_BYTES], raw[_EXPIRY_BYTES + _NONCE_BYTES :]
    expires_s = int.from_bytes(body[:_EXPIRY_BYTES], "big")
    if len(raw) != _CHALLENGE_BYTES or not compare_digest(signature, key.sign(purpose, body)) or expires_s <= now_s:
        raise refused()
    return Challenge(raw, expires_s)


def created_passkey(party: RelyingParty, challenge: Challenge, untrusted: CreatedPasskey, operator_id: str) -> Passkey:
    """Check a new passkey.

    Raises:
        NotAllowedError: ``console.passkey``.
    """
    credential = {
        **_credential(untrusted.credential_id),
        "response": {
            "clientDataJSON": bytes_to_base64url(untrusted.client_data),
            "attestationObject": bytes_to_base64url(untrusted.attestation),
        },
    }
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge.raw,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - hostile bytes raise more than the library's own errors
        raise refused() from None
    return Passkey(made.credential_id, operator_id, made.credential_public_key, made.sign_count)


def answered_count(party: RelyingParty, challenge: Challenge, untrusted: PasskeyAnswer, passkey: Passkey) -> int:
    """Check an answer; gives the authenticator's new count.

    Raises:
        NotAllowedError: ``console.passkey``; also for a count that went back, which says the key was copied.
    """
    credential = {
        **_credential(untrusted.credential_id),
        "response": {
            "clientDataJSON": bytes_to_base64url(untrusted.client_data),
            "authenticatorData": bytes_to_base64url(untrusted.authenticator_data),
            "signature": bytes_to_base64url(untrusted.signature),
        },
    }
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.raw,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - as above
        raise refused() from None
    return verified.new_sign_count


def refused() -> NotAllowedError:
    """The one answer to every passkey that does not do."""
    return NotAllowedError("console.passkey", "This passkey does not work here. Please try again.")


def _credential(credential_id: bytes) -> dict[str, str]:
    name = bytes_to_base64url(credential_id)
    return {"id": name, "rawId": name, "type": "public-key"}
