"""First syncs by snapshot, resumption, compaction of the log, and what an old client may accept then."""

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url
from tests.registry_rig import Person, RegistryRig

from takeback.client.feed import FeedClient, Phase, Progress, partner_http
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.client.transport import call
from takeback.db import reading
from takeback.errors import ConflictError, NotAllowedError, NotFoundError, ProtocolViolationError, UnavailableError
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.verification import verify_lists

LIST = Algorithm.PDQ
DAY_S = 86_400


@dataclass(slots=True)
class Exchange:
    """A registry that makes snapshots of short lists too, and is served."""

    rig: RegistryRig
    url: str
    folder: Path

    def key(self) -> PartnerKey:
        return parse_partner_key(self.rig.partner.key.text())

    @contextmanager
    def client(self, name: str = "list") -> Iterator[FeedClient]:
        with (
            ListStore(self.folder / name) as store,
            FeedClient.at(self.url, self.key(), store, self.rig.clock) as client,
        ):
            yield client

    def http(self) -> httpx.Client:
        return partner_http(self.url, self.key())

    def submit(self, count: int) -> Person:
        person = self.rig.submits(*(self.rig.pdq() for _ in range(count)))
        self.rig.batch()
        return person

    def withdraw(self, person: Person, *which: int) -> None:
        self.rig.withdraws(*(person.tokens[i] for i in which))
        self.rig.batch()

    def days_later(self, days: int) -> None:
        self.rig.clock.advance(days * DAY_S)
        self.rig.registry.keeper.run_once()


@pytest.fixture
def exchange(new_rig: Callable[[], RegistryRig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setenv("TAKEBACK_SNAPSHOT_MIN_CHANGES", "5")
    monkeypatch.setenv("TAKEBACK_FEED_KEEP_DAYS", "3")
    rig = new_rig()
    try:
        with Server(rig.registry.app) as server:
            yield Exchange(rig, server.url, tmp_path / "stores")
    finally:
        rig.registry.close()


def _values(client: FeedClient) -> set[str | None]:
    return {change.value for change in client.store.entries(LIST)}


def _submitted(person: Person) -> list[str]:
    return [held.fingerprint.value for held in person.submission.fingerprints]


def test_a_first_sync_takes_the_snapshot_and_goes_on_with_the_log(exchange: Exchange) -> None:
    first = exchange.submit(20)
    exchange.withdraw(first, 0, 1)
    exchange.rig.registry.keeper.run_once()
    second = exchange.submit(2)
    told: list[Progress] = []
    with exchange.client() as client:
        client.steps.on_progress = told.append
        (result,) = client.sync_once([LIST])
        assert (result.seq, result.count, result.added) == (24, 20, 20)
        assert _values(client) == {*_submitted(first)[2:], *_submitted(second)}
        assert list(client.store.entries(LIST)) == sorted(
            exchange.rig.listed(LIST).values(), key=lambda change: change.seq
        )
        assert [path.name for path in client.store.folder.glob("*.part")] == []
    assert [one.phase for one in told][-1] is Phase.CHANGES
    snapshots = [one for one in told if one.phase is Phase.SNAPSHOT]
    assert snapshots[-1].done == snapshots[-1].total > 18 * 51


def test_a_snapshot_that_is_asked_for_is_made_meanwhile(exchange: Exchange) -> None:
    exchange.submit(20)
    with exchange.http() as http, pytest.raises(UnavailableError) as refusal:
        call(http, "GET", "/feed/v1/pdq/snapshot")
    assert refusal.value.code == "snapshot.building"
    exchange.rig.registry.keeper.start()
    with exchange.client() as client:
        assert client.sync_once([LIST])[0].count == 20


def test_a_short_list_needs_none(exchange: Exchange) -> None:
    exchange.submit(3)
    exchange.rig.registry.keeper.run_once()
    with exchange.http() as http, pytest.raises(NotFoundError) as refusal:
        call(http, "GET", "/feed/v1/pdq/snapshot")
    assert refusal.value.code == "snapshot.none"
    with exchange.client() as client:
        assert client.sync_once([LIST])[0].count == 3


def test_a_download_goes_on_where_it_was_cut(exchange: Exchange) -> None:
    exchange.submit(200)
    exchange.rig.registry.keeper.run_once()
    with exchange.client() as client:
        steps = client.steps.list_steps(LIST)
        fetch = next(steps)
        while not hasattr(fetch, "part"):
            fetch = steps.send(client._perform(fetch))
        client._perform(fetch)
        whole = fetch.part.path.read_bytes()
        assert fetch.part.path.stat().st_mode & 0o777 == 0o600
        fetch.part.path.write_bytes(whole[:3000])
        steps.close()
    asked: list[str | None] = []
    with exchange.client() as client:
        client.http.event_hooks["request"].append(lambda request: asked.append(request.headers.get("range")))
        client.sync_once([LIST])
        assert client.store.state(LIST).applied.count == 200
    assert [one for one in asked if one] == ["bytes=3000-"]


def test_ranges_and_entitlement_of_the_file(exchange: Exchange) -> None:
    exchange.submit(20)
    exchange.rig.registry.keeper.run_once()
    (file,) = (exchange.rig.folder / "snapshots").glob("pdq.*.snapshot")
    digest = file.name.split(".")[1]
    path = f"/feed/v1/pdq/snapshot/{digest}"
    with exchange.http() as http:
        part = http.get(path, headers={"Range": "bytes=10-19", "If-Range": f'"{digest}"'})
        assert (part.status_code, part.content) == (206, file.read_bytes()[10:20])
        assert part.headers["etag"] == f'"{digest}"'
        whole = http.get(path, headers={"Range": "bytes=10-19", "If-Range": '"another"'})
        assert (whole.status_code, whole.content) == (200, file.read_bytes())
        for strange in ("0" * 64, "..%2F..%2Fkeys", "x"):
            with pytest.raises(NotFoundError):
                call(http, "GET", f"/feed/v1/pdq/snapshot/{strange}")
        other = exchange.rig.registry.services.partners.add("Another", [Algorithm.MD5])
        http.headers["Authorization"] = f"Bearer {other.key.text()}"
        for refused in (path, "/feed/v1/pdq/snapshot", "/feed/v1/pdq/point?seq=20", "/feed/v1/wait?pdq=0"):
            with pytest.raises(NotAllowedError) as refusal:
                call(http, "GET", refused)
            assert refusal.value.code == "partner.not_entitled"
        del http.headers["Authorization"]
        assert http.get(path).status_code == 401


def _bytes_at_rest(rig: RegistryRig) -> bytes:
    if rig.registry.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(rig.folder / "registry.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        files = b"".join(path.read_bytes() for path in rig.folder.glob("registry.db*"))
    else:
        url = make_url(rig.url)
        with psycopg.connect(
            f"host={url.query['host']} user=takeback dbname=postgres options={url.query['options']}"
        ) as connection:
            rows = connection.execute("SELECT value FROM changes UNION ALL SELECT value FROM entries").fetchall()
        files = b"".join(bytes(row[0]) for row in rows if row[0] is not None)
    return files + b"".join(path.read_bytes() for path in (rig.folder / "snapshots").glob("*"))


def test_withdrawn_values_leave_the_log_and_the_snapshots(exchange: Exchange) -> None:
    gone = exchange.submit(3)
    stays = exchange.submit(20)
    exchange.rig.registry.keeper.run_once()
    exchange.withdraw(gone, 0, 1, 2)
    exchange.days_later(2)
    values = [bytes.fromhex(value) for value in _submitted(gone)]
    assert all(value in _bytes_at_rest(exchange.rig) for value in values)
    exchange.days_later(2)
    for path in (exchange.rig.folder / "snapshots").glob("*.snapshot"):
        if path != max((exchange.rig.folder / "snapshots").glob("*.snapshot"), key=lambda one: one.stat().st_mtime):
            path.unlink()  # the one before stays an hour of the machine's clock for those who are fetching it
    assert not any(value in _bytes_at_rest(exchange.rig) for value in values)
    assert all(bytes.fromhex(value) in _bytes_at_rest(exchange.rig) for value in _submitted(stays))
    with exchange.client() as client:
        (result,) = client.sync_once([LIST])
        assert (result.seq, result.count) == (26, 20)
        assert _values(client) == set(_submitted(stays))


def test_who_has_seen_the_compacted_part_goes_on_and_who_has_not_takes_the_snapshot(exchange: Exchange) -> None:
    early = exchange.submit(2)
    with exchange.client("old") as client:
        client.sync_once([LIST])
    late = exchange.submit(10)
    exchange.rig.registry.keeper.run_once()
    with exchange.client("new") as client:
        client.sync_once([LIST])
    exchange.withdraw(early, 1)
    exchange.withdraw(late, 0, 1, 2)
    exchange.days_later(4)
    with reading(exchange.rig.registry.engine) as connection:
        (pdq,) = (one for one in verify_lists(connection) if one.list is LIST)
    assert (pdq.seq, pdq.count) == (16, 8)
    with exchange.http() as http, pytest.raises(ConflictError) as refusal:
        call(http, "GET", "/feed/v1/pdq/changes", params={"after": 2})
    assert refusal.value.code == "feed.compacted"

    expected = {_submitted(early)[0], *_submitted(late)[3:]}
    with exchange.client("new") as client:
        asked: list[str] = []
        client.http.event_hooks["request"].append(lambda request: asked.append(request.url.path))
        (result,) = client.sync_once([LIST])
        assert (result.added, result.removed, _values(client)) == (0, 4, expected)
        assert not any("snapshot" in path for path in asked)
    with exchange.client("old") as client:
        before = {change.entry_id for change in client.store.entries(LIST)}
        (result,) = client.sync_once([LIST])
        assert (result.seq, result.count, _values(client)) == (16, 8, expected)
        after = list(client.store.changes_after(LIST, 2))
        removed = {change.entry_id for change in after if change.value is None}
        assert removed & before, "who follows by changes must learn of the entry that the snapshot does not have"
        follower = before - removed | {change.entry_id for change in after if change.value is not None}
        assert follower - removed == {change.entry_id for change in client.store.entries(LIST)}


def test_another_history_is_refused_also_behind_a_snapshot(
    exchange: Exchange, new_rig: Callable[[], RegistryRig]
) -> None:
    """A registry that lost its database and began anew with the same key and the same partner."""
    exchange.submit(2)
    with exchange.client() as client:
        client.sync_once([LIST])
        good = _values(client)
    other = new_rig()
    try:
        for file in (exchange.rig.folder / "keys").iterdir():
            (other.folder / "keys" / file.name).write_bytes(file.read_bytes())
        other.registry.close()
        other.registry = other.another_process()
        key = other.registry.services.partners.add("Same platform", tuple(Algorithm)).key.text()
        person = other.submits(*(other.pdq() for _ in range(9)))
        other.batch()
        other.withdraws(*person.tokens[2:6])  # one of them lies beyond the place the client knows
        other.batch()
        other.clock.advance(4 * DAY_S)
        exchange.rig.clock.advance(4 * DAY_S)
        with Server(other.registry.app) as server, ListStore(exchange.folder / "list") as store:
            with partner_http(server.url, parse_partner_key(key)) as http:
                call(http, "GET", "/feed/v1/pdq/head")
            other.registry.keeper.run_once()
            with FeedClient.at(server.url, parse_partner_key(key), store, other.clock) as client:
                with pytest.raises(ProtocolViolationError) as refusal:
                    client.sync_once([LIST])
                assert refusal.value.code == "feed.fork"
                assert _values(client) == good
    finally:
        other.registry.close()


def test_every_head_that_was_signed_is_a_point_for_ever(exchange: Exchange) -> None:
    exchange.submit(2)
    head = exchange.rig.head(LIST)
    exchange.submit(2)
    assert exchange.rig.head(LIST).seq == 4
    with exchange.http() as http:
        said = httpx.Response(200, content=call(http, "GET", "/feed/v1/pdq/point", params={"seq": 2})).json()
        assert head.chain.hex() in said["text"]
        with pytest.raises(NotFoundError) as refusal:
            call(http, "GET", "/feed/v1/pdq/point", params={"seq": 3})
        assert refusal.value.code == "feed.point_unknown"


def test_a_snapshot_does_not_hold_up_batches(exchange: Exchange) -> None:
    """Batches run between the reads of a snapshot, and the snapshot is of its own place all the same."""
    exchange.submit(40)
    shelf = exchange.rig.registry.services.feed._shelf
    maker = threading.Thread(target=shelf.make, args=(LIST,))
    maker.start()
    while maker.is_alive():
        exchange.submit(1)
    maker.join()
    statement = shelf.statement(LIST, exchange.rig.partner.partner.partner_id)
    assert 40 <= statement.seq == statement.count <= exchange.rig.head(LIST).seq
    with exchange.client() as client:
        assert client.sync_once([LIST])[0].count == exchange.rig.head(LIST).count


def test_fingerprints_of_every_algorithm_come_through_a_snapshot(exchange: Exchange) -> None:
    exchange.rig.submits(*(exchange.rig.md5() for _ in range(9)), *(_sha256() for _ in range(9)))
    exchange.rig.batch()
    exchange.rig.registry.keeper.run_once()
    with exchange.client() as client:
        client.sync_once()
        for name in (Algorithm.MD5, Algorithm.SHA256):
            live = {change.value for change in client.store.entries(name)}
            assert live == {change.value for change in exchange.rig.listed(name).values()}


def _sha256() -> Fingerprint:
    return Fingerprint(Algorithm.SHA256, secrets.token_hex(32))
