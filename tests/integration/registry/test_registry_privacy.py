"""What a copy of the registry's disk tells: which fingerprints are listed, and not which came together or from whom.

The searches are of raw bytes: the database file, its write-ahead log, PostgreSQL's own files and dumps.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.disk_copy import disk_of, dump_of

from takeback.model.case import About
from takeback.registry.tables import METADATA
from takeback.registry.types import Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.registry_rig import Person, RegistryRig

GROUPED_TABLES = ("intake", "intake_holds", "intake_wishes")


@pytest.fixture
def crowd(rig: RegistryRig) -> list[Person]:
    """Thirty cases of four fingerprints, in one batch after another batch."""
    rig.submits(rig.pdq())
    rig.batch()
    people = [rig.submits(rig.pdq(), rig.pdq(), rig.md5(), rig.md5()) for _ in range(30)]
    rig.batch()
    return people


def _rows(rig: RegistryRig, query: str) -> list[tuple[Any, ...]]:
    with rig.registry.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


CLUSTER_KEYS = {
    "cases": "case_id",
    "entries": "entry_id",
    "holds": "token_hash",
    "changes": "list, seq",
    "leaving": "token_hash",
    "expired": "token_hash",
}


def _as_it_lies(rig: RegistryRig, table: str, column: str) -> list[bytes]:
    """A column in the order its rows have on the disk: by the key they are clustered by, or by place."""
    if rig.registry.engine.dialect.name == "sqlite":
        ((definition,),) = _rows(rig, f"SELECT sql FROM sqlite_master WHERE name = '{table}'")  # noqa: S608 - ours
        assert definition.rstrip().upper().endswith("WITHOUT ROWID")
        order = CLUSTER_KEYS[table]
    else:
        order = "ctid"
    return [bytes(row[0]) for row in _rows(rig, f"SELECT {column} FROM {table} ORDER BY {order}")]  # noqa: S608 - ours


def _neighbours(order: Sequence[bytes], group_of: dict[bytes, int]) -> int:
    """How many rows follow one of the same case."""
    groups = [group_of[item] for item in order if item in group_of]
    return sum(one == two for one, two in pairwise(groups))


def _is_like_shuffled(order: Sequence[bytes], group_of: dict[bytes, int]) -> bool:
    # Of n rows in groups of k, shuffled, about k - 1 follow one of their own; unshuffled it is n * (k - 1) / k.
    return _neighbours(order, group_of) < len(group_of) // 4


def test_no_order_in_the_database_groups_what_came_together(rig: RegistryRig, crowd: list[Person]) -> None:
    tokens = {item.token_hash: number for number, who in enumerate(crowd) for item in who.submission.fingerprints}
    values = {
        bytes.fromhex(item.fingerprint.value): number
        for number, who in enumerate(crowd)
        for item in who.submission.fingerprints
    }
    holds = _as_it_lies(rig, "holds", "token_hash")
    entries = _as_it_lies(rig, "entries", "value")
    logged = [bytes(row[0]) for row in _rows(rig, "SELECT value FROM changes ORDER BY list, seq")]
    written = _as_it_lies(rig, "changes", "value")
    assert len(holds) == len(entries) == 121
    assert _is_like_shuffled(holds, tokens)
    for order in (entries, logged, written):
        assert _is_like_shuffled(order, values)
    cases = _as_it_lies(rig, "cases", "case_id")
    submitted = {who.submission.case_id: number for number, who in enumerate(crowd)}
    ranks = [submitted[case_id] for case_id in cases if case_id in submitted]
    assert sum(two == one + 1 for one, two in pairwise(ranks)) < 12


def test_withdrawals_that_wait_and_renewals_group_nothing(rig: RegistryRig) -> None:
    rig.restart(withdrawal_delay_days=2, hold_lifetime_days=91)
    people = [rig.submits(rig.pdq(), rig.pdq(), rig.md5(), rig.md5()) for _ in range(20)]
    rig.batch()
    for who in people:
        rig.withdraws(*who.tokens)
        rig.wishes(Wish.RENEW, *who.tokens)
    rig.batch()
    group_of = {item.token_hash: number for number, who in enumerate(people) for item in who.submission.fingerprints}
    order = _as_it_lies(rig, "leaving", "token_hash")
    assert sorted(order) == sorted(group_of)
    assert _is_like_shuffled(order, group_of)
    assert _is_like_shuffled(_as_it_lies(rig, "holds", "token_hash"), group_of)
    for query in ("SELECT DISTINCT day FROM leaving", "SELECT DISTINCT until_day FROM holds"):
        assert len(_rows(rig, query)) == 1
    for table in GROUPED_TABLES:
        assert _rows(rig, f"SELECT * FROM {table}") == []  # noqa: S608 - ours
    hashes = {token_hash.hex() for token_hash in group_of}
    for line in dump_of(rig).lower().splitlines():
        assert sum(name in line for name in hashes) <= 1


def _copies(rig: RegistryRig, needle: bytes) -> int:
    return sum(content.count(needle) for content in disk_of(rig))


def test_a_withdrawal_that_was_taken_back_leaves_no_copy_of_itself(rig: RegistryRig) -> None:
    """Not in a page's unused part, nor as a dead row: whoever changed their mind alone would be a group."""
    rig.restart(withdrawal_delay_days=2)
    person = rig.submits(*(rig.md5() for _ in range(6)))
    others = [rig.submits(rig.md5()) for _ in range(40)]
    rig.batch()
    once = {item.token_hash: _copies(rig, item.token_hash) for item in person.submission.fingerprints}
    rig.withdraws(*person.tokens, *(other.tokens[0] for other in others))
    rig.batch()
    assert all(_copies(rig, token_hash) > count for token_hash, count in once.items())  # the search would find it
    rig.wishes(Wish.KEEP, *person.tokens)
    rig.batch()
    assert len(_rows(rig, "SELECT * FROM leaving")) == 40
    assert {token_hash: _copies(rig, token_hash) for token_hash in once} == once


def test_what_ended_by_itself_is_shuffled_and_joined_to_nothing(rig: RegistryRig) -> None:
    rig.restart(hold_lifetime_days=91)
    people = [rig.submits(rig.pdq(), rig.pdq(), rig.md5(), rig.md5()) for _ in range(20)]
    rig.batch()
    rig.clock.advance(2 * 91 * 86_400)
    rig.batch()
    group_of = {item.token_hash: number for number, who in enumerate(people) for item in who.submission.fingerprints}
    order = _as_it_lies(rig, "expired", "token_hash")
    assert sorted(order) == sorted(group_of)
    assert _is_like_shuffled(order, group_of)
    assert len(_rows(rig, "SELECT DISTINCT day FROM expired")) == 1
    assert _rows(rig, "SELECT * FROM holds") == _rows(rig, "SELECT * FROM entries") == []
    if rig.registry.engine.dialect.name == "sqlite":
        # Gone from beside their entries: each stands in this table's one row, and its index by day.
        assert {_copies(rig, token_hash) for token_hash in group_of} == {2}


def test_whom_cases_are_about_stands_beside_no_case(rig: RegistryRig) -> None:
    people = [replace(rig.person(rig.md5()).submission, about=about) for about in (About.SELF_UNDER_18,) * 3]
    people += [replace(rig.person(rig.md5()).submission, about=About.TRUSTED_ADULT)]
    for submission in people:
        rig.registry.services.registry.submit(submission).result()
    rig.batch()
    rows = {(row[0], row[1]) for row in _rows(rig, "SELECT about, cases FROM audience")}
    assert rows == {("self_under_18", 3), ("trusted_adult", 1)}
    if rig.registry.engine.dialect.name == "postgresql":
        # Counted with the submission, filed with the batch: no transaction number is on both.
        numbered = "SELECT xmin::text FROM "
        counted = set(_rows(rig, f"{numbered}audience"))
        for table in ("cases", "holds", "entries", "changes"):
            assert not counted & set(_rows(rig, numbered + table))


def test_every_table_that_names_a_hold_or_a_case_is_looked_at_here(rig: RegistryRig) -> None:
    """A new one must say how it groups nothing, in this file, before it is added to this list."""
    named = {
        table.name: {column.name for column in table.columns} & {"token_hash", "case_id", "digest", "about"}
        for table in METADATA.tables.values()
    }
    assert {table for table, names in named.items() if names} == {
        "intake",
        "intake_holds",
        "intake_wishes",
        "cases",
        "holds",
        "entries",
        "leaving",
        "expired",
        "audience",
        "guard",
        "spent_proofs",
    }
    assert _rows(rig, "SELECT count(*) FROM holds") == [(0,)]


def test_order_of_holds_says_nothing_of_order_of_entries(rig: RegistryRig, crowd: list[Person]) -> None:
    del crowd
    holds = _as_it_lies(rig, "holds", "entry_id")
    position = {entry_id: rank for rank, entry_id in enumerate(_as_it_lies(rig, "entries", "entry_id"))}
    ranks = [position[entry_id] for entry_id in holds]
    assert sum(abs(two - one) == 1 for one, two in pairwise(ranks)) < 12


def test_cases_share_no_column_with_anything_and_no_time_is_finer_than_a_day(rig: RegistryRig) -> None:
    if rig.registry.engine.dialect.name == "sqlite":
        tables = [row[0] for row in _rows(rig, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {str(name): {str(row[1]) for row in _rows(rig, f"PRAGMA table_info({name!s})")} for name in tables}
    else:
        columns = {}
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        for table, column in _rows(rig, query):
            columns.setdefault(str(table), set()).add(str(column))
    assert columns["cases"] == {"case_id", "sealed", "day"}
    assert columns["holds"] == {"token_hash", "entry_id", "until_day"}
    assert columns["entries"] == {"entry_id", "algorithm", "value", "digest", "quality", "day"}
    with_case_id = {table for table, names in columns.items() if "case_id" in names}
    assert with_case_id == {"cases", "intake", "intake_holds"}
    of_submitters = {name for table in ("cases", "holds", "entries", "changes") for name in columns[table]}
    assert {name for name in of_submitters if "time" in name or name.endswith("_s")} == set()


def test_after_a_batch_intake_is_gone_from_every_byte_of_the_disk(rig: RegistryRig, crowd: list[Person]) -> None:
    rig.withdraws(*(who.tokens[0] for who in crowd))
    rig.batch()
    for table in GROUPED_TABLES:
        assert _rows(rig, f"SELECT * FROM {table}") == []  # noqa: S608 - ours
    disk = disk_of(rig)
    is_sqlite = rig.registry.engine.dialect.name == "sqlite"
    # Where a case is filed, and on PostgreSQL in that table's index; nowhere else, so beside no fingerprint.
    places = 1 if is_sqlite else 2
    for who in crowd:
        assert sum(content.count(who.submission.case_id) for content in disk) == places
    if is_sqlite:
        withdrawn = [who.submission.fingerprints[0].token_hash for who in crowd]
        assert not [token_hash for token_hash in withdrawn for content in disk if token_hash in content]


def test_the_search_finds_intake_while_it_waits(rig: RegistryRig) -> None:
    waiting = rig.submits(rig.pdq(), rig.md5())
    found = sum(content.count(waiting.submission.case_id) for content in disk_of(rig))
    assert found >= 3  # itself, and once beside each of its fingerprints


def test_a_dump_holds_no_row_with_two_fingerprints(rig: RegistryRig, crowd: list[Person]) -> None:
    lines = dump_of(rig).splitlines()
    values = {item.fingerprint.value for who in crowd for item in who.submission.fingerprints}
    case_ids = {who.submission.case_id.hex() for who in crowd}
    hashes = {item.token_hash.hex() for who in crowd for item in who.submission.fingerprints}
    lines = [line.lower() for line in lines]
    assert sum(any(value in line for value in values) for line in lines) == 2 * len(values)  # its entry, its change
    for line in lines:
        assert sum(value in line for value in values) <= 1
        assert sum(name in line for name in hashes) <= 1
        if any(case_id in line for case_id in case_ids):
            assert not any(name in line for name in values | hashes)
