"""Who works at the registry: add, give another link, change a role, remove.

The console and the command line use the same service.
The last operator who may act cannot be removed or made an auditor: the registry would have nobody.
"""

import secrets
from hashlib import sha256

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.console import entry_store, store
from takeback.console.types import Enrolment, Operator, Role
from takeback.db import reading, writing
from takeback.errors import ConflictError, InvalidInputError, NotFoundError
from takeback.exchange import store as exchange_store
from takeback.exchange.types import BY_COMMAND, AuditedAct, act_of

MAX_NAME = 80
_SECONDS_A_DAY = 86_400
_CODE_GROUPS = 5
_CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class OperatorService:
    """Operators over one database; what changes one is a line of the audit log.

    Args:
        engine: the registry's database.
        clock: the time.
        enrolment_s: seconds for which a code is good.
    """

    def __init__(self, engine: Engine, clock: Clock, enrolment_s: int) -> None:
        self._engine = engine
        self._clock = clock
        self._enrolment_s = enrolment_s

    def add(self, name: str, role: Role, by: str = BY_COMMAND) -> Enrolment:
        """Take in an operator, who then chooses with the code how to sign in.

        Raises:
            InvalidInputError: ``operator.name``.
            ConflictError: ``operator.exists``.
        """
        clean = name.strip()
        if not clean or len(clean) > MAX_NAME or not clean.isprintable():
            raise InvalidInputError("operator.name", f"An operator's name has 1 to {MAX_NAME} printable characters.")
        operator = Operator(secrets.token_hex(8), clean, role, is_active=True)
        with writing(self._engine) as connection:
            if store.active_named(connection, clean) is not None:
                raise ConflictError("operator.exists", f"There is an operator named '{clean}' already.")
            store.insert_operator(connection, operator, self._today())
            self._note(connection, by, AuditedAct.OPERATOR_ADD, operator.operator_id)
            return self._new_code(connection, operator)

    def all(self) -> list[Operator]:
        """Every operator, removed ones too, by name."""
        with reading(self._engine) as connection:
            return store.operators(connection)

    def find(self, untrusted_name_or_id: str) -> Operator:
        """The active operator of this name or id.

        Raises:
            NotFoundError: ``operator.unknown``.
        """
        with reading(self._engine) as connection:
            found = store.active_named(connection, untrusted_name_or_id.strip())
            found = found or store.operator(connection, untrusted_name_or_id.strip())
        if found is None or not found.is_active:
            raise _unknown()
        return found

    def give_code(self, operator_id: str, by: str = BY_COMMAND) -> Enrolment:
        """Another code, for who has lost what they signed in with. Used, it replaces all of that.

        Raises:
            NotFoundError: ``operator.unknown``.
        """
        with writing(self._engine) as connection:
            operator = _active(connection, operator_id)
            self._note(connection, by, AuditedAct.OPERATOR_CODE, operator_id)
            return self._new_code(connection, operator)

    def set_role(self, operator_id: str, role: Role, by: str = BY_COMMAND) -> Operator:
        """Change what an operator may do, from their next request on.

        Raises:
            NotFoundError: ``operator.unknown``.
            ConflictError: ``operator.last``.
        """
        with writing(self._engine) as connection:
            operator = _active(connection, operator_id)
            if role is not operator.role:
                if role is not Role.OPERATOR:
                    _keep_one_who_acts(connection, operator)
                store.set_role(connection, operator_id, role)
                self._note(connection, by, AuditedAct.OPERATOR_ROLE, operator_id)
            return _active(connection, operator_id)

    def remove(self, operator_id: str, by: str = BY_COMMAND) -> None:
        """Let an operator in no more; their sessions end with their next request. Doing it again changes nothing.

        Raises:
            NotFoundError: ``operator.unknown``.
            ConflictError: ``operator.last``.
        """
        with writing(self._engine) as connection:
            operator = store.operator(connection, operator_id)
            if operator is None:
                raise _unknown()
            if operator.is_active:
                _keep_one_who_acts(connection, operator)
                store.mark_removed(connection, operator_id, self._today())
                self._note(connection, by, AuditedAct.OPERATOR_REMOVE, operator_id)

    def _new_code(self, connection: Connection, operator: Operator) -> Enrolment:
        groups = ("".join(secrets.choice(_CODE_ALPHABET) for _ in range(4)) for _ in range(_CODE_GROUPS))
        code = "-".join(groups)
        expires_s = self._clock.now_s() + self._enrolment_s
        entry_store.replace_enrolment(connection, code_hash(code), operator.operator_id, expires_s)
        return Enrolment(operator, code, expires_s)

    def _note(self, connection: Connection, by: str, what: AuditedAct, operator_id: str) -> None:
        exchange_store.append_audit(connection, [act_of(self._today(), by, what, operator_id)])

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def code_hash(untrusted_code: str) -> bytes:
    """What is kept of a code: 32 bytes, the same however it was typed. A code has 99 random bits, so no slow hash."""
    plain = "".join(c for c in untrusted_code.lower() if c.isascii() and c.isalnum())
    return sha256(b"takeback/console/enrolment" + plain.encode()).digest()


def _keep_one_who_acts(connection: Connection, going: Operator) -> None:
    others = (other for other in store.operators(connection) if other.operator_id != going.operator_id)
    if going.role is Role.OPERATOR and not any(other.is_active and other.role is Role.OPERATOR for other in others):
        raise ConflictError("operator.last", "This is the last operator who may act. Add another one first.")


def _active(connection: Connection, operator_id: str) -> Operator:
    operator = store.operator(connection, operator_id)
    if operator is None or not operator.is_active:
        raise _unknown()
    return operator


def _unknown() -> NotFoundError:
    return NotFoundError("operator.unknown", "There is no such operator here. See: takeback operator list")
