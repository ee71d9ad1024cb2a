"""Passwords (Argon2id) and the codes of an authenticator app (TOTP, RFC 6238).

A password alone lets nobody in: the code is always asked for, and neither says which of the two was wrong.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from takeback.errors import InvalidInputError, UnavailableError

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 200
TOTP_STEP_S: Final = 30
_DRIFT_STEPS: Final = 1
"""A phone's clock may be half a minute off, or the code may have been typed slowly."""

_AT_ONCE: Final = 2
"""Passwords worked on at the same time: each takes 64 MB, and anybody may send one."""

_NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=1$c29tZSBjb25zdGFudCBzYWx0$tJbwAUX8Dk6KIns/pMyuhLwA1ARLQ5hbNuG+3RlLvQc"
"""A hash that costs as much to compare as a kept one, and fits no password that anybody knows."""

ISSUER: Final = "Takeback registry"


class PasswordCheck:
    """Hashes and compares passwords, a few at a time."""

    def __init__(self) -> None:
        # RFC 9106 §4, second choice: 64 MB, three passes.
        self._hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
        self._places = threading.Semaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            InvalidInputError: ``console.password`` if it is too short, too long or one character again and again.
            UnavailableError: ``console.busy``.
        """
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or len(set(password)) < 4:
            raise InvalidInputError(
                "console.password", f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters, not all the same."
            )
        with self._place():
            return self._hasher.hash(password)

    def is_right(self, password: str, kept_hash: str | None) -> bool:
        """Whether a password is the one; without a hash the same work is done for nothing.

        Raises:
            UnavailableError: ``console.busy``.
        """
        with self._place():
            try:
                self._hasher.verify(_NOBODYS if kept_hash is None else kept_hash, password)
            except (VerificationError, InvalidHashError):
                return False
        return kept_hash is not None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=5):
            raise UnavailableError("console.busy", "Too many people sign in at the moment. Please try again shortly.")
        try:
            yield
        finally:
            self._places.release()


def new_totp_secret() -> str:
    """A new shared secret, base32."""
    return pyotp.random_base32()


def totp_uri(secret: str, name: str) -> str:
    """What an authenticator app reads from a square code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def totp_step_of(secret: str, untrusted_code: str, now_s: int) -> int | None:
    """The time step whose code this is, if it is one of now or half a minute beside; else ``None``."""
    totp = pyotp.TOTP(secret)
    now = now_s // TOTP_STEP_S
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        if compare_digest(totp.generate_otp(step).encode(), untrusted_code.encode()):
            return step
    return None
