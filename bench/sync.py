"""First and incremental sync of a large list, beside threatexchange's own client on the same list in the same run.

The registry is a process as in service; each client is a process of its own on one core (``sync_client.py``).
"""

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from registry_servers import registry_process
from takeback.apps.registry_doors import open_partners
from takeback.client.feed import partner_http
from takeback.client.partner_key import parse_partner_key
from takeback.clock import SystemClock
from takeback.db import open_database, sqlite_url, writing
from takeback.exchange.partners import IssuedKey
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import batch_store, store
from takeback.registry.change_log import extend_log
from takeback.registry.tables import PUBLICATIONS
from takeback.registry.types import Entry
from takeback.settings import RegistrySettings

_A_COMMIT = 10_000
_INCREMENT = 1_000
_DAY_S = 86_400


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="takeback bench sync", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--no-peer", action="store_true", help="leave threatexchange's client out")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="takeback-bench-") as folder:
        rows = measure(Path(folder), asked.entries, peer=not asked.no_peer)
        for row in rows:
            print(json.dumps(row) if asked.json else "  ".join(f"{name} {value}" for name, value in row.items()))
            sys.stdout.flush()
    return 0


def measure(folder: Path, entries: int, *, peer: bool) -> Iterator[dict[str, Any]]:
    data = folder / "registry"
    settings = RegistrySettings(data_dir=data)
    with open_partners(settings, SystemClock()) as partners:
        issued = partners.add("Bench", [Algorithm.PDQ])
    fill(data, entries)
    with registry_process(data) as served:
        url = served.line
        yield {"step": "snapshot", "client": "registry", "entries": entries, "seconds": snapshot_s(url, issued)}
        with client("takeback", url, issued.key.text(), str(folder / "list")) as pull:
            first = pull()
            yield {"step": "first sync", "client": "takeback", "entries": entries, **first}
            fill(data, _INCREMENT)
            yield {"step": "incremental", "client": "takeback", "entries": _INCREMENT, **pull()}
        if peer:
            yield from peer_rows(url, issued, entries + _INCREMENT, first["seconds"])


def peer_rows(url: str, issued: IssuedKey, entries: int, ours_s: float) -> Iterator[dict[str, Any]]:
    credentials = issued.key.credentials()
    with client("threatexchange", url, credentials.user, credentials.password) as pull:
        theirs = pull()
    yield {
        "step": "first sync",
        "client": "threatexchange (NCMEC shape)",
        "entries": entries,
        **theirs,
        "ratio": round(theirs["seconds"] / ours_s, 1),
    }


def fill(data: Path, entries: int) -> None:
    """Add entries to the list as batches would, published on days before today."""
    engine = open_database(sqlite_url(data / "registry.db"), "registry")
    today_s = int(time.time()) // _DAY_S * _DAY_S
    try:
        with writing(engine) as connection:
            start = store.list_state(connection, Algorithm.PDQ).seq
        for done in range(0, entries, _A_COMMIT):
            count = min(_A_COMMIT, entries - done)
            marks = [
                (Op.ADD, Entry(secrets.token_bytes(16), Algorithm.PDQ, secrets.token_bytes(32), 90))
                for _ in range(count)
            ]
            with writing(engine) as connection:
                state = store.list_state(connection, Algorithm.PDQ)
                extension = extend_log(state, marks, today_s // _DAY_S - 1)
                batch_store.append_changes(connection, extension)
                published_s = today_s - _DAY_S + (start + done) // _A_COMMIT
                row = {"list": Algorithm.PDQ.value, "seq": extension.state.seq, "published": published_s}
                connection.execute(insert(PUBLICATIONS), row)
    finally:
        engine.dispose()


def snapshot_s(url: str, issued: IssuedKey) -> float | None:
    """How long the registry took until its snapshot could be had; ``None`` if the list is too short for one."""
    started_s = time.perf_counter()
    with partner_http(url, parse_partner_key(issued.key.text())) as http:
        while (status := http.get("/feed/v1/pdq/snapshot").status_code) == 503:
            time.sleep(0.2)
    return round(time.perf_counter() - started_s, 2) if status == 200 else None


@contextmanager
def client(*arguments: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """A client's process; each call is one pull."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("sync_client.py")), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        to, back = process.stdin, process.stdout
        if to is None or back is None:
            raise RuntimeError(command[-1])

        def pull() -> dict[str, Any]:
            to.write("\n")
            to.flush()
            row: dict[str, Any] = json.loads(back.readline())
            return row

        yield pull
        to.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
