"""SQL of the exchange: partners, the change log as it is handed out, heads' times, the audit log.

Every function takes a connection in a transaction; none begins or ends one.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from takeback.db.insert import insert_if_new
from takeback.exchange.audit import FIRST_CHAIN, NO_LIST, next_audit_chain
from takeback.exchange.tables import AUDIT, AUDIT_TAIL, HEADS, PARTNERS
from takeback.exchange.types import AuditedAct, AuditRecord, Partner
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.registry.tables import CHANGES

_EPOCH = date(1970, 1, 1)
_OP_OF_NUMBER = {1: Op.ADD, 2: Op.REMOVE}
_TAIL_ID = 1


def insert_partner(connection: Connection, partner: Partner, secret_hash: bytes, day: int) -> None:
    """Keep a new partner."""
    connection.execute(
        insert(PARTNERS),
        {
            "partner_id": partner.partner_id,
            "name": partner.name,
            "secret_hash": secret_hash,
            "lists": " ".join(sorted(name.value for name in partner.lists)),
            "day": day,
            "revoked_day": None,
        },
    )


def partners(connection: Connection) -> list[Partner]:
    """All partners, by name."""
    rows = connection.execute(select(PARTNERS).order_by(PARTNERS.c.name, PARTNERS.c.partner_id))
    return [_partner(row) for row in rows]


def partner_and_secret(connection: Connection, partner_id: str) -> tuple[Partner, bytes] | None:
    """A partner and the hash of its secret, or ``None``."""
    row = connection.execute(select(PARTNERS).where(PARTNERS.c.partner_id == partner_id)).one_or_none()
    return None if row is None else (_partner(row), bytes(row.secret_hash))


def replace_secret(connection: Connection, partner_id: str, secret_hash: bytes) -> None:
    """Give a partner another secret; the one before is worth nothing from then on."""
    connection.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner_id).values(secret_hash=secret_hash))


def rescope_partner(connection: Connection, partner: Partner) -> None:
    """Change which lists a partner may pull."""
    names = " ".join(sorted(name.value for name in partner.lists))
    connection.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner.partner_id).values(lists=names))


def revoke_partner(connection: Connection, partner_id: str, day: int) -> None:
    """Refuse a partner from now on."""
    connection.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner_id).values(revoked_day=day))


def _partner(row: Row[Any]) -> Partner:
    lists = frozenset(Algorithm(name) for name in row.lists.split())
    return Partner(row.partner_id, row.name, lists, row.revoked_day is None)


def changes_after(connection: Connection, name: Algorithm, after: int, limit: int) -> list[Change]:
    """The next changes of a log, in order."""
    query = (
        select(CHANGES).where(CHANGES.c.list == name.value, CHANGES.c.seq > after).order_by(CHANGES.c.seq).limit(limit)
    )
    return [_change(name, row) for row in connection.execute(query)]


def _change(name: Algorithm, row: Row[Any]) -> Change:
    return Change(
        list=name,
        seq=row.seq,
        op=_OP_OF_NUMBER[row.op],
        entry_id=bytes(row.entry_id).hex(),
        value=None if row.value is None else bytes(row.value).hex(),
        quality=row.quality,
        day=_EPOCH + timedelta(days=row.day),
    )


def issued(connection: Connection, name: Algorithm) -> int | None:
    """When a list's head was last vouched for, Unix seconds."""
    return connection.execute(select(HEADS.c.issued).where(HEADS.c.list == name.value)).scalar_one_or_none()


def vouch(connection: Connection, name: Algorithm, now_s: int) -> int:
    """Vouch for a list's head now, unless that was done later already (feed-v1 §5: ``issued`` never goes back)."""
    insert_if_new(connection, HEADS, {"list": name.value, "issued": now_s})
    connection.execute(update(HEADS).where(HEADS.c.list == name.value, HEADS.c.issued < now_s).values(issued=now_s))
    return int(connection.execute(select(HEADS.c.issued).where(HEADS.c.list == name.value)).scalar_one())


def append_audit(connection: Connection, records: Sequence[AuditRecord]) -> None:
    """Write to the audit log; two processes that do so wait for each other."""
    insert_if_new(connection, AUDIT_TAIL, {"id": _TAIL_ID, "seq": 0, "chain": FIRST_CHAIN})
    tail = connection.execute(select(AUDIT_TAIL).where(AUDIT_TAIL.c.id == _TAIL_ID).with_for_update()).one()
    seq, chain = tail.seq, bytes(tail.chain)
    for record in records:
        seq += 1
        chain = next_audit_chain(chain, seq, record)
        connection.execute(
            insert(AUDIT),
            {
                "seq": seq,
                "day": record.day,
                "actor_id": record.actor_id,
                "what": record.what.value,
                "list": NO_LIST if record.list is None else record.list.value,
                "first_seq": record.first_seq,
                "last_seq": record.last_seq,
                "chain": chain,
                "subject": record.subject,
            },
        )
    connection.execute(update(AUDIT_TAIL).where(AUDIT_TAIL.c.id == _TAIL_ID).values(seq=seq, chain=chain))


def audit_lines(connection: Connection) -> Iterator[tuple[int, AuditRecord, bytes]]:
    """The whole audit log, from the first line."""
    for row in connection.execute(select(AUDIT).order_by(AUDIT.c.seq)):
        yield row.seq, _audit_record(row), bytes(row.chain)


def audit_page(connection: Connection, before: int | None, limit: int) -> list[tuple[int, AuditRecord]]:
    """The newest lines, or those before one, newest first."""
    query = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(AUDIT.c.seq < before)
    return [(row.seq, _audit_record(row)) for row in connection.execute(query)]


def _audit_record(row: Row[Any]) -> AuditRecord:
    name = None if row.list == NO_LIST else Algorithm(row.list)
    return AuditRecord(row.day, row.actor_id, AuditedAct(row.what), name, row.first_seq, row.last_seq, row.subject)
