"""Who is signed in: sessions in the database by the hash of their token, so that every process knows them."""

from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.console import entry_store, store
from takeback.console.types import ConsoleLimits, SignedIn
from takeback.db import reading, writing
from takeback.exchange import store as exchange_store
from takeback.exchange.types import AuditedAct, act_of
from takeback.httpkit.auth import UnknownCallerError

_SECONDS_A_DAY: Final = 86_400
_TOUCH_EVERY_S: Final = 60
"""A session's last use is written at most this often, so that looking does not write to the disk."""


class ConsoleSessions:
    """Begins, recognises and ends sessions.

    Args:
        engine: the registry's database.
        clock: the time.
        limits: how long they last.
    """

    def __init__(self, engine: Engine, clock: Clock, limits: ConsoleLimits) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits

    def begin(self, connection: Connection, operator_id: str) -> str:
        """Start a session in the caller's transaction; returns what the cookie holds."""
        now_s = self._clock.now_s()
        token = token_urlsafe(32)
        entry_store.insert_session(connection, _hash(token), operator_id, now_s)
        entry_store.trim_sessions(connection, operator_id, self._limits.sessions, now_s - self._limits.session_s)
        day = now_s // _SECONDS_A_DAY
        exchange_store.append_audit(connection, [act_of(day, operator_id, AuditedAct.SIGN_IN, operator_id)])
        return token

    def signed_in(self, untrusted_token: str | None) -> SignedIn:
        """Who a cookie stands for.

        Raises:
            UnknownCallerError: ``console.session`` if there is no such session, or it is over.
        """
        now_s = self._clock.now_s()
        with reading(self._engine) as connection:
            kept = entry_store.session(connection, _hash(untrusted_token or ""))
            operator = None if kept is None else store.operator(connection, kept.operator_id)
        if kept is None or operator is None or not operator.is_active:
            raise _nobody()
        until_s = kept.began_s + self._limits.session_s
        if now_s >= until_s or now_s >= kept.seen_s + self._limits.idle_s:
            self.end(untrusted_token)
            raise _nobody()
        if now_s >= kept.seen_s + _TOUCH_EVERY_S:
            with writing(self._engine) as connection:
                entry_store.touch_session(connection, _hash(untrusted_token or ""), now_s)
        return SignedIn(operator, until_s, self._limits.idle_s)

    def end(self, untrusted_token: str | None) -> None:
        """End a session; one that is not there is fine."""
        token_hash = _hash(untrusted_token or "")
        with writing(self._engine) as connection:
            kept = entry_store.session(connection, token_hash)
            if kept is not None and entry_store.delete_session(connection, token_hash):
                day = self._clock.now_s() // _SECONDS_A_DAY
                record = act_of(day, kept.operator_id, AuditedAct.SIGN_OUT, kept.operator_id)
                exchange_store.append_audit(connection, [record])


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _nobody() -> UnknownCallerError:
    return UnknownCallerError("console.session", "Please sign in.")
