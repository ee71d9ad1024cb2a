"""Reviewers' sessions: in memory only, by the hash of the cookie, so that nothing of them outlives the process."""

import threading
from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from takeback.clock import Clock
from takeback.errors import UnavailableError
from takeback.httpkit.auth import UnknownCallerError, same_secret

SESSION_S: Final = 8 * 3600
"""A working day. Then the code is asked for again."""

_WRONG_CODES: Final = 10
_WRONG_CODES_WITHIN_S: Final = 60
_MAX_SESSIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class _Session:
    reviewer: str
    expires_s: int


class ReviewSessions:
    """Who is signed in.

    Args:
        review_code: what a reviewer has to type.
        clock: the time.
    """

    def __init__(self, review_code: str, clock: Clock) -> None:
        self._code = _plain(review_code)
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[bytes, _Session] = {}
        self._wrong_s: deque[int] = deque(maxlen=_WRONG_CODES)

    def begin(self, untrusted_code: str, reviewer: str) -> str:
        """Start a session; returns what the cookie holds.

        Raises:
            UnknownCallerError: ``review.code`` for a wrong code.
            UnavailableError: ``review.slow_down`` after ten wrong ones within a minute, whoever sent them.
        """
        now_s = self._clock.now_s()
        with self._lock:
            if len(self._wrong_s) == _WRONG_CODES and now_s - self._wrong_s[0] < _WRONG_CODES_WITHIN_S:
                raise UnavailableError("review.slow_down", "Too many wrong codes. Please wait a minute.")
            if not same_secret(self._code, _plain(untrusted_code)):
                self._wrong_s.append(now_s)
                raise UnknownCallerError("review.code", "This is not the review code.")
            token = token_urlsafe(32)
            self._drop_old(now_s)
            self._sessions[_hash(token)] = _Session(reviewer, now_s + SESSION_S)
            return token

    def reviewer_of(self, untrusted_token: str | None) -> str:
        """The pseudonym a cookie stands for.

        Raises:
            UnknownCallerError: ``review.session`` if there is no such session any more.
        """
        with self._lock:
            session = self._sessions.get(_hash(untrusted_token or ""))
        if session is None or session.expires_s <= self._clock.now_s():
            raise UnknownCallerError("review.session", "Please sign in.")
        return session.reviewer

    def end(self, untrusted_token: str | None) -> None:
        """End a session; one that is not there is fine."""
        with self._lock:
            self._sessions.pop(_hash(untrusted_token or ""), None)

    def _drop_old(self, now_s: int) -> None:
        live = {key: session for key, session in self._sessions.items() if session.expires_s > now_s}
        self._sessions = dict(list(live.items())[-_MAX_SESSIONS + 1 :])


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _plain(code: str) -> bytes:
    return "".join(c for c in code.lower() if c.isalnum()).encode()
