"""SQL of the exchange: partners, the change log as it is handed out, heads' times, the audit log.

Every function takes a connection in a transaction; none begins or ends one.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from takeback.db.insert import insert_if_new
from takeback.exchange.audit import FIRST_CHAIN, NO_LIST, next_audit_chain
from takeback.exchange.tables import AUDIT, AUDIT_TAIL, HEADS, PARTNER_KEYS, PARTNERS
from takeback.exchange.types import AuditedAct, AuditRecord, KeyHashes, Partner, PartnerKey, Scope
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.registry.addressed import withheld_from
from takeback.registry.batch_store import DIGESTED
from takeback.registry.tables import CHANGES
from takeback.wire.feed_v1 import withhold

_EPOCH = date(1970, 1, 1)
_OP_OF_NUMBER = {1: Op.ADD, 2: Op.REMOVE}
_TAIL_ID = 1


def insert_partner(connection: Connection, partner: Partner, day: int) -> None:
    """Keep a new partner."""
    connection.execute(
        insert(PARTNERS), {"partner_id": partner.partner_id, "day": day, "revoked_day": None, **_terms(partner)}
    )


def update_partner(connection: Connection, partner: Partner) -> None:
    """Change what a partner is called and may do."""
    connection.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner.partner_id).values(**_terms(partner)))


def _terms(partner: Partner) -> dict[str, object]:
    return {
        "name": partner.name,
        "lists": " ".join(sorted(name.value for name in partner.lists)),
        "scopes": " ".join(sorted(scope.value for scope in partner.scopes)),
        "requests_per_minute": partner.requests_per_minute,
        "networks": " ".join(partner.networks),
    }


def partners(connection: Connection) -> list[Partner]:
    """All partners, by name."""
    rows = connection.execute(select(PARTNERS).order_by(PARTNERS.c.name, PARTNERS.c.partner_id))
    return [_partner(row) for row in rows]


def partner(connection: Connection, partner_id: str) -> Partner | None:
    """A partner, revoked or not."""
    row = connection.execute(select(PARTNERS).where(PARTNERS.c.partner_id == partner_id)).one_or_none()
    return None if row is None else _partner(row)


def key_hashes(connection: Connection, partner_id: str, now_s: int) -> list[KeyHashes]:
    """What is kept of a partner's keys that are good now."""
    keys = PARTNER_KEYS.c
    query = select(keys.secret_hash, keys.ncmec_hash, keys.stopncii_hash).where(
        keys.partner_id == partner_id, or_(keys.valid_until.is_(None), keys.valid_until > now_s)
    )
    return [KeyHashes(*(None if part is None else bytes(part) for part in row)) for row in connection.execute(query)]


def add_key(connection: Connection, key: PartnerKey, day: int) -> None:
    """Keep the hashes of a partner's newest key."""
    credentials = key.credentials()
    connection.execute(
        insert(PARTNER_KEYS),
        {
            "secret_hash": key.secret_hash(),
            "partner_id": key.partner_id,
            "ncmec_hash": credentials.ncmec_hash(),
            "stopncii_hash": credentials.stopncii_hash(),
            "day": day,
            "valid_until": None,
        },
    )


def end_keys(connection: Connection, partner_id: str, now_s: int, valid_until_s: int) -> None:
    """Let every key a partner has end then, unless it ends before, and forget those that have ended."""
    keys = PARTNER_KEYS.c
    ours = keys.partner_id == partner_id
    later = or_(keys.valid_until.is_(None), keys.valid_until > valid_until_s)
    connection.execute(update(PARTNER_KEYS).where(ours, later).values(valid_until=valid_until_s))
    connection.execute(delete(PARTNER_KEYS).where(ours, keys.valid_until <= now_s))


def end_replaced_keys(connection: Connection, partner_id: str) -> int:
    """Forget every key of a partner but the newest; how many there were."""
    keys = PARTNER_KEYS.c
    gone = connection.execute(
        delete(PARTNER_KEYS).where(keys.partner_id == partner_id, keys.valid_until.is_not(None)),
        execution_options={"preserve_rowcount": True},
    )
    return int(gone.rowcount)


def revoke_partner(connection: Connection, partner_id: str, day: int) -> None:
    """Refuse a partner from now on, and forget its keys."""
    connection.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner_id).values(revoked_day=day))
    connection.execute(delete(PARTNER_KEYS).where(PARTNER_KEYS.c.partner_id == partner_id))


def _partner(row: Row[Any]) -> Partner:
    return Partner(
        partner_id=row.partner_id,
        name=row.name,
        lists=frozenset(Algorithm(name) for name in row.lists.split()),
        is_active=row.revoked_day is None,
        scopes=frozenset(Scope(name) for name in row.scopes.split()),
        requests_per_minute=row.requests_per_minute,
        networks=tuple(row.networks.split()),
    )


def changes_after(connection: Connection, name: Algorithm, after: int, limit: int) -> list[Change]:
    """The next changes of a log as the registry has them, in order. What a partner gets: :func:`changes_for`."""
    query = (
        select(CHANGES).where(CHANGES.c.list == name.value, CHANGES.c.seq > after).order_by(CHANGES.c.seq).limit(limit)
    )
    return [change_of(name, row) for row in connection.execute(query)]


def changes_for(connection: Connection, partner_id: str, name: Algorithm, after: int, limit: int) -> list[Change]:
    """The next changes of a log, in order, without the values that this partner is not told (feed-v1 §4.5)."""
    query = (
        select(CHANGES, withheld_from(partner_id).label("is_withheld"))
        .where(CHANGES.c.list == name.value, CHANGES.c.seq > after)
        .order_by(CHANGES.c.seq)
        .limit(limit)
    )
    return [told_change_of(name, row) for row in connection.execute(query)]


def told_change_of(name: Algorithm, row: Row[Any]) -> Change:
    """A change from a row of ``changes`` that also says whether its value ``is_withheld``."""
    change = change_of(name, row)
    return withhold(change) if row.is_withheld and change.op is Op.ADD else change


def change_of(name: Algorithm, row: Row[Any]) -> Change:
    """A change from a row of ``changes``."""
    return Change(
        list=name,
        seq=row.seq,
        op=_OP_OF_NUMBER[row.op],
        entry_id=bytes(row.entry_id).hex(),
        value=None if row.value is None else bytes(row.value).hex(),
        quality=row.quality,
        day=_EPOCH + timedelta(days=row.day),
        is_digested=row.form == DIGESTED,
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
