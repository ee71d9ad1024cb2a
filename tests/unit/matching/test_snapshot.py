"""The snapshot file: what is saved comes back, what is damaged does not."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takeback.errors import CorruptDataError, NotFoundError, TakebackError, UnavailableError
from takeback.matching import Growth, MatchEngine
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint, value_length
from takeback.model.match import Match
from takeback.model.video import Video, VideoFrame, video_value

DAY = date(2026, 11, 1)
ENTRIES = 300
LISTS = (Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256, Algorithm.VPDQ)


def value_of(name: Algorithm, entry: int) -> str:
    if name is Algorithm.VPDQ:
        rng = np.random.default_rng(entry)
        return video_value(Video(3, tuple(VideoFrame(rng.bytes(32), 4 * second, 80) for second in range(3))))
    return np.random.default_rng(entry).bytes(32).hex()[: value_length(name)]


def added(name: Algorithm, entry: int) -> Change:
    quality = 80 if name is Algorithm.PDQ else None
    return Change(name, entry + 1, Op.ADD, f"{entry:032x}", value_of(name, entry), quality, DAY)


def filled() -> MatchEngine:
    engine = MatchEngine(growth=Growth(delta_rows=64))
    for name in LISTS:
        engine.apply(added(name, entry) for entry in range(ENTRIES))
        engine.apply(
            Change(name, ENTRIES + 1 + entry, Op.REMOVE, f"{entry:032x}", None, None, DAY)
            for entry in range(0, ENTRIES, 10)
        )
    return engine


def answers(engine: MatchEngine) -> list[list[Match]]:
    return engine.match_many(
        [
            [Fingerprint(name, value_of(name, entry), 80 if name is Algorithm.PDQ else None)]
            for name in LISTS
            for entry in range(ENTRIES)
        ]
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "index"
    filled().save(path)
    return path


def test_what_is_saved_comes_back_and_goes_on_living(saved: Path) -> None:
    before, after = filled(), MatchEngine.open(saved)
    assert answers(after) == answers(before)
    for name in LISTS:
        assert (after.count(name), after.seq(name)) == (before.count(name), before.seq(name))
    content = saved.read_bytes()
    for engine in (before, after):
        engine.apply(added(Algorithm.PDQ, entry) for entry in range(ENTRIES, ENTRIES + 5))
        engine.apply([Change(Algorithm.PDQ, 999, Op.REMOVE, f"{7:032x}", None, None, DAY)])
        engine.settle()
    assert answers(after) == answers(before)
    assert saved.read_bytes() == content


def test_an_empty_engine_can_be_saved(tmp_path: Path) -> None:
    MatchEngine().save(tmp_path / "index")
    assert MatchEngine.open(tmp_path / "index").count(Algorithm.PDQ) == 0


def test_only_the_owner_may_read_it(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600


def test_a_missing_snapshot_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        MatchEngine.open(tmp_path / "index")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_noticed(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(saved.read_bytes())
    place = data.draw(st.integers(0, 6000) | st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    assert_corrupt(tmp_path, bytes(content))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_cut_or_added_end_is_noticed(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = saved.read_bytes()
    if data.draw(st.booleans()):
        assert_corrupt(tmp_path, content[: data.draw(st.integers(0, 6000) | st.integers(0, len(content) - 1))])
    else:
        assert_corrupt(tmp_path, content + data.draw(st.binary(min_size=1, max_size=5000)))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"TBINDEX2" + tail))
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert_corrupt(tmp_path, content)


def assert_corrupt(folder: Path, content: bytes) -> None:
    path = folder / "damaged"
    path.write_bytes(content)
    with pytest.raises(CorruptDataError) as caught:
        MatchEngine.open(path)
    assert caught.value.code == "snapshot.corrupt"


def test_a_snapshot_of_the_version_before_is_refused(saved: Path, tmp_path: Path) -> None:
    assert_corrupt(tmp_path, b"TBINDEX1" + saved.read_bytes()[8:])


def test_a_folder_that_is_not_there_is_said_kindly(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        MatchEngine().save(tmp_path / "nowhere" / "index")


WRITER = """
import sys, itertools
from pathlib import Path
import numpy as np
from takeback.matching import MatchEngine
from takeback.model.fingerprint import Algorithm
engine, path = MatchEngine(), Path(sys.argv[1])
for seq in itertools.count(1):
    rows = 20_000 + seq
    ids = np.zeros((rows, 2), np.uint64)
    ids[:, 1] = np.arange(rows)
    engine.bulk_load(Algorithm.PDQ, ids, np.full((rows, 32), seq % 251, np.uint8), rows)
    engine.save(path)
    print(seq, flush=True)
"""


def test_a_killed_writer_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    rng = np.random.default_rng(0)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline().strip() == b"1"
            time.sleep(float(rng.uniform(0, 0.15)))
            os.kill(writer.pid, signal.SIGKILL)
        engine = MatchEngine.open(path)
        assert engine.count(Algorithm.PDQ) == engine.seq(Algorithm.PDQ) > 20_000
        query = Fingerprint(Algorithm.PDQ, f"{engine.seq(Algorithm.PDQ) % 20_000 % 251:02x}" * 32, 80)
        assert len(engine.match([query])) == engine.count(Algorithm.PDQ)


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    engine, path = filled(), tmp_path / "index"
    results: list[TakebackError | None] = []

    def save() -> None:
        try:
            engine.save(path)
            results.append(None)
        except UnavailableError as error:
            results.append(error)

    writers = [threading.Thread(target=save) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert None in results
    assert all(error is None or error.code == "snapshot.busy" for error in results)
    assert answers(MatchEngine.open(path)) == answers(engine)
