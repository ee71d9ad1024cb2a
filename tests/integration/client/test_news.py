"""Waiting for news: a new entry reaches whoever follows without being asked for, and nothing holds up an end."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.registry_rig import RegistryRig

from takeback.client.async_feed import AsyncFeedClient
from takeback.client.feed import FeedClient, SyncRound, partner_http
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.client.transport import call
from takeback.errors import InvalidInputError, UnavailableError
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm

LIST = Algorithm.PDQ
PATIENCE_S = 30
NEVER_S = 3600.0
"""An interval no test waits for: what arrives was told, not asked for."""


@dataclass(slots=True)
class Served:
    rig: RegistryRig
    server: Server

    def key(self) -> PartnerKey:
        return parse_partner_key(self.rig.partner.key.text())

    def http(self) -> httpx.Client:
        return partner_http(self.server.url, self.key())

    def submit(self) -> None:
        self.rig.submits(self.rig.pdq())
        self.rig.batch()


@pytest.fixture
def served(rig: RegistryRig) -> Iterator[Served]:
    with Server(rig.registry.app) as server:
        yield Served(rig, server)


@contextmanager
def _following(served: Served, folder: Path) -> Iterator[tuple[threading.Event, Callable[[int], bool]]]:
    """A follower in a thread; the second value waits until it has the list at a place."""
    stop, moved = threading.Event(), threading.Condition()
    reached: list[int] = [-1]

    def note(done: SyncRound) -> None:
        with moved:
            reached.extend(result.seq for result in done.results if result.list is LIST)
            moved.notify_all()

    def wait_for(seq: int) -> bool:
        with moved:
            return moved.wait_for(lambda: reached[-1] == seq, PATIENCE_S)

    with (
        ListStore(folder) as store,
        FeedClient.at(served.server.url, served.key(), store, served.rig.clock) as client,
    ):
        thread = threading.Thread(target=client.follow, args=(NEVER_S, stop, note))
        thread.start()
        try:
            yield stop, wait_for
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_entry_reaches_a_follower_without_being_asked_for(served: Served, tmp_path: Path) -> None:
    with _following(served, tmp_path) as (_, wait_for):
        assert wait_for(0)
        served.submit()
        assert wait_for(1)


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_also_when_another_process_ran_the_batch(served: Served, tmp_path: Path) -> None:
    other = served.rig.another_process()
    try:
        with _following(served, tmp_path) as (_, wait_for):
            assert wait_for(0)
            served.rig.submits(served.rig.pdq())
            assert other.batcher.run_once() is not None
            assert wait_for(1)
    finally:
        other.close()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_end_of_a_server_does_not_wait_for_those_who_wait(served: Served, tmp_path: Path) -> None:
    with _following(served, tmp_path) as (_, wait_for):
        assert wait_for(0)
        watch_open = threading.Event()
        with served.http() as http:

            def ask() -> None:
                with http.stream("GET", "/feed/v1/wait", params={"pdq": 0, "seconds": 60}) as response:
                    for _part in response.iter_bytes():
                        watch_open.set()

            asking = threading.Thread(target=ask)
            asking.start()
            assert watch_open.wait(PATIENCE_S)
            served.server.stop()
            # uvicorn would let the question run for its whole minute, or cut it off after ten seconds: it was answered.
            asking.join(PATIENCE_S)
            assert not asking.is_alive()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_answer_names_the_lists_that_moved_and_comes_at_once_if_they_have(served: Served) -> None:
    served.submit()
    with served.http() as http:
        for params, moved in (
            ({"pdq": 0, "md5": 0, "seconds": 60}, ["pdq"]),
            ({"pdq": 1, "seconds": 0}, []),
            ({"seconds": 60}, []),
        ):
            reply: dict[str, Any] = httpx.Response(
                200, content=call(http, "GET", "/feed/v1/wait", params=params)
            ).json()
            assert reply["moved"] == moved
        for strange in ("pdq=-1", "pdq=x", "pdq=" + "9" * 30, "pdq=1&seconds=61"):
            with pytest.raises(InvalidInputError):
                call(http, "GET", f"/feed/v1/wait?{strange}")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_one_partner_cannot_take_every_place(served: Served) -> None:
    async def ask() -> list[int]:
        headers = {"Authorization": f"Bearer {served.key().text}"}
        async with httpx.AsyncClient(base_url=served.server.url, headers=headers, timeout=PATIENCE_S) as http:
            questions = [http.get("/feed/v1/wait", params={"pdq": 0, "seconds": 3}) for _ in range(18)]
            return sorted(reply.status_code for reply in await asyncio.gather(*questions))

    assert asyncio.run(ask()) == [200] * 16 + [503] * 2
    with served.http() as http:  # and its places come back
        assert call(http, "GET", "/feed/v1/wait", params={"pdq": 0, "seconds": 0}) == b'{"moved":[]}'


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_asyncio_follows_too_and_ends_when_cancelled(served: Served, tmp_path: Path) -> None:
    async def story() -> list[int]:
        seen: asyncio.Queue[int] = asyncio.Queue()

        def note(done: SyncRound) -> None:
            for result in done.results:
                if result.list is LIST:
                    seen.put_nowait(result.seq)

        with ListStore(tmp_path / "list") as store:
            async with AsyncFeedClient.at(served.server.url, served.key(), store, served.rig.clock) as client:
                task = asyncio.create_task(client.follow(NEVER_S, note))
                reached = [await asyncio.wait_for(seen.get(), PATIENCE_S)]
                await asyncio.to_thread(served.submit)
                while reached[-1] != 1:
                    reached.append(await asyncio.wait_for(seen.get(), PATIENCE_S))
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert len(list(store.entries(LIST))) == 1
        return reached

    assert asyncio.run(story())[0] == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_asyncio_meets_the_same_refusals(served: Served, tmp_path: Path) -> None:
    async def story() -> str:
        with ListStore(tmp_path / "list") as store:
            async with AsyncFeedClient.at(served.server.url, served.key(), store, served.rig.clock) as client:
                served.submit()
                assert (await client.sync_list(LIST)).count == 1
                served.server.stop()
                with pytest.raises(UnavailableError) as refusal:
                    await client.sync_once()
                return refusal.value.code

    assert asyncio.run(story()) == "registry.unreachable"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_changes_are_compressed_for_who_takes_it(served: Served) -> None:
    served.rig.submits(*(served.rig.pdq() for _ in range(30)))
    served.rig.batch()
    with served.http() as http:
        plain = http.get("/feed/v1/pdq/changes", headers={"Accept-Encoding": "identity"})
        packed = http.get("/feed/v1/pdq/changes", headers={"Accept-Encoding": "br;q=1, gzip;q=0.5"})
        refused = http.get("/feed/v1/pdq/changes", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) * 0.7
    assert packed.json()["changes"] == plain.json()["changes"]
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
