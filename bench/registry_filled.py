"""A registry's SQLite file as it is after years: written straight into the tables, in the order of their keys.

What is measured on it are questions, so the logs are there for their size only and their chain is not made.
"""

import hashlib
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, insert

from takeback.db import open_database, sqlite_url, writing
from takeback.model.fingerprint import Algorithm
from takeback.registry.tables import CASES, CHANGES, ENTRIES, FEEDBACK, HOLDS

_ROWS_A_COMMIT = 50_000
_DAY = 20_700
_BYTES = {Algorithm.PDQ: 32, Algorithm.MD5: 16, Algorithm.SHA256: 32}


def fill(file: Path, entries: int, cases: int) -> list[bytes]:
    """Make the file.

    Returns:
        A thousand hold tokens of all there are, one hold an entry.
    """
    engine = open_database(sqlite_url(file), "registry")
    try:
        tokens = [secrets.token_bytes(16) for _ in range(1000)]
        # Every entry has a hold; those of these tokens lie anywhere among them.
        token_hashes = [hashlib.sha256(token).digest() for token in tokens]
        token_hashes += [secrets.token_bytes(32) for _ in range(entries - len(tokens))]
        ids = sorted(secrets.token_bytes(16) for _ in range(entries))
        kinds = [list(_BYTES)[number % 3] for number in range(entries)]
        _insert(engine, ENTRIES, _entries(ids, kinds))
        _insert(engine, HOLDS, _holds(token_hashes, ids))
        _insert(engine, CHANGES, _changes(ids, kinds))
        _insert(engine, FEEDBACK, ({**_word(), "entry_id": ids[n]} for n in range(0, entries, 50)))
        case_ids = sorted(secrets.token_bytes(16) for _ in range(cases))
        _insert(engine, CASES, ({"case_id": one, "sealed": secrets.token_bytes(1052), "day": _DAY} for one in case_ids))
    finally:
        engine.dispose()
    return tokens


def _word() -> dict[str, Any]:
    return {"partner_id": "00" * 8, "value": "PendingReview", "day": _DAY}


def _entries(ids: list[bytes], kinds: list[Algorithm]) -> Iterator[dict[str, Any]]:
    for entry_id, kind in zip(ids, kinds, strict=True):
        value = secrets.token_bytes(_BYTES[kind])
        yield {
            "entry_id": entry_id,
            "algorithm": kind.value,
            "value": value,
            "digest": hashlib.sha256(value).digest(),
            "quality": 90 if kind is Algorithm.PDQ else None,
            "day": _DAY,
        }


def _holds(token_hashes: list[bytes], ids: list[bytes]) -> Iterator[dict[str, Any]]:
    for token_hash in sorted(token_hashes):
        yield {"token_hash": token_hash, "entry_id": ids[int.from_bytes(token_hash[:6], "big") % len(ids)]}


def _changes(ids: list[bytes], kinds: list[Algorithm]) -> Iterator[dict[str, Any]]:
    for kind, length in _BYTES.items():
        mine = (entry_id for entry_id, other in zip(ids, kinds, strict=True) if other is kind)
        for seq, entry_id in enumerate(mine, start=1):
            value = secrets.token_bytes(length)
            yield {
                "list": kind.value,
                "seq": seq,
                "op": 1,
                "entry_id": entry_id,
                "value": value,
                "quality": 90 if kind is Algorithm.PDQ else None,
                "day": _DAY,
            }


def _insert(engine: Engine, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while block := list(islice(rows, _ROWS_A_COMMIT)):
        with writing(engine) as connection:
            connection.execute(insert(table), block)
