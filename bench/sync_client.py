"""One client of ``bench sync`` in a process of its own, on one core, so that its time and memory are its own.

Usage: sync_client.py takeback|threatexchange URL KEY FOLDER [USER PASSWORD]; prints one line of JSON a pull.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


# Each imports its own only, so that what is measured is one client's memory.
def main(arguments: list[str]) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kind, *rest = arguments
    if kind == "takeback":
        pull_takeback(*rest)
    else:
        pull_threatexchange(*rest)


def pull_takeback(url: str, key: str, folder: str) -> None:
    from takeback.client.feed import FeedClient  # noqa: PLC0415
    from takeback.client.list_store import ListStore  # noqa: PLC0415
    from takeback.client.partner_key import parse_partner_key  # noqa: PLC0415
    from takeback.model.fingerprint import Algorithm  # noqa: PLC0415

    with ListStore(Path(folder)) as store, FeedClient.at(url, parse_partner_key(key), store) as client:
        for _line in sys.stdin:
            started_s = time.perf_counter()
            result = client.sync_list(Algorithm.PDQ)
            say(started_s, count=result.count, added=result.added)


def pull_threatexchange(url: str, user: str, password: str) -> None:
    from threatexchange.exchanges.impl.ncmec_api import NCMECCollabConfig, NCMECSignalExchangeAPI  # noqa: PLC0415
    from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415

    environment: Any = SimpleNamespace(value=f"{url}/ncmec")
    collab = NCMECCollabConfig(environment=environment, name="bench")
    exchange = NCMECSignalExchangeAPI(collab, user, password)
    for _line in sys.stdin:
        started_s = time.perf_counter()
        known: dict[Any, Any] = {}
        for delta in exchange.fetch_iter([PdqSignal], None):
            known.update(delta.updates)
        signals = exchange.naive_convert_to_signal_type([PdqSignal], collab, known)[PdqSignal]
        say(started_s, count=len(signals), added=len(signals))


def peak_mb() -> float:
    """The most memory this process held, in MB; `ru_maxrss` would count the peak of the parent that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def say(started_s: float, **figures: int) -> None:
    row = {"seconds": round(time.perf_counter() - started_s, 2), "memory_mb": round(peak_mb(), 1), **figures}
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
