"""A signing key hands over to the next: clients pinned to the old one move, and nobody is moved by anybody else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.registry_rig import RegistryRig

from takeback.cli.main import main
from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.client.trust import trusted_key
from takeback.clock import ManualClock
from takeback.errors import ConflictError, CorruptDataError, NotFoundError, ProtocolViolationError
from takeback.exchange.keyring import HISTORY_FILE, NEXT_FILE, Keyring
from takeback.exchange.signing import KEY_FILE
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import pin_of

LIST = Algorithm.PDQ
WEEK_S = 7 * 86_400


@dataclass(slots=True)
class Exchange:
    rig: RegistryRig
    url: str
    folder: Path

    def ring(self) -> Keyring:
        """The keys as a command sees them, beside the registry that runs."""
        return Keyring(self.rig.folder / "keys", self.rig.clock)

    def submit(self) -> None:
        self.rig.submits(self.rig.pdq())
        self.rig.batch()
        self.rig.clock.advance(60)

    def sync(self, name: str, key: str | None = None) -> int:
        """Sync as a process that has just started; returns how many entries the list has then."""
        known = parse_partner_key(key or self.rig.partner.key.text())
        with (
            ListStore(self.folder / name) as store,
            FeedClient.at(self.url, known, store, self.rig.clock) as client,
        ):
            return client.sync_once([LIST])[0].count

    def refusal(self, name: str) -> str:
        with pytest.raises(ProtocolViolationError) as refusal:
            self.sync(name)
        return refusal.value.code


@pytest.fixture
def exchange(new_rig: Callable[[], RegistryRig], tmp_path: Path) -> Iterator[Exchange]:
    rig = new_rig()
    try:
        with Server(rig.registry.app) as server:
            yield Exchange(rig, server.url, tmp_path / "stores")
    finally:
        rig.registry.close()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_clients_move_over_during_the_overlap_and_stay_there(exchange: Exchange) -> None:
    exchange.submit()
    assert exchange.sync("follows") == 1
    exchange.ring().rotate(WEEK_S)
    exchange.submit()
    head = exchange.rig.registry.services.feed.head(exchange.rig.partner.partner, LIST.value)
    assert len(head.signatures) == 2
    assert exchange.sync("follows") == 2
    with ListStore(exchange.folder / "follows") as store:
        pin = parse_partner_key(exchange.rig.partner.key.text()).pin
        assert pin_of(store.trusted_key(pin) or b"") == exchange.ring().pin() != pin

    exchange.rig.clock.advance(WEEK_S)
    exchange.submit()
    head = exchange.rig.registry.services.feed.head(exchange.rig.partner.partner, LIST.value)
    assert [one.key_id for one in head.signatures] == [exchange.ring().present_key_id()]
    assert exchange.sync("follows") == 3
    # Who was away the whole time, and who starts now with a partner key that pins the old one, follow the statement.
    assert exchange.sync("begins late") == 3
    new = exchange.rig.registry.services.partners.add("New platform", [LIST])
    assert new.key.pin == exchange.ring().pin()
    assert exchange.sync("new", new.key.text()) == 3


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_several_rotations_are_followed_at_once(exchange: Exchange) -> None:
    exchange.submit()
    for _ in range(3):
        exchange.ring().rotate(0)
    assert exchange.sync("late") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_private_half_of_a_retired_key_is_erased(exchange: Exchange) -> None:
    before = (exchange.rig.folder / "keys" / KEY_FILE).read_text().strip()
    exchange.ring().rotate(WEEK_S)
    history = exchange.rig.folder / "keys" / HISTORY_FILE
    assert before in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600
    exchange.rig.clock.advance(WEEK_S)
    exchange.rig.registry.keeper.run_once()
    assert before.encode() not in b"".join(file.read_bytes() for file in history.parent.iterdir())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_revoked_key_leads_nowhere(exchange: Exchange) -> None:
    exchange.submit()
    exchange.sync("moves in time")
    exchange.sync("does not")
    old = exchange.ring().present_key_id()
    with pytest.raises(ConflictError):
        exchange.ring().revoke(old)
    exchange.ring().rotate(WEEK_S)
    exchange.submit()
    assert exchange.sync("moves in time") == 2
    exchange.ring().revoke(old)
    with pytest.raises(NotFoundError):
        exchange.ring().revoke("0" * 16)
    exchange.submit()
    assert exchange.sync("moves in time") == 3
    assert exchange.refusal("does not") == "feed.revoked"
    assert exchange.refusal("begins late") == "feed.revoked"
    again = exchange.rig.registry.services.partners.rotate(exchange.rig.partner.partner.partner_id)
    assert exchange.sync("does not", again.key.text()) == 3


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_who_has_an_old_key_moves_nobody_who_has_moved(exchange: Exchange, tmp_path: Path) -> None:
    """A thief with the old key and the wire makes a hand-over of his own."""
    keys = exchange.rig.folder / "keys"
    thief = tmp_path / "thief"
    thief.mkdir()
    (thief / KEY_FILE).write_bytes((keys / KEY_FILE).read_bytes())
    exchange.submit()
    exchange.sync("moved")
    exchange.ring().rotate(WEEK_S)
    exchange.submit()
    exchange.sync("moved")
    Keyring(thief, exchange.rig.clock).rotate(WEEK_S)
    for file in thief.iterdir():
        (keys / file.name).write_bytes(file.read_bytes())
    exchange.submit()
    assert exchange.refusal("moved") == "feed.signature"


def test_a_statement_by_another_key_is_refused(tmp_path: Path) -> None:
    clock = ManualClock()
    ring, other = Keyring(tmp_path / "ring", clock), Keyring(tmp_path / "other", clock)
    pin = ring.pin()
    ring.rotate(0)
    other.rotate(0)
    honest = ring.keys()
    assert pin_of(trusted_key(pin, None, honest)) == ring.pin()
    forged = [
        shape.model_copy(update={"signature": other.keys().successions[0].signature}) for shape in honest.successions
    ]
    with pytest.raises(ProtocolViolationError) as refusal:
        trusted_key(pin, None, honest.model_copy(update={"successions": forged}))
    assert refusal.value.code == "feed.signature"


def test_a_rotation_that_is_cut_off_leaves_the_keys_before_or_after(tmp_path: Path) -> None:
    clock = ManualClock()
    ring = Keyring(tmp_path, clock)
    first = ring.present_key_id()
    (tmp_path / NEXT_FILE).write_text("ab" * 32 + "\n")
    assert Keyring(tmp_path, clock).present_key_id() == first
    before = (tmp_path / KEY_FILE).read_bytes()
    second = ring.rotate(WEEK_S)
    following = (tmp_path / KEY_FILE).read_bytes()
    (tmp_path / KEY_FILE).write_bytes(before)  # the statement is kept, the last rename has not happened
    (tmp_path / NEXT_FILE).write_bytes(following)
    assert Keyring(tmp_path, clock).present_key_id() == second
    assert (tmp_path / KEY_FILE).read_bytes() == following


def test_a_damaged_history_is_not_passed_over(tmp_path: Path) -> None:
    clock = ManualClock()
    Keyring(tmp_path, clock).rotate(WEEK_S)
    history = json.loads((tmp_path / HISTORY_FILE).read_text())
    history["former"][0]["retires"] = "soon"
    (tmp_path / HISTORY_FILE).write_text(json.dumps(history))
    with pytest.raises(CorruptDataError) as refusal:
        Keyring(tmp_path, clock)
    assert refusal.value.code == "keys.corrupt"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_command_rotates_and_revokes_beside_a_running_registry(
    exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.submit()
    where = ["--data-dir", str(exchange.rig.folder), "--database-url", exchange.rig.url, "--json"]
    old = exchange.ring().present_key_id()
    assert main(["registry", "rotate-key", *where]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["key_id"] for one in shown["former"]] == [old]
    assert shown["former"][0]["signs_until"] is not None
    assert exchange.sync("follows") == 1
    assert main(["registry", "revoke-key", old, *where]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["former"] == [{"key_id": old, "signs_until": None}]
    assert exchange.sync("follows") == 1
    assert exchange.rig.registry.services.feed.verify_audit_log() >= 3
