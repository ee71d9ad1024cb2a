"""SQL of operators and their means to sign in. Every function takes a connection in a transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from takeback.console.tables import ENROLMENTS, OPERATORS, PASSKEYS, SESSIONS
from takeback.console.types import Means, Operator, Passkey, PasswordMeans, Role


def insert_operator(connection: Connection, operator: Operator, day: int) -> None:
    """Keep a new operator, who cannot sign in yet."""
    row = {"operator_id": operator.operator_id, "name": operator.name, "role": operator.role.value, "day": day}
    connection.execute(insert(OPERATORS), row)


def operators(connection: Connection) -> list[Operator]:
    """All operators, removed ones too, by name."""
    with_passkey = {row.operator_id for row in connection.execute(select(PASSKEYS.c.operator_id).distinct())}
    rows = connection.execute(select(OPERATORS).order_by(OPERATORS.c.name, OPERATORS.c.operator_id))
    return [_operator(row, row.operator_id in with_passkey) for row in rows]


def operator(connection: Connection, operator_id: str) -> Operator | None:
    """One operator, removed or not."""
    row = connection.execute(select(OPERATORS).where(OPERATORS.c.operator_id == operator_id)).one_or_none()
    return None if row is None else _operator(row, _has_passkey(connection, operator_id))


def active_named(connection: Connection, name: str) -> Operator | None:
    """The active operator of this name."""
    query = select(OPERATORS).where(OPERATORS.c.name == name, OPERATORS.c.removed_day.is_(None))
    row = connection.execute(query).first()
    return None if row is None else _operator(row, _has_passkey(connection, row.operator_id))


def _has_passkey(connection: Connection, operator_id: str) -> bool:
    query = select(func.count()).select_from(PASSKEYS).where(PASSKEYS.c.operator_id == operator_id)
    return bool(connection.execute(query).scalar_one())


def _operator(row: Row[Any], has_passkey: bool) -> Operator:
    means = ((Means.PASSKEY, has_passkey), (Means.PASSWORD, row.password_hash is not None))
    return Operator(
        row.operator_id,
        row.name,
        Role(row.role),
        row.removed_day is None,
        frozenset(name for name, is_there in means if is_there),
    )


def set_role(connection: Connection, operator_id: str, role: Role) -> None:
    """Change what an operator may do, from the next request on."""
    connection.execute(update(OPERATORS).where(OPERATORS.c.operator_id == operator_id).values(role=role.value))


def mark_removed(connection: Connection, operator_id: str, day: int) -> None:
    """Let an operator in no more. The name stays for the audit log; everything to sign in with goes."""
    forget_means(connection, operator_id)
    connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.operator_id == operator_id))
    connection.execute(update(OPERATORS).where(OPERATORS.c.operator_id == operator_id).values(removed_day=day))


def forget_means(connection: Connection, operator_id: str) -> None:
    """Forget password, second factor and passkeys, and end every session."""
    connection.execute(delete(PASSKEYS).where(PASSKEYS.c.operator_id == operator_id))
    connection.execute(delete(SESSIONS).where(SESSIONS.c.operator_id == operator_id))
    nothing = {"password_hash": None, "totp_sealed": None, "totp_step": None}
    connection.execute(update(OPERATORS).where(OPERATORS.c.operator_id == operator_id).values(**nothing))


def set_password(connection: Connection, operator_id: str, means: PasswordMeans) -> None:
    """Keep a password's hash and its second factor."""
    values = {
        "password_hash": means.password_hash,
        "totp_sealed": means.totp_sealed,
        "totp_step": means.totp_step,
    }
    connection.execute(update(OPERATORS).where(OPERATORS.c.operator_id == operator_id).values(**values))


def password_of(connection: Connection, operator_id: str) -> PasswordMeans | None:
    """An operator's password means, or ``None``."""
    row = connection.execute(select(OPERATORS).where(OPERATORS.c.operator_id == operator_id)).one()
    if row.password_hash is None:
        return None
    return PasswordMeans(row.password_hash, bytes(row.totp_sealed), row.totp_step)


def use_totp_step(connection: Connection, operator_id: str, step: int) -> bool:
    """Use a time step up, with all before it.

    Returns:
        Whether it was still to be used: of two requests with one code, one wins.
    """
    statement = (
        update(OPERATORS)
        .where(OPERATORS.c.operator_id == operator_id, OPERATORS.c.totp_step < step)
        .values(totp_step=step)
    )
    return connection.execute(statement).rowcount == 1


def insert_passkey(connection: Connection, passkey: Passkey) -> None:
    """Keep a passkey."""
    row = {
        "credential_id": passkey.credential_id,
        "operator_id": passkey.operator_id,
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
    }
    connection.execute(insert(PASSKEYS), row)


def passkey(connection: Connection, credential_id: bytes) -> Passkey | None:
    """A passkey by the authenticator's name for it."""
    row = connection.execute(select(PASSKEYS).where(PASSKEYS.c.credential_id == credential_id)).one_or_none()
    return None if row is None else _passkey(row)


def passkeys_of(connection: Connection, operator_id: str) -> list[Passkey]:
    """An operator's passkeys."""
    rows = connection.execute(select(PASSKEYS).where(PASSKEYS.c.operator_id == operator_id))
    return [_passkey(row) for row in rows]


def count_passkey(connection: Connection, credential_id: bytes, sign_count: int) -> None:
    """Remember an authenticator's count."""
    statement = update(PASSKEYS).where(PASSKEYS.c.credential_id == credential_id).values(sign_count=sign_count)
    connection.execute(statement)


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(bytes(row.credential_id), row.operator_id, bytes(row.public_key), row.sign_count)


def names(connection: Connection, operator_ids: Iterable[str]) -> dict[str, str]:
    """Names by id, of those that are operators."""
    query = select(OPERATORS.c.operator_id, OPERATORS.c.name).where(OPERATORS.c.operator_id.in_(set(operator_ids)))
    return {row.operator_id: row.name for row in connection.execute(query)}
