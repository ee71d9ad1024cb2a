import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from takeback.db import GroupWriter, open_database, reading, sqlite_url, writing
from takeback.errors import ConflictError, CorruptDataError, InvalidInputError, UnavailableError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(sqlite_url(tmp_path / "registry.db"), "registry")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)"))
    yield engine
    engine.dispose()


def _insert(connection: Connection, number: int) -> int:
    connection.execute(text("INSERT INTO notes VALUES (:id, 'x')"), {"id": number})
    return number


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM notes")).scalar_one())


def test_sqlite_is_set_up_to_survive_a_power_cut_and_to_forget(engine: Engine) -> None:
    with reading(engine) as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "temp_store", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "temp_store": 2,
        "busy_timeout": 10_000,
    }


@pytest.mark.parametrize("branch", ["registry", "platform"])
def test_opening_again_changes_nothing(tmp_path: Path, branch: str) -> None:
    url = sqlite_url(tmp_path / "a folder 100%" / "x.db")
    for _ in range(2):
        engine = open_database(url, "registry" if branch == "registry" else "platform")
        with reading(engine) as connection:
            tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
        engine.dispose()
    assert tables >= 1


def test_the_schema_comes_up_from_an_installed_copy(tmp_path: Path) -> None:
    source = Path(__file__).parents[3] / "src" / "takeback"
    installed = tmp_path / "site" / "takeback"
    for folder in ("", "db", "db/migrations", "db/migrations/registry", "db/migrations/platform"):
        (installed / folder).mkdir(parents=True, exist_ok=True)
        for file in (source / folder).glob("*.py"):
            (installed / folder / file.name).write_bytes(file.read_bytes())
    code = (
        "import takeback, sys; from takeback.db import open_database;"
        "assert takeback.__file__.startswith(sys.argv[2]), takeback.__file__;"
        "engine = open_database(sys.argv[1], 'registry'); engine.dispose()"
    )
    url = sqlite_url(tmp_path / "registry.db")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    run = subprocess.run(
        [sys.executable, "-c", code, url, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be looked at" * 40, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "registry.db"
    file.write_bytes(content)
    with pytest.raises(CorruptDataError) as caught:
        open_database(sqlite_url(file), "registry")
    assert caught.value.code == "database.corrupt"
    assert file.read_bytes() == content


def test_damage_in_the_middle_is_found_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    open_database(sqlite_url(file), "registry").dispose()
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    file.write_bytes(content)
    with pytest.raises(CorruptDataError) as caught:
        open_database(sqlite_url(file), "registry")
    assert caught.value.code == "database.corrupt"


def test_a_file_cut_short_is_found_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    open_database(sqlite_url(file), "registry").dispose()
    file.write_bytes(file.read_bytes()[: 4096 * 5])
    with pytest.raises(CorruptDataError):
        open_database(sqlite_url(file), "registry")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE diary (page TEXT)")
    connection.close()
    with pytest.raises(CorruptDataError) as caught:
        open_database(sqlite_url(file), "registry")
    assert caught.value.code == "database.foreign"
    open_database(sqlite_url(tmp_path / "kit.db"), "platform").dispose()
    with pytest.raises(CorruptDataError) as other_branch:
        open_database(sqlite_url(tmp_path / "kit.db"), "registry")
    assert other_branch.value.code == "database.foreign"


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "registry.db")
    engine = open_database(url, "registry")
    with writing(engine) as connection:
        connection.execute(text("UPDATE takeback_registry_schema SET version_num = 'of_tomorrow'"))
    engine.dispose()
    with pytest.raises(ConflictError) as caught:
        open_database(url, "registry")
    assert caught.value.code == "database.newer"


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "oracle+x://"])
def test_urls_that_are_none_of_ours_are_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        open_database(url, "registry")
    assert caught.value.code == "database.url"


def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_in(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        open_database(f"postgresql://me:hunter2@/x?host={tmp_path}", "registry")
    assert caught.value.code == "registry.unavailable"
    assert "hunter2" not in f"{caught.value} {caught.value.detail}"


def test_a_transaction_that_raises_has_not_happened(engine: Engine) -> None:
    def insert_twice() -> None:
        with writing(engine) as connection:
            _insert(connection, 1)
            _insert(connection, 1)

    with pytest.raises(IntegrityError):
        insert_twice()
    assert _count(engine) == 0


def test_what_an_error_quotes_is_not_what_was_stored(engine: Engine) -> None:
    rows = [{"note": "a secret"}, {"note": "a secret"}]
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        connection.execute(text("INSERT INTO notes VALUES (1, :note)"), rows)
    assert "a secret" not in str(caught.value)


def test_a_read_sees_one_moment(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(text("SELECT count(*) FROM notes")).scalar_one()
        with writing(engine) as other:
            _insert(other, 1)
        assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() == before
    assert _count(engine) == 1


def test_a_full_disk_is_unavailable(engine: Engine) -> None:
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UnavailableError) as caught, writing(engine) as connection:
        connection.execute(text("INSERT INTO notes VALUES (1, :note)"), {"note": "x" * 100_000})
    assert (caught.value.code, caught.value.detail) == ("registry.unavailable", "the disk is full")


def test_a_lock_held_too_long_by_another_process_is_unavailable(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(str(engine.url.database), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as caught, writing(engine) as connection:
            _insert(connection, 1)
    finally:
        other.close()
    assert caught.value.detail == "the database is locked by another process"


# The writer


@pytest.fixture
def writer(engine: Engine) -> Iterator[GroupWriter]:
    writer = GroupWriter(engine, max_waiting=10)
    yield writer
    writer.close()


class _Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self, writer: GroupWriter) -> None:
        self._entered, self._opened = threading.Event(), threading.Event()
        self.done: Future[None] = writer.submit(self._wait)
        assert self._entered.wait(10)

    def _wait(self, _connection: Connection) -> None:
        self._entered.set()
        assert self._opened.wait(10)

    def open(self) -> None:
        self._opened.set()


def test_what_waits_is_committed_together_and_each_gets_its_result(engine: Engine, writer: GroupWriter) -> None:
    connections: list[int] = []

    def job(number: int, connection: Connection) -> int:
        connections.append(id(connection))
        return _insert(connection, number)

    gate = _Gate(writer)
    waiting = [writer.submit(partial(job, number)) for number in range(8)]
    assert _count(engine) == 0
    gate.open()
    assert [future.result(10) for future in waiting] == list(range(8))
    assert len(set(connections)) == 1
    assert _count(engine) == 8


def _insert_many(connection: Connection, numbers: Sequence[int]) -> list[str]:
    rows = [{"id": number, "note": f"{len(numbers)} together"} for number in numbers]
    connection.execute(text("INSERT INTO notes VALUES (:id, :note)"), rows)
    return [f"note {number}" for number in numbers]


def test_items_of_a_kind_that_wait_beside_each_other_are_done_at_once(engine: Engine, writer: GroupWriter) -> None:
    gate = _Gate(writer)
    waiting: list[Future[str] | Future[int]] = [writer.submit_item(_insert_many, number) for number in (3, 1)]
    waiting += [writer.submit(partial(_insert, number=7)), writer.submit_item(_insert_many, 5)]
    gate.open()
    assert [future.result(10) for future in waiting] == ["note 3", "note 1", 7, "note 5"]
    with reading(engine) as connection:
        notes = {row.id: row.note for row in connection.execute(text("SELECT id, note FROM notes"))}
    assert (notes[1], notes[3], notes[5]) == ("2 together", "2 together", "1 together")


def test_an_item_that_fails_takes_no_other_with_it(engine: Engine, writer: GroupWriter) -> None:
    gate = _Gate(writer)
    waiting = [writer.submit_item(_insert_many, number) for number in (1, 2, 1, 3)]
    gate.open()
    outcomes = [future.exception(10) for future in waiting]
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), IntegrityError, type(None)]
    assert _count(engine) == 3


def test_one_job_that_fails_takes_no_other_with_it(engine: Engine, writer: GroupWriter) -> None:
    gate = _Gate(writer)
    waiting = [writer.submit(partial(_insert, number=number)) for number in (1, 2, 1, 3)]
    gate.open()
    outcomes = [future.exception(10) for future in waiting]
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), IntegrityError, type(None)]
    assert _count(engine) == 3
    assert writer.run(partial(_insert, number=4)) == 4


def test_a_job_that_asks_for_it_is_alone_in_its_transaction(engine: Engine, writer: GroupWriter) -> None:
    def fails(connection: Connection) -> None:
        _insert(connection, 99)
        raise InvalidInputError("a.code", "No.")

    runs: list[int] = []

    def counted(connection: Connection) -> None:
        runs.append(1)
        _insert(connection, 1)

    gate = _Gate(writer)
    first = writer.submit(counted)
    alone = writer.submit(fails, alone=True)
    gate.open()
    assert isinstance(alone.exception(10), InvalidInputError)
    first.result(10)
    assert len(runs) == 1  # in company it would have been rolled back and run a second time
    assert _count(engine) == 1


def test_a_caller_who_went_away_before_its_turn_leaves_nothing(engine: Engine, writer: GroupWriter) -> None:
    gate = _Gate(writer)
    gone = writer.submit(partial(_insert, number=1))
    kept = writer.submit(partial(_insert, number=2))
    assert gone.cancel()
    gate.open()
    assert kept.result(10) == 2
    assert _count(engine) == 1


def test_too_many_that_wait_and_a_closed_writer_are_unavailable(engine: Engine, writer: GroupWriter) -> None:
    gate = _Gate(writer)
    waiting = [writer.submit(partial(_insert, number=number)) for number in range(10)]
    with pytest.raises(UnavailableError) as busy:
        writer.submit(partial(_insert, number=11))
    assert busy.value.code == "server.busy"
    gate.open()
    writer.close()
    writer.close()
    assert [future.result(0) for future in waiting] == list(range(10))
    assert _count(engine) == 10
    with pytest.raises(UnavailableError) as closed:
        writer.run(partial(_insert, number=12))
    assert closed.value.code == "server.stopping"
