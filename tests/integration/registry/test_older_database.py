"""A database of an earlier version, with data in it, is brought forward and goes on working."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, timedelta
from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import create_engine, inspect, text

from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.db import reading, schema
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.registry.verification import verify_lists
from takeback.wire.feed_v1 import first_chain, next_chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection
    from tests.registry_rig import RegistryRig

FIRST = "registry_0001"


def _go_back(rig: RegistryRig, version: str, fill: Callable[[Connection], None]) -> None:
    """Empty the database, make it what an earlier version made, and put something in."""
    rig.registry.close()
    engine = create_engine(rig.url)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA foreign_keys = OFF"))
        for name in inspect(connection).get_table_names():
            cascade = "" if connection.dialect.name == "sqlite" else " CASCADE"
            connection.execute(text(f'DROP TABLE "{name}"{cascade}'))
        command.upgrade(schema._config(connection, "registry"), version)
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()


LISTED_TOKEN, LEAVING_TOKEN, WAITING_TOKEN = (bytes([number]) * 16 for number in (1, 2, 3))
CASE_ID, WAITING_ID = b"c" * 16, b"w" * 16
VALUE, OTHER_VALUE, WAITING_VALUE = (secrets.token_bytes(16) for _ in range(3))


def _fill(connection: Connection) -> None:
    day, chain = 20_000, first_chain(Algorithm.MD5)
    put = {"case": CASE_ID, "waiting": WAITING_ID, "sealed": b"s" * 1052, "day": day}
    connection.execute(text("INSERT INTO cases VALUES (:case, :sealed, :day)"), put)
    connection.execute(text("INSERT INTO intake VALUES (:waiting, :sealed, :day)"), put)
    connection.execute(
        text(
            "INSERT INTO intake_holds (token_hash, case_id, algorithm, value) VALUES (:hash, :waiting, 'md5', :value)"
        ),
        {**put, "hash": hashlib.sha256(WAITING_TOKEN).digest(), "value": WAITING_VALUE},
    )
    connection.execute(
        text("INSERT INTO intake_withdrawals VALUES (:hash)"), {"hash": hashlib.sha256(LEAVING_TOKEN).digest()}
    )
    for seq, (token, value) in enumerate(((LISTED_TOKEN, VALUE), (LEAVING_TOKEN, OTHER_VALUE)), start=1):
        entry = {"id": secrets.token_bytes(16), "value": value, "digest": hashlib.sha256(value).digest(), "day": day}
        connection.execute(text("INSERT INTO entries VALUES (:id, 'md5', :value, :digest, NULL, :day)"), entry)
        connection.execute(
            text("INSERT INTO holds VALUES (:hash, :id)"), {**entry, "hash": hashlib.sha256(token).digest()}
        )
        connection.execute(
            text("INSERT INTO changes VALUES ('md5', :seq, 1, :id, :value, NULL, :day)"), {**entry, "seq": seq}
        )
        chain = next_chain(chain, _change(seq, entry["id"], value, day))
    connection.execute(text("INSERT INTO lists VALUES ('md5', 2, :chain, 2, :day)"), {"chain": chain, "day": day})


def _change(seq: int, entry_id: object, value: bytes, day: int) -> Change:
    assert isinstance(entry_id, bytes)
    on = date(1970, 1, 1) + timedelta(days=day)
    return Change(Algorithm.MD5, seq, Op.ADD, entry_id.hex(), value.hex(), None, on)


def test_what_an_earlier_version_stored_is_carried_forward(new_rig: Callable[[], RegistryRig]) -> None:
    rig = new_rig()
    _go_back(rig, FIRST, _fill)
    rig.registry = rig.another_process()
    rig.partner = rig.registry.services.partners.add("First platform", tuple(Algorithm))
    try:
        tokens = (LISTED_TOKEN, LEAVING_TOKEN, WAITING_TOKEN)
        states = [status.state for status in rig.status(*tokens)]
        assert states == [HoldState.LISTED, HoldState.WITHDRAWN, HoldState.BEING_ADDED]
        assert rig.registry.services.registry.open_case(CASE_ID) == b"s" * 1052
        report = rig.batch()
        assert (report.cases, report.added, report.removed) == (1, 1, 1)
        assert {change.value for change in rig.listed(Algorithm.MD5).values()} == {VALUE.hex(), WAITING_VALUE.hex()}
        rig.restart(hold_lifetime_days=91, withdrawal_delay_days=1)
        rig.withdraws(LISTED_TOKEN)
        rig.batch()
        assert rig.status(LISTED_TOKEN)[0].state is HoldState.WITHDRAWING
        assert rig.status(WAITING_TOKEN)[0].expires is not None
    finally:
        rig.registry.close()


def test_lines_of_the_guard_list_from_before_they_were_compared_are_compared_now(
    new_rig: Callable[[], RegistryRig],
) -> None:
    rig = new_rig()
    logo = rig.md5()

    def fill(connection: Connection) -> None:
        value = bytes.fromhex(logo.value)
        put = {"id": b"g" * 16, "value": value, "digest": hashlib.sha256(value).digest()}
        line = "INSERT INTO guard VALUES (:id, 'md5', :value, :digest, 'a logo', 20000)"
        connection.execute(text(line), put)
        connection.execute(text("INSERT INTO guard_version VALUES (1, 1)"))
        entry = {**put, "id": b"e" * 16}
        connection.execute(text("INSERT INTO entries VALUES (:id, 'md5', :value, :digest, NULL, 20000)"), entry)

    _go_back(rig, "registry_0007", fill)
    rig.registry = rig.another_process()
    try:
        guard = rig.registry.services.guard
        assert [line.note for line in guard.list()] == ["a logo"]
        while guard.recheck.step():
            pass
        assert [entry.entry_id for entry in guard.waiting()] == [(b"e" * 16).hex()]
        done = guard.recheck.progress()
        assert done is not None
        assert not done.is_running
        guard.add([rig.md5()])
        assert rig.registry.services.guard.recheck.step()
    finally:
        rig.registry.close()


def test_a_log_chained_by_values_goes_on_by_digests(new_rig: Callable[[], RegistryRig], tmp_path: Path) -> None:
    """Whoever followed it goes on: nothing is chained anew."""
    rig = new_rig()
    values = [secrets.token_bytes(16) for _ in range(3)]
    day = rig.clock.now_s() // 86_400

    def fill(connection: Connection) -> None:
        chain = first_chain(Algorithm.MD5)
        for seq, value in enumerate(values, start=1):
            put = {"id": secrets.token_bytes(16), "value": value, "digest": hashlib.sha256(value).digest(), "day": day}
            connection.execute(text("INSERT INTO entries VALUES (:id, 'md5', :value, :digest, NULL, :day)"), put)
            connection.execute(
                text("INSERT INTO changes VALUES ('md5', :seq, 1, :id, :value, NULL, :day)"), {**put, "seq": seq}
            )
            chain = next_chain(chain, _change(seq, put["id"], value, day))
        connection.execute(text("INSERT INTO lists VALUES ('md5', 3, :chain, 3, :day)"), {"chain": chain, "day": day})

    _go_back(rig, "registry_0008", fill)
    rig.settings = {"canaries": 44}
    rig.registry = rig.another_process()
    rig.partner = rig.registry.services.partners.add("First platform", tuple(Algorithm))
    other = rig.registry.services.partners.add("Second platform", tuple(Algorithm))
    try:
        with ListStore(tmp_path / "list") as store, Server(rig.registry.app) as server:
            key = parse_partner_key(other.key.text())
            with FeedClient.at(server.url, key, store, rig.clock) as client:
                assert client.sync_list(Algorithm.MD5).count == 3
                while not client.sync_list(Algorithm.MD5).withheld:
                    rig.submits(rig.md5(), rig.md5())
                    rig.batch()
                head = rig.head(Algorithm.MD5)
                result = client.sync_list(Algorithm.MD5)
                assert (result.seq, result.count) == (head.seq, head.count)
        changes = rig.changes(Algorithm.MD5)
        assert [change.is_digested for change in changes] == [False] * 3 + [True] * (len(changes) - 3)
        with reading(rig.registry.engine) as connection:
            assert (Algorithm.MD5, head.seq) in {(one.list, one.seq) for one in verify_lists(connection)}
    finally:
        rig.registry.close()
