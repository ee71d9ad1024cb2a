"""What people do at the registry is in the audit log; how large lists were is known by day. On either database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, select, text

from takeback.db import open_database, reading
from takeback.db.engine import _APPLICATION_IDS
from takeback.db.schema import _config
from takeback.errors import InvalidInputError, NotFoundError
from takeback.exchange import store
from takeback.exchange.audit import verify_audit
from takeback.exchange.types import BY_COMMAND, AuditedAct, AuditRecord
from takeback.model.fingerprint import Algorithm
from takeback.registry.tables import CHANGES, LIST_SIZES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.registry_rig import RegistryRig


def _acts(rig: RegistryRig) -> list[tuple[str, str, str | None]]:
    with reading(rig.registry.engine) as connection:
        return [
            (record.actor_id, record.what.value, record.subject)
            for _seq, record in store.audit_page(connection, None, 99)
        ]


def test_everything_done_to_a_partner_is_a_line_that_says_who(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    first = rig.partner.partner.partner_id
    second = partners.add("Second", [Algorithm.MD5], by="operator").partner.partner_id
    partners.rescope(second, [Algorithm.PDQ], by="operator")
    partners.rotate(second, by="operator")
    partners.revoke(second, by="operator")
    partners.revoke(second, by="operator")
    assert _acts(rig) == [
        ("operator", "partner-revoke", second),
        ("operator", "partner-rotate", second),
        ("operator", "partner-scope", second),
        ("operator", "partner-add", second),
        (BY_COMMAND, "partner-add", first),
    ]
    assert rig.registry.services.feed.verify_audit_log() == 5


def test_a_partner_gets_what_its_scope_says_from_then_on(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    partner_id = rig.partner.partner.partner_id
    assert partners.rescope(partner_id, [Algorithm.MD5]).lists == {Algorithm.MD5}
    assert partners.recognise(rig.partner.key.text()).lists == {Algorithm.MD5}
    with pytest.raises(InvalidInputError):
        partners.rescope(partner_id, [])
    partners.revoke(partner_id)
    with pytest.raises(NotFoundError):
        partners.rescope(partner_id, [Algorithm.PDQ])


def test_the_log_is_read_in_pages_from_its_end(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    for i in range(4):
        partners.add(f"Platform {i}")
    with reading(rig.registry.engine) as connection:
        newest = store.audit_page(connection, None, 3)
        older = store.audit_page(connection, newest[-1][0], 3)
    assert [seq for seq, _ in newest + older] == [5, 4, 3, 2, 1]


def _sizes(rig: RegistryRig) -> list[tuple[str, int, int]]:
    query = select(LIST_SIZES).order_by(LIST_SIZES.c.list, LIST_SIZES.c.day)
    with reading(rig.registry.engine) as connection:
        return [(row.list, row.day, row.live_count) for row in connection.execute(query)]


def test_the_size_of_a_list_is_kept_for_each_day_it_changed(rig: RegistryRig) -> None:
    day = rig.clock.now_s() // 86_400
    person = rig.submits(rig.md5(), rig.md5(), rig.pdq())
    rig.batch()
    rig.submits(rig.md5())
    rig.batch()
    rig.clock.advance(3 * 86_400)
    rig.withdraws(person.tokens[0], person.tokens[2])
    rig.batch()
    assert _sizes(rig) == [("md5", day, 3), ("md5", day + 3, 2), ("pdq", day, 1), ("pdq", day + 3, 0)]


def _as_the_first_version_left_it(url: str) -> None:
    """Two days on one list, and a pull with its chain value, as the first version computed it."""
    engine = create_engine(url)
    first_chain = hashlib.sha256(b"takeback/audit/v1").digest()
    line = hashlib.sha256(first_chain + b"1\t20000\t0123456789abcdef\tpull\tmd5\t0\t3").digest()
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_IDS['registry']}")
        command.upgrade(_config(connection, "registry"), "registry_0001")
        for seq, op, day in ((1, 1, 20_000), (2, 1, 20_000), (3, 2, 20_002), (4, 1, 20_002), (5, 1, 20_002)):
            change = {"list": "md5", "seq": seq, "op": op, "entry_id": bytes(16), "day": day}
            connection.execute(insert(CHANGES), change)
        connection.execute(
            text("INSERT INTO audit VALUES (1, 20000, '0123456789abcdef', 'pull', 'md5', 0, 3, :chain)"),
            {"chain": line},
        )
    engine.dispose()


def test_an_older_database_comes_along_with_its_data(new_database: Callable[[], str]) -> None:
    """What the first version wrote still verifies and reads the same, and its sizes are worked out."""
    url = new_database()
    _as_the_first_version_left_it(url)
    engine = open_database(url, "registry")
    query = select(LIST_SIZES.c.day, LIST_SIZES.c.live_count).order_by(LIST_SIZES.c.day)
    with reading(engine) as connection:
        assert [tuple(row) for row in connection.execute(query)] == [(20_000, 2), (20_002, 3)]
        assert verify_audit(store.audit_lines(connection)) == 1
        ((_seq, record),) = store.audit_page(connection, None, 9)
    engine.dispose()
    assert record == AuditRecord(20_000, "0123456789abcdef", AuditedAct.PULL, Algorithm.MD5, 0, 3, None)
