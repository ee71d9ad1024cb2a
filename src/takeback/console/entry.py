"""Getting in: an operator's first time with a code, then with a passkey, or with a password and an app's code.

Every refusal of a password sounds the same, whether the name, the password or the code was wrong, and costs the same.
"""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.console import entry_store, passkeys, store
from takeback.console.console_key import ConsoleKey
from takeback.console.entry_store import WaitingEnrolment
from takeback.console.operators import code_hash
from takeback.console.passkeys import CreatedPasskey, PasskeyAnswer, RelyingParty
from takeback.console.passwords import PasswordCheck, new_totp_secret, totp_step_of, totp_uri
from takeback.console.sessions import ConsoleSessions
from takeback.console.types import Operator, PasswordMeans
from takeback.db import reading, writing
from takeback.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, UnavailableError
from takeback.exchange import store as exchange_store
from takeback.exchange.types import AuditedAct, act_of

ATTEMPTS: Final = 5
ATTEMPTS_WITHIN_S: Final = 900
_BUCKETS: Final = 4096
_SECONDS_A_DAY: Final = 86_400
_SIGN_IN: Final = "sign-in"


@dataclass(frozen=True, slots=True)
class OpenedEnrolment:
    """What is shown to who brings a code.

    Args:
        operator: who it is for.
        secret: of the second factor, base32; typed or read into an authenticator app.
        uri: the same for a square code.
        challenge: for a passkey.
    """

    operator: Operator
    secret: str = field(repr=False)
    uri: str = field(repr=False)
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TypedPassword:
    """What somebody typed to sign in; untrusted."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)


class EntryService:
    """Lets operators in.

    Args:
        engine: the registry's database.
        clock: the time.
        key: the console's own.
        sessions: begun by every way in.
    """

    def __init__(self, engine: Engine, clock: Clock, key: ConsoleKey, sessions: ConsoleSessions) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._sessions = sessions
        self._passwords = PasswordCheck()

    def open_enrolment(self, untrusted_code: str) -> OpenedEnrolment:
        """What there is to choose from; may be asked for again until the code is used.

        Raises:
            NotFoundError: ``enrolment.unknown`` for a code that was used, is too old or never was.
        """
        with writing(self._engine) as connection:
            waiting, operator = self._waiting(connection, untrusted_code)
            if waiting.totp_sealed is None:
                secret = new_totp_secret()
                sealed = self._key.seal(secret.encode(), operator.operator_id)
                entry_store.offer_totp(connection, code_hash(untrusted_code), sealed)
            else:
                secret = self._key.open(waiting.totp_sealed, operator.operator_id).decode()
        challenge = passkeys.new_challenge(self._key, _to_enrol(operator), self._clock.now_s())
        return OpenedEnrolment(operator, secret, totp_uri(secret, operator.name), challenge)

    def enrol_password(self, untrusted_code: str, password: str, untrusted_totp: str) -> str:
        """Choose a password and the authenticator app that was shown; returns a session's token.

        Raises:
            NotFoundError: ``enrolment.unknown``.
            InvalidInputError: ``console.password``, or ``console.code`` if the app's code is not the one of now.
        """
        with reading(self._engine) as connection:
            waiting, operator = self._waiting(connection, untrusted_code)
        if waiting.totp_sealed is None:
            raise _unknown_code()
        secret = self._key.open(waiting.totp_sealed, operator.operator_id).decode()
        step = totp_step_of(secret, untrusted_totp, self._clock.now_s())
        if step is None:
            raise InvalidInputError("console.code", "This is not the code that the app shows now.")
        means = PasswordMeans(self._passwords.hash(password), waiting.totp_sealed, step)
        with writing(self._engine) as connection:
            self._use_code(connection, untrusted_code, operator)
            store.set_password(connection, operator.operator_id, means)
            return self._sessions.begin(connection, operator.operator_id)

    def enrol_passkey(self, untrusted_code: str, untrusted: CreatedPasskey, party: RelyingParty) -> str:
        """Choose a passkey; returns a session's token.

        Raises:
            NotFoundError: ``enrolment.unknown``.
            NotAllowedError: ``console.passkey``.
        """
        with writing(self._engine) as connection:
            _waiting, operator = self._waiting(connection, untrusted_code)
            self._use_code(connection, untrusted_code, operator)
            self._keep_passkey(connection, untrusted, party, operator, _to_enrol(operator))
            return self._sessions.begin(connection, operator.operator_id)

    def passkey_challenge(self) -> bytes:
        """What an authenticator has to sign, to sign in. Nothing is kept of it."""
        return passkeys.new_challenge(self._key, _SIGN_IN, self._clock.now_s())

    def further_challenge(self, operator: Operator) -> bytes:
        """The challenge for one more passkey of who is signed in."""
        return passkeys.new_challenge(self._key, _to_add(operator), self._clock.now_s())

    def add_passkey(self, operator: Operator, untrusted: CreatedPasskey, party: RelyingParty) -> None:
        """One more passkey for who is signed in.

        Raises:
            NotAllowedError: ``console.passkey``.
        """
        with writing(self._engine) as connection:
            self._keep_passkey(connection, untrusted, party, operator, _to_add(operator))
            self._note(connection, operator, AuditedAct.OPERATOR_ENROL)

    def sign_in_passkey(self, untrusted: PasskeyAnswer, party: RelyingParty) -> str:
        """Sign in; returns a session's token.

        Raises:
            NotAllowedError: ``console.passkey``.
        """
        now_s = self._clock.now_s()
        challenge = passkeys.challenge_in(self._key, _SIGN_IN, untrusted.client_data, now_s)
        with writing(self._engine) as connection:
            passkey = store.passkey(connection, untrusted.credential_id)
            if passkey is None:
                raise passkeys.refused()
            count = passkeys.answered_count(party, challenge, untrusted, passkey)
            if not entry_store.spend_challenge(connection, challenge.digest(), challenge.expires_s, now_s):
                raise passkeys.refused()
            store.count_passkey(connection, passkey.credential_id, count)
            return self._sessions.begin(connection, passkey.operator_id)

    def sign_in_password(self, untrusted: TypedPassword) -> str:
        """Sign in; returns a session's token.

        Raises:
            NotAllowedError: ``console.sign_in``, whatever was wrong.
            UnavailableError: ``console.slow_down`` after five wrong ones in a quarter of an hour.
        """
        name, now_s = untrusted.name.strip(), self._clock.now_s()
        bucket = int.from_bytes(self._key.sign("bucket", name.encode())[:4], "big") % _BUCKETS
        with writing(self._engine) as connection:
            may_try = entry_store.count_attempt(connection, bucket, now_s, ATTEMPTS, ATTEMPTS_WITHIN_S)
        if not may_try:
            raise UnavailableError("console.slow_down", "Too many wrong passwords. Please wait a quarter of an hour.")
        with reading(self._engine) as connection:
            operator = store.active_named(connection, name)
            means = None if operator is None else store.password_of(connection, operator.operator_id)
        is_right = self._passwords.is_right(untrusted.password, None if means is None else means.password_hash)
        if operator is None or means is None or not is_right:
            raise _wrong()
        secret = self._key.open(means.totp_sealed, operator.operator_id).decode()
        step = totp_step_of(secret, untrusted.code, now_s)
        with writing(self._engine) as connection:
            if step is None or not store.use_totp_step(connection, operator.operator_id, step):
                raise _wrong()
            entry_store.forget_attempts(connection, bucket)
            return self._sessions.begin(connection, operator.operator_id)

    def _waiting(self, connection: Connection, untrusted_code: str) -> tuple[WaitingEnrolment, Operator]:
        waiting = entry_store.enrolment(connection, code_hash(untrusted_code), self._clock.now_s())
        operator = None if waiting is None else store.operator(connection, waiting.operator_id)
        if waiting is None or operator is None or not operator.is_active:
            raise _unknown_code()
        return waiting, operator

    def _use_code(self, connection: Connection, untrusted_code: str, operator: Operator) -> None:
        if not entry_store.use_enrolment(connection, code_hash(untrusted_code)):
            raise _unknown_code()
        store.forget_means(connection, operator.operator_id)
        self._note(connection, operator, AuditedAct.OPERATOR_ENROL)

    def _keep_passkey(
        self, connection: Connection, untrusted: CreatedPasskey, party: RelyingParty, operator: Operator, purpose: str
    ) -> None:
        now_s = self._clock.now_s()
        challenge = passkeys.challenge_in(self._key, purpose, untrusted.client_data, now_s)
        passkey = passkeys.created_passkey(party, challenge, untrusted, operator.operator_id)
        if not entry_store.spend_challenge(connection, challenge.digest(), challenge.expires_s, now_s):
            raise passkeys.refused()
        if store.passkey(connection, passkey.credential_id) is not None:
            raise ConflictError("console.passkey_known", "This passkey is known here already.")
        store.insert_passkey(connection, passkey)

    def _note(self, connection: Connection, operator: Operator, what: AuditedAct) -> None:
        day = self._clock.now_s() // _SECONDS_A_DAY
        record = act_of(day, operator.operator_id, what, operator.operator_id)
        exchange_store.append_audit(connection, [record])


def _to_enrol(operator: Operator) -> str:
    return f"enrol {operator.operator_id}"


def _to_add(operator: Operator) -> str:
    return f"add {operator.operator_id}"


def _unknown_code() -> NotFoundError:
    return NotFoundError("enrolment.unknown", "This link has been used, is too old, or is not complete.")


def _wrong() -> NotAllowedError:
    return NotAllowedError("console.sign_in", "This name, password and code do not go together.")
