"""``tx``, the industry's command line, against a live registry by all three faces."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.exchange.exchange_rig import Exchange, pdq_of
from threatexchange.exchanges.fetch_state import SignalOpinion, SignalOpinionCategory
from threatexchange.exchanges.impl.ncmec_api import NCMECCredentials
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal
from threatexchange.storage.interfaces import SignalExchangeAPIConfig
from threatexchange.storage.local_dbm import DBMStore

from takeback.client.list_store import ListStore
from takeback.errors import NotAllowedError, NotFoundError, ProtocolViolationError
from takeback.httpkit.serve import Server
from takeback.integrations.threatexchange import (
    TakebackCheckpoint,
    TakebackCollabConfig,
    TakebackCredentials,
    TakebackNcmecCollabConfig,
    TakebackNcmecSignalExchangeAPI,
    TakebackRecord,
    TakebackSignalExchangeAPI,
)
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
SIGNALS = [PdqSignal, VideoMD5Signal]


@dataclass
class Tx:
    """``tx`` with a home of its own."""

    home: Path
    exchange: Exchange

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ours = self.exchange.credentials
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TX_STATEDIR": str(self.home / "tx"),
            "TZ": "UTC",
            "TX_TAKEBACK_KEY": self.exchange.partner.key.text(),
            "TX_NCMEC_CREDENTIALS": f"{ours.user}:{ours.password}",
            "TX_STOPNCII_KEYS": f"{ours.function_key},{ours.subscription_key},{self.exchange.url}/stopncii/v1",
        }
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "threatexchange", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def does(self, *arguments: str) -> str:
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def matching_collabs(self, picture: Path) -> set[str]:
        return {line.split("(")[1].split(")")[0] for line in self.does("match", "photo", str(picture)).splitlines()}


def test_tx_takes_the_list_by_every_face(exchange: Exchange, tmp_path: Path, pictures: dict[str, Path]) -> None:
    tx = Tx(tmp_path, exchange)
    exchange.live_clock(behind_s=100)
    gone, *_ = exchange.lists(pdq_of(pictures["chelsea"]), pdq_of(pictures["astronaut"]), exchange.rig.pdq())
    exchange.live_clock()

    assert "takeback_ncmec" in tx.does("config", "extensions", "add", "takeback.integrations.threatexchange")
    edit = ("config", "collab", "edit")
    tx.does(*edit, "takeback", "--create", "native", "--registry", exchange.url)
    tx.does(*edit, "takeback_ncmec", "--create", "by time", "--base-url", f"{exchange.url}/ncmec")
    tx.does(*edit, "stop_ncii", "--create", "stopncii")
    tx.does("fetch")
    assert tx.matching_collabs(pictures["chelsea"]) == {"native", "by time", "stopncii"}
    assert tx.matching_collabs(pictures["rocket"]) == set()

    exchange.live_clock(behind_s=10)
    exchange.withdraws(gone)
    exchange.wait_until_published()
    exchange.live_clock()
    tx.does("fetch")
    # The StopNCII client does not look at the status; partners are told (docs/protocol/partner-shapes.md §3.4).
    assert tx.matching_collabs(pictures["chelsea"]) == {"stopncii"}
    assert tx.matching_collabs(pictures["astronaut"]) == {"native", "by time", "stopncii"}

    exchange.rig.registry.services.partners.rotate(exchange.partner.partner.partner_id)
    refused = tx("fetch")
    assert refused.returncode == 3
    assert refused.stderr.count("failed to fetch!") == 3


Records = dict[str, TakebackRecord]


@contextmanager
def _native(exchange: Exchange, folder: Path) -> Iterator[TakebackSignalExchangeAPI]:
    # The SDK's own clock is the machine's: a head has to be fresh by it.
    exchange.live_clock()
    collab = TakebackCollabConfig(name="native", registry=exchange.url, store=str(folder))
    yield TakebackSignalExchangeAPI.for_collab(collab, TakebackCredentials(exchange.partner.key.text()))


def _fetch(
    client: TakebackSignalExchangeAPI, records: Records, checkpoint: TakebackCheckpoint | None = None
) -> TakebackCheckpoint:
    for delta in client.fetch_iter(SIGNALS, checkpoint):
        client.naive_fetch_merge(records, delta.updates)
        checkpoint = delta.checkpoint
    assert checkpoint is not None
    return checkpoint


def _values(records: Records) -> set[str]:
    return {record.value for record in records.values()}


def test_the_native_extension_follows_the_verified_list(exchange: Exchange, tmp_path: Path) -> None:
    first, second, video = exchange.rig.pdq(), exchange.rig.pdq(), exchange.rig.md5()
    records: Records = {}
    with _native(exchange, tmp_path / "list") as client:
        checkpoint = _fetch(client, records)
        assert (records, checkpoint.seqs, checkpoint.is_stale()) == ({}, {}, False)
        tokens = exchange.lists(first, second, video)
        checkpoint = _fetch(client, records, checkpoint)
        assert _values(records) == {first.value, second.value, video.value}
        exchange.withdraws(tokens[0])
        later = _fetch(client, records, checkpoint)
        assert _values(records) == {second.value, video.value}
        assert later.issued_s >= checkpoint.issued_s
        converted = client.naive_convert_to_signal_type(SIGNALS, client.collab, records)
        (metadata,) = converted[PdqSignal].values()
        assert metadata.entries[0].startswith("pdq/")
        assert first.value not in repr(records)

        (tmp_path / "list" / "list.sqlite3").unlink()
        assert later.is_stale()


def test_an_opinion_becomes_feedback(exchange: Exchange, tmp_path: Path) -> None:
    one, other = exchange.rig.pdq(), exchange.rig.pdq()
    tokens = exchange.lists(one, other)
    with _native(exchange, tmp_path / "list") as client:
        _fetch(client, {})
        client.report_opinion(PdqSignal, one.value, SignalOpinion(True, SignalOpinionCategory.POSITIVE_CLASS, set()))
        client.report_opinion(PdqSignal, other.value, SignalOpinion(True, SignalOpinionCategory.NEGATIVE_CLASS, set()))
        assert [status.state for status in exchange.rig.status(*tokens)] == [HoldState.REMOVED, HoldState.FOUND]
        with pytest.raises(NotFoundError):
            client.report_opinion(PdqSignal, "0" * 64, SignalOpinion(True, SignalOpinionCategory.POSITIVE_CLASS, set()))


def test_the_extension_refuses_what_the_sdk_refuses(exchange: Exchange, tmp_path: Path) -> None:
    exchange.lists(exchange.rig.pdq(), exchange.rig.md5())
    services = exchange.rig.registry.services
    with _native(exchange, tmp_path / "list") as client:
        records: Records = {}
        checkpoint = _fetch(client, records)
        # A head that was good an hour ago: the machine's clock, by which the SDK goes, is far ahead of the registry's.
        exchange.lists(exchange.rig.pdq())
        exchange.live_clock(behind_s=4000)
        with exchange.rig.registry.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM heads")
        with pytest.raises(ProtocolViolationError) as refusal:
            _fetch(client, records, checkpoint)
        assert refusal.value.code in {"feed.expired", "feed.rollback"}
    exchange.partner = services.partners.add("Videos only", [Algorithm.MD5])
    with _native(exchange, tmp_path / "another") as client:
        records = {}
        _fetch(client, records)
        assert {record.list for record in records.values()} == {"md5"}
    exchange.partner = services.partners.add("Regions only", [Algorithm.PDQ_REGION])
    with _native(exchange, tmp_path / "third") as client, pytest.raises(NotAllowedError):
        _fetch(client, {})


def test_its_settings_live_in_the_store_that_an_hma_uses(exchange: Exchange, tmp_path: Path) -> None:
    """HMA is told of an exchange by its class, and keeps configuration, key and checkpoint as JSON."""
    exchange.lists(exchange.rig.pdq(), exchange.rig.pdq())
    folder = tmp_path / "hma"
    folder.mkdir()
    # Their alias for "any exchange" cannot be met by any class, theirs included.
    classes: Any = [TakebackSignalExchangeAPI, TakebackNcmecSignalExchangeAPI]
    store = DBMStore(folder, signal_types=SIGNALS, content_types=[], exchange_types=classes)
    collab = TakebackCollabConfig(name="native", registry=exchange.url, store=str(tmp_path / "list"))
    by_time = TakebackNcmecCollabConfig(name="by time", base_url=f"{exchange.url}/ncmec/")
    for config in (collab, by_time):
        store.exchange_update(config, create=True)
    assert store.exchanges_get() == {"native": collab, "by time": by_time}
    key, ours = TakebackCredentials(exchange.partner.key.text()), exchange.credentials
    assert key.key not in repr(key)
    store.exchange_api_config_update(SignalExchangeAPIConfig(classes[0], key))
    store.exchange_api_config_update(SignalExchangeAPIConfig(classes[1], NCMECCredentials(ours.user, ours.password)))

    exchange.live_clock()
    client: Any = store.exchange_get_client(collab)
    for delta in client.fetch_iter(SIGNALS, store.exchange_get_fetch_checkpoint("native")):
        store.exchange_commit_fetch(collab, None, delta.updates, delta.checkpoint)
    checkpoint = store.exchange_get_fetch_checkpoint("native")
    assert isinstance(checkpoint, TakebackCheckpoint)
    assert checkpoint.seqs == {"pdq": 2}
    other: Any = store.exchange_get_client(by_time)
    assert other.get_client(other.collab.environment).status().esp_name == "First platform"


def test_what_is_withheld_is_no_signal(exchange: Exchange, tmp_path: Path) -> None:
    exchange.rig.restart(canaries=44)
    exchange.rig.registry.services.partners.add("Another platform", [Algorithm.PDQ])
    with Server(exchange.rig.registry.app) as server, ListStore(tmp_path / "list") as store:
        exchange.url = server.url
        records: Records = {}
        with _native(exchange, tmp_path / "list") as client:
            checkpoint: TakebackCheckpoint | None = None
            while not store.withheld(Algorithm.PDQ):
                exchange.lists(exchange.rig.pdq(), exchange.rig.pdq())
                checkpoint = _fetch(client, records, checkpoint)
            told = {change.entry_id for change in store.entries(Algorithm.PDQ)}
            assert {record.entry_id for record in records.values()} == told
            assert len(told) + store.withheld(Algorithm.PDQ) == exchange.rig.head(Algorithm.PDQ).count
            assert len(client.naive_convert_to_signal_type(SIGNALS, client.collab, records)[PdqSignal]) == len(told)
        # The shapes that have no word for it show the same entries, and no others.
        services, partner = exchange.rig.registry.services, exchange.partner.partner
        exchange.clock.advance(60)
        by_time = services.ncmec.entries(partner, services.ncmec.window(None, None)).images
        assert {entry.entry_id for entry in by_time} == told
