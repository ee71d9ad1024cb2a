"""Two real clients of one registry over HTTP: each is told its canaries, by the log, by snapshot, after compaction."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.made_entries import made_up
from tests.registry_rig import RegistryRig

from takeback.apps.registry_canary import CanaryDesk
from takeback.client.async_feed import AsyncFeedClient
from takeback.client.feed import FeedClient, SyncResult
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.exchange.partners import IssuedKey
from takeback.httpkit.serve import Server
from takeback.matching import MatchEngine
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm
from takeback.registry.canary_life import FEW
from takeback.registry.decoy_key import open_decoys

LIST = Algorithm.PDQ
DAY_S = 86_400


@dataclass(slots=True)
class Exchange:
    """A registry that is served, and two partners of it."""

    rig: RegistryRig
    url: str
    folder: Path
    partners: tuple[IssuedKey, IssuedKey]

    def key(self, number: int) -> PartnerKey:
        return parse_partner_key(self.partners[number].key.text())

    @contextmanager
    def client(self, number: int, name: str = "list") -> Iterator[FeedClient]:
        with (
            ListStore(self.folder / f"{name}-{number}") as store,
            FeedClient.at(self.url, self.key(number), store, self.rig.clock) as client,
        ):
            yield client

    def canaries(self, number: int, store: ListStore) -> set[str]:
        mine = open_decoys(self.rig.folder / "keys").of_partner(self.partners[number].partner.partner_id)
        return {one.entry_id for one in store.entries(LIST) if mine.is_decoy(bytes.fromhex(one.value or ""))}

    def told(self) -> dict[str, int]:
        desk = CanaryDesk(self.rig.registry.engine, open_decoys(self.rig.folder / "keys"), self.rig.clock)
        return {one.partner_id: one.canaries for one in desk.canaries() if one.list is LIST}

    def fill(self) -> None:
        ids = [one.partner.partner_id for one in self.partners]
        for _ in range(200):
            if all(self.told().get(one, 0) >= FEW for one in ids):
                return
            self.rig.submits(*(made_up(LIST) for _ in range(3)))
            self.rig.batch()
        pytest.fail("no canaries come")


@pytest.fixture
def exchange(new_rig: Callable[[], RegistryRig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setenv("TAKEBACK_CANARIES", "44")
    monkeypatch.setenv("TAKEBACK_SNAPSHOT_MIN_CHANGES", "5")
    monkeypatch.setenv("TAKEBACK_FEED_KEEP_DAYS", "3")
    rig = new_rig()
    second = rig.registry.services.partners.add("Second platform", tuple(Algorithm))
    try:
        with Server(rig.registry.app) as server:
            yield Exchange(rig, server.url, tmp_path / "stores", (rig.partner, second))
    finally:
        rig.registry.close()


def test_both_follow_one_log_and_each_is_told_its_own(exchange: Exchange) -> None:
    early = exchange.rig.submits(made_up(LIST), made_up(LIST))
    exchange.rig.batch()
    for number in (0, 1):
        with exchange.client(number) as client:
            client.sync_once([LIST])
    exchange.fill()
    exchange.rig.registry.keeper.start()
    stores: dict[int, list[Change]] = {}
    for number in (0, 1):
        for name in ("list", "by snapshot"):
            with exchange.client(number, name) as client:
                asked: list[str] = []
                client.http.event_hooks["request"].append(lambda request, asked=asked: asked.append(request.url.path))
                (result,) = client.sync_once([LIST])
                head = exchange.rig.head(LIST)
                assert (result.seq, result.count) == (head.seq, head.count)
                assert any("snapshot" in path for path in asked) == (name == "by snapshot")
                entries = list(client.store.entries(LIST))
                assert len(entries) + client.store.withheld(LIST) == head.count
                assert len(exchange.canaries(number, client.store)) >= FEW
                assert exchange.canaries(1 - number, client.store) == set()
                assert stores.setdefault(number, entries) == entries, "the log and the snapshot say the same"
                engine = MatchEngine()
                engine.apply(client.store.changes_after(LIST, 0))
                assert engine.count(LIST) == len(entries)
    exchange.rig.registry.keeper.stop()
    exchange.rig.withdraws(*early.tokens)
    exchange.rig.batch()
    exchange.rig.clock.advance(5 * DAY_S)
    exchange.rig.registry.keeper.run_once()
    exchange.rig.registry.keeper.run_once()
    _after_compaction(exchange)


def _after_compaction(exchange: Exchange) -> None:
    for number in (0, 1):
        with exchange.client(number) as client:
            (result,) = client.sync_once([LIST])
            assert result.count == exchange.rig.head(LIST).count
            assert len(exchange.canaries(number, client.store)) >= FEW


def test_the_client_for_asyncio_takes_what_is_withheld(exchange: Exchange) -> None:
    exchange.fill()
    exchange.rig.registry.keeper.run_once()
    late = parse_partner_key(exchange.rig.registry.services.partners.add("Late platform", [LIST]).key.text())

    async def sync(store: ListStore) -> SyncResult:
        async with AsyncFeedClient.at(exchange.url, late, store, exchange.rig.clock) as client:
            return (await client.sync_once([LIST]))[0]

    with ListStore(exchange.folder / "async") as store:
        result = asyncio.run(sync(store))
        assert result.count == exchange.rig.head(LIST).count
        assert result.withheld == sum(exchange.told().values())
        assert len(list(store.entries(LIST))) == result.count - result.withheld
