"""A passkey authenticator in software: ES256, user verified, no attestation. What a browser and a device do together.

**Source:** W3C Web Authentication, level 3, §5.8.1 (client data), §6.1 (authenticator data), §6.5 (attestation).
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

_PRESENT_AND_VERIFIED = 0x05
_WITH_CREDENTIAL = 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(slots=True)
class Authenticator:
    """One credential for one site, as seen from one origin."""

    origin: str
    rp_id: str
    flags: int = _PRESENT_AND_VERIFIED
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, challenge: str) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + encode_cbor(cose)
        data = self._data(self.flags | _WITH_CREDENTIAL) + credential
        attestation: dict[str, Any] = {"fmt": "none", "attStmt": {}, "authData": data}
        return {
            "credential_id": b64(self.credential_id),
            "client_data": b64(self._client_data("webauthn.create", challenge)),
            "attestation": b64(encode_cbor(attestation)),
        }

    def answer(self, challenge: str) -> dict[str, str]:
        self.count += 1
        data, client_data = self._data(self.flags), self._client_data("webauthn.get", challenge)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "credential_id": b64(self.credential_id),
            "client_data": b64(client_data),
            "authenticator_data": b64(data),
            "signature": b64(signature),
        }

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()
