"""Recognising our own list when it turns up elsewhere: by the canaries and decoys in it, and only with their key.

A canary names the partner it was told to, from its value alone. A decoy is told to everybody: it says which moments of
the list a leak can be from, and the audit of pulls who could have had it then.

**Source:** docs/protocol/case-v1.md §7.4.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from takeback.model.fingerprint import Algorithm
from takeback.registry.decoys import Decoys, pdq_parts
from takeback.registry.tables import CHANGES, ENTRIES, LISTS

_EPOCH = date(1970, 1, 1)
_ADD, _REMOVE = 1, 2
_HEX = re.compile(rb"[0-9a-fA-F]{32,}")
_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a file's decoys say about one list.

    Args:
        list: which.
        decoys: how many of its decoys are in the file.
        since: the day the youngest of them came; the file's list is not older.
        from_seq: the change that brought it; who leaked has pulled up to here at least.
        before_seq: the change that took the first of them off again, or ``None``; the leaked list was pulled before.
    """

    list: Algorithm
    decoys: int
    since: date
    from_seq: int
    before_seq: int | None


@dataclass(frozen=True, slots=True)
class Marks:
    """What of ours stands in a text.

    Args:
        decoys: decoys, or parts of decoys.
        canaries: by partner, how many different values are, or hold a part of, its canaries.
    """

    decoys: frozenset[bytes] = field(repr=False)
    canaries: dict[str, int]


def marks(decoys: Decoys, partner_ids: Iterable[str], untrusted_text: bytes) -> Marks:
    """Look for decoys and for partners' canaries among what stands in a text as hexadecimal."""
    makers = {partner_id: decoys.of_partner(partner_id) for partner_id in partner_ids}
    found: set[bytes] = set()
    told: dict[str, int] = {}
    for run in {run.lower() for run in _HEX.findall(untrusted_text)}:
        parts = _parts(bytes.fromhex((run[: len(run) // 2 * 2]).decode("ascii")))
        found |= {part for part in parts if decoys.is_decoy(part)}
        for partner_id, maker in makers.items():
            if any(maker.is_decoy(part) for part in parts):
                told[partner_id] = told.get(partner_id, 0) + 1
    return Marks(frozenset(found), told)


def sightings(connection: Connection, found: frozenset[bytes]) -> list[Sighting]:
    """On which lists these decoys are or were. Reads every log from end to end."""
    added: dict[Algorithm, dict[bytes, tuple[int, int]]] = {}
    removed: dict[Algorithm, dict[bytes, int]] = {}
    query = select(CHANGES).order_by(CHANGES.c.list, CHANGES.c.seq)
    for row in connection.execution_options(yield_per=_ROWS).execute(query):
        name, entry_id = Algorithm(row.list), bytes(row.entry_id)
        if row.op == _ADD and not found.isdisjoint(_parts(bytes(row.value))):
            added.setdefault(name, {})[entry_id] = (row.seq, row.day)
        elif row.op == _REMOVE and entry_id in added.get(name, {}):
            removed.setdefault(name, {})[entry_id] = row.seq
    return [
        Sighting(
            list=name,
            decoys=len(entries),
            since=_EPOCH + timedelta(days=max(day for _, day in entries.values())),
            from_seq=max(seq for seq, _ in entries.values()),
            before_seq=min(removed.get(name, {}).values(), default=None),
        )
        for name, entries in added.items()
    ]


def count_decoys(connection: Connection, decoys: Decoys) -> dict[Algorithm, tuple[int, int]]:
    """How many entries each list has, and how many of them are decoys. Looks at every entry."""
    totals = {Algorithm(row.list): int(row.live_count) for row in connection.execute(select(LISTS))}
    counts = dict.fromkeys(totals, 0)
    # The head of a value is enough to tell, and keeps long ones out of memory.
    head = func.substr(ENTRIES.c.value, 1, 3 + 32)
    query = select(ENTRIES.c.algorithm, head.label("head"))
    for row in connection.execution_options(yield_per=_ROWS).execute(query):
        name = Algorithm(row.algorithm)
        if name in counts and decoys.is_decoy(bytes(row.head)):
            counts[name] += 1
    return {name: (total, counts[name]) for name, total in totals.items()}


def _parts(value: bytes) -> set[bytes]:
    return {value, *pdq_parts(value)}
