"""Killed at every step, or fed by a bad line: the client's list is always the registry's at some signed place."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.registry_rig import RegistryRig

from takeback.client.feed import FeedClient, partner_http
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.errors import TakebackError
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm

LIST = Algorithm.PDQ

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass(slots=True)
class Exchange:
    rig: RegistryRig
    url: str
    folder: Path
    signed: dict[int, frozenset[str]]

    def key(self) -> PartnerKey:
        return parse_partner_key(self.rig.partner.key.text())

    def grow(self, count: int) -> None:
        """Add, withdraw one, and remember the list as it is signed then."""
        person = self.rig.submits(*(self.rig.pdq() for _ in range(count)))
        self.rig.batch()
        self.note()
        self.rig.withdraws(person.tokens[0])
        self.rig.batch()
        self.note()
        self.rig.clock.advance(30)

    def note(self) -> None:
        live = frozenset(self.rig.listed(LIST))
        self.signed[self.rig.head(LIST).seq] = live

    def holds_what_was_signed(self) -> int:
        with ListStore(self.folder) as store:
            seq = store.state(LIST).applied.seq
            assert frozenset(change.entry_id for change in store.entries(LIST)) == self.signed[seq]
            return seq


@pytest.fixture
def exchange(new_rig: Callable[[], RegistryRig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setenv("TAKEBACK_SNAPSHOT_MIN_CHANGES", "20")
    rig = new_rig()
    try:
        with Server(rig.registry.app) as server:
            exchange = Exchange(rig, server.url, tmp_path / "list", {0: frozenset()})
            exchange.grow(40)
            rig.registry.keeper.run_once()
            yield exchange
    finally:
        rig.registry.close()


class BadLine(httpx.HTTPTransport):
    """Does something wrong with every other answer or so; which thing, a seeded die says."""

    def __init__(self, seed: int) -> None:
        super().__init__(verify=False)
        self.die = random.Random(seed)  # noqa: S311 - faults, not secrets
        self.before: list[tuple[int, dict[str, str], bytes]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        body = response.read()
        response.close()
        headers = {k: v for k, v in response.headers.items() if k not in {"content-encoding", "content-length"}}
        honest = httpx.Response(response.status_code, headers=headers, stream=httpx.ByteStream(body))
        self.before.append((response.status_code, headers, body))
        match self.die.randrange(14):
            case 0:
                return httpx.Response(500)
            case 1:
                raise httpx.ReadTimeout("slow", request=request)
            case 2:
                return httpx.Response(
                    honest.status_code, headers=headers, stream=httpx.ByteStream(body[: len(body) // 2])
                )
            case 3:
                at = self.die.randrange(len(body)) if body else 0
                spoiled = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else body
                return httpx.Response(honest.status_code, headers=headers, stream=httpx.ByteStream(spoiled))
            case 4:
                status, old_headers, old = self.die.choice(self.before)
                return httpx.Response(status, headers=old_headers, stream=httpx.ByteStream(old))
            case 5:
                return httpx.Response(honest.status_code, headers=headers, stream=httpx.ByteStream(body + body))
            case 6:
                return httpx.Response(200, stream=httpx.ByteStream(b"<html>Sign in to the network</html>"))
            case _:
                return honest


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_never_leads_to_a_list_nobody_signed(exchange: Exchange, seed: int) -> None:
    line = BadLine(seed)
    refused: set[str] = set()
    headers = {"Authorization": f"Bearer {exchange.key().text}"}
    for turn in range(30):
        if turn % 6 == 5:
            exchange.grow(3)
        with (
            ListStore(exchange.folder) as store,
            httpx.Client(transport=line, base_url=exchange.url, headers=headers) as http,
        ):
            client = FeedClient(http, exchange.key(), store, exchange.rig.clock)
            client.steps.page_size = 2
            try:
                client.sync_list(LIST)
            except TakebackError as error:
                refused.add(error.code)
        exchange.holds_what_was_signed()
    assert refused, "the line did nothing wrong, so this test showed nothing"
    with (
        ListStore(exchange.folder) as store,
        FeedClient.at(exchange.url, exchange.key(), store, exchange.rig.clock) as c,
    ):
        c.sync_list(LIST)
    assert exchange.holds_what_was_signed() == max(exchange.signed)


def _die_after(exchange: Exchange, steps: int) -> bool:
    """Sync in a process of its own that kills itself at a step of the protocol or a statement of the database.

    Returns:
        Whether it was killed; it was not if the sync has fewer steps.
    """
    child = os.fork()
    if child == 0:
        left = steps

        def count(_: object = None) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        store = ListStore(exchange.folder)
        store._writer.set_trace_callback(count)
        client = FeedClient(partner_http(exchange.url, exchange.key()), exchange.key(), store, exchange.rig.clock)
        client.steps.page_size = 2
        client.http.event_hooks["request"].append(count)
        client.http.event_hooks["response"].append(count)
        client.steps.on_progress = count
        try:
            client.sync_list(LIST)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_client_killed_at_every_step_has_a_signed_list_and_goes_on(exchange: Exchange) -> None:
    steps = 0
    for growth in range(2):
        was_killed = True
        while was_killed:
            steps += 1
            was_killed = _die_after(exchange, steps)
            exchange.holds_what_was_signed()
        assert exchange.holds_what_was_signed() == max(exchange.signed)
        if growth == 0:
            assert steps > 10
            steps = 0
            exchange.grow(4)
