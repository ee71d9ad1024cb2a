"""SQL of getting in: enrolment codes, sessions, spent challenges, failed attempts."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from takeback.console.tables import ATTEMPTS, ENROLMENTS, SESSIONS, SPENT_CHALLENGES
from takeback.db.insert import insert_if_new, insert_or_replace


@dataclass(frozen=True, slots=True)
class WaitingEnrolment:
    """An enrolment code that can be used."""

    operator_id: str
    totp_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session's row; times in Unix seconds."""

    operator_id: str
    began_s: int
    seen_s: int


def replace_enrolment(connection: Connection, code_hash: bytes, operator_id: str, expires_s: int) -> None:
    """Keep a code; an earlier one of the same operator is good no more."""
    connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.operator_id == operator_id))
    row = {"code_hash": code_hash, "operator_id": operator_id, "expires_s": expires_s}
    connection.execute(insert(ENROLMENTS), row)


def enrolment(connection: Connection, code_hash: bytes, now_s: int) -> WaitingEnrolment | None:
    """A code that is good now."""
    query = select(ENROLMENTS).where(ENROLMENTS.c.code_hash == code_hash, ENROLMENTS.c.expires_s > now_s)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return WaitingEnrolment(row.operator_id, None if row.totp_sealed is None else bytes(row.totp_sealed))


def offer_totp(connection: Connection, code_hash: bytes, totp_sealed: bytes) -> None:
    """Keep the second factor that is offered with a code."""
    statement = update(ENROLMENTS).where(ENROLMENTS.c.code_hash == code_hash).values(totp_sealed=totp_sealed)
    connection.execute(statement)


def use_enrolment(connection: Connection, code_hash: bytes) -> bool:
    """Use a code up; of two requests with one code, one gets ``True``."""
    return connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.code_hash == code_hash)).rowcount == 1


def insert_session(connection: Connection, token_hash: bytes, operator_id: str, now_s: int) -> None:
    """Keep a new session."""
    row = {"token_hash": token_hash, "operator_id": operator_id, "began_s": now_s, "seen_s": now_s}
    connection.execute(insert(SESSIONS), row)


def session(connection: Connection, token_hash: bytes) -> KeptSession | None:
    """A session, ended by time or not."""
    row = connection.execute(select(SESSIONS).where(SESSIONS.c.token_hash == token_hash)).one_or_none()
    return None if row is None else KeptSession(row.operator_id, row.began_s, row.seen_s)


def touch_session(connection: Connection, token_hash: bytes, now_s: int) -> None:
    """Note that a session was used."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.token_hash == token_hash).values(seen_s=now_s))


def delete_session(connection: Connection, token_hash: bytes) -> bool:
    """End a session; whether there was one."""
    return connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash == token_hash)).rowcount == 1


def trim_sessions(connection: Connection, operator_id: str, keep: int, began_before_s: int) -> None:
    """Drop everybody's sessions that are over, and an operator's oldest so that ``keep`` remain."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.began_s <= began_before_s))
    query = (
        select(SESSIONS.c.token_hash)
        .where(SESSIONS.c.operator_id == operator_id)
        .order_by(SESSIONS.c.began_s.desc(), SESSIONS.c.seen_s.desc())
        .offset(keep)
    )
    surplus = [bytes(row.token_hash) for row in connection.execute(query)]
    connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash.in_(surplus)))


def spend_challenge(connection: Connection, challenge_hash: bytes, expires_s: int, now_s: int) -> bool:
    """Use a challenge up; ``False`` if that was done before."""
    connection.execute(delete(SPENT_CHALLENGES).where(SPENT_CHALLENGES.c.expires_s <= now_s))
    return insert_if_new(connection, SPENT_CHALLENGES, {"challenge_hash": challenge_hash, "expires_s": expires_s})


def count_attempt(connection: Connection, bucket: int, now_s: int, allowed: int, window_s: int) -> bool:
    """Count an attempt before it is judged, so that many at once are as many as one after the other.

    Returns:
        Whether it may be judged.
    """
    row = connection.execute(select(ATTEMPTS).where(ATTEMPTS.c.bucket == bucket).with_for_update()).one_or_none()
    is_new = row is None or now_s >= row.since_s + window_s
    failures, since_s = (0, now_s) if row is None or is_new else (row.failures, row.since_s)
    if failures >= allowed:
        return False
    kept = {"bucket": bucket, "failures": failures + 1, "since_s": since_s}
    insert_or_replace(connection, ATTEMPTS, [kept], ("failures", "since_s"))
    return True


def forget_attempts(connection: Connection, bucket: int) -> None:
    """Begin to count anew, after a good one."""
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.bucket == bucket))
