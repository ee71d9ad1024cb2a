import contextlib
import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.made_videos import Encoding, scene, write, write_sound

from takeback.errors import InvalidInputError, TakebackError, UnusableMediaError
from takeback.hashing import VideoHasher, VideoLimits, container_of
from takeback.hashing.video.messages import parse_stills_line, parse_video_line
from takeback.hashing.video.work import hash_to_ask, hash_to_register
from takeback.model.fingerprint import Algorithm

LIMITS = VideoLimits(threads=1)
KINDS = {
    "a.mp4": Encoding(),
    "a.mkv": Encoding(),
    "a.avi": Encoding("mpeg4", options={"b": "4M", "g": "4"}),
    "a.ts": Encoding(format="mpegts"),
    "a.webm": Encoding("libvpx", options={"deadline": "realtime", "cpu-used": "8", "b": "1M"}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, encoding in KINDS.items():
        write(folder / name, scene(4, 20), encoding)
    write_sound(folder / "sound.m4a")
    return folder


def code_of(path: Path, limits: VideoLimits = LIMITS) -> str:
    with pytest.raises(TakebackError) as caught:
        hash_to_ask(path, limits)
    return caught.value.code


def test_what_is_no_video_is_told_by_its_first_bytes(tmp_path: Path, shipped: Path) -> None:
    for name, data in {
        "empty.mp4": b"",
        "text.mp4": b"#EXTM3U\nhttp://127.0.0.1/stream.ts\n" * 40,
        "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "sdp.mp4": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        "heic.mp4": b"\x00\x00\x00\x18ftypheic" + bytes(2000),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert code_of(tmp_path / name) == ("media.unknown_format" if data else "media.empty")
    assert container_of((shipped / "astronaut.png").read_bytes()) is None


@pytest.mark.parametrize("name", KINDS)
def test_a_name_does_not_matter(made: Path, tmp_path: Path, name: str) -> None:
    odd = tmp_path / "http:%2F%2F1.jpg"
    odd.write_bytes((made / name).read_bytes())
    assert len(hash_to_ask(odd, LIMITS).asked[0]) > 2


def test_sound_alone_and_a_missing_file_have_their_own_words(made: Path, tmp_path: Path) -> None:
    assert code_of(made / "sound.m4a") == "media.no_video"
    assert code_of(tmp_path / "nothing.mp4") == "file.unreadable"


def test_limits_on_what_a_file_declares(made: Path) -> None:
    path = made / "a.mp4"
    assert code_of(path, VideoLimits(max_bytes=100)) == "media.too_large"
    assert code_of(path, VideoLimits(max_pixels=100)) == "media.too_large"
    assert code_of(path, VideoLimits(max_packets=10)) == "media.too_complex"


def test_a_codec_that_is_not_on_the_list_is_not_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", scene(4, 5), Encoding("ffv1", options={}))
    assert code_of(path) == "media.unknown_codec"


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi", "a.webm"])
def test_a_video_that_ends_early_is_known_by_what_is_there(made: Path, tmp_path: Path, name: str) -> None:
    data = (made / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(data[: len(data) * 2 // 3])
    whole, part = hash_to_ask(made / name, LIMITS), hash_to_ask(cut, LIMITS)
    assert 2 < len(part.asked[0]) < len(whole.asked[0])
    assert np.array_equal(part.asked[0].values[:2], whole.asked[0].values[:2])


def test_an_mp4_without_its_index_is_an_error(made: Path, tmp_path: Path) -> None:
    data = (made / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert code_of(tmp_path / "cut.mp4") in ("media.damaged", "media.truncated")


@pytest.mark.parametrize("name", KINDS)
def test_damage_anywhere_gives_an_answer_or_an_error_of_ours(made: Path, tmp_path: Path, name: str) -> None:
    data = np.frombuffer((made / name).read_bytes(), np.uint8)
    random = np.random.default_rng(7)
    for _ in range(12):
        bent = data.copy()
        places = random.integers(16, len(bent), 1 + len(bent) // 400)
        bent[places] = random.integers(0, 256, len(places))
        (tmp_path / name).write_bytes(bent.tobytes())
        # Whatever else it raised would end the test.
        with contextlib.suppress(UnusableMediaError):
            assert len(hash_to_ask(tmp_path / name, LIMITS).asked) in (2, 4)


def test_another_process_gives_the_same_answer(made: Path) -> None:
    path = made / "a.mp4"
    with VideoHasher(LIMITS) as hasher:
        registered = hasher.fingerprints_of(path, edited_copies=True)
        asked = hasher.query_of(path, regions=True)
        stills = hasher.stills_of(path, [0.0, 1.2, 99.0], long_side_px=64)
        with pytest.raises(InvalidInputError) as caught:
            hasher.query_of(path.with_name("nothing.mp4"))
        with pytest.raises(UnusableMediaError) as silent:
            hasher.query_of(made / "sound.m4a")
    assert registered == hash_to_register(path, LIMITS, edited_copies=True)
    here = hash_to_ask(path, LIMITS, regions=True)
    assert [one.values.tolist() for one in asked.asked] == [one.values.tolist() for one in here.asked]
    assert [one.ticks.tolist() for one in asked.asked] == [one.ticks.tolist() for one in here.asked]
    assert [one.values.tolist() for one in asked.regions] == [one.values.tolist() for one in here.regions]
    for there_places, here_places in zip(
        (one.places for one in asked.regions), (one.places for one in here.regions), strict=True
    ):
        assert there_places is not None
        assert here_places is not None
        np.testing.assert_allclose(there_places, here_places, atol=1e-4)
    assert len(stills) == 3
    assert all(still.startswith(b"\xff\xd8") for still in stills)
    assert (caught.value.code, silent.value.code) == ("file.unreadable", "media.no_video")


def test_a_video_that_takes_too_long_is_given_up_and_the_next_one_goes_on(made: Path) -> None:
    with VideoHasher(VideoLimits(deadline_s=1.5, threads=1)) as hasher:
        hasher.query_of(made / "a.mp4")
        (worker,) = _children_reading_videos()
        os.kill(worker, signal.SIGSTOP)
        with pytest.raises(UnusableMediaError) as caught:
            hasher.query_of(made / "a.mp4")
        assert caught.value.code == "media.timeout"
        assert len(hasher.query_of(made / "a.mp4").asked) == 2
        assert worker not in _children_reading_videos()


def test_a_video_that_needs_too_much_memory_is_given_up(made: Path, tmp_path: Path) -> None:
    large = write(tmp_path / "large.mp4", [np.zeros((3000, 4000, 3), np.uint8)])
    with VideoHasher(VideoLimits(memory_bytes=16 * 2**20, threads=1)) as hasher:
        with pytest.raises(UnusableMediaError) as caught:
            hasher.query_of(large)
        # Some decoders say that memory was short, some only that it did not work.
        assert caught.value.code in ("media.too_large", "media.damaged")
        assert len(hasher.query_of(made / "a.mp4").asked) == 2


def test_a_worker_that_dies_is_an_error_of_that_video_only(made: Path) -> None:
    with VideoHasher(LIMITS) as hasher:
        hasher.query_of(made / "a.mp4")
        (worker,) = _children_reading_videos()
        os.kill(worker, signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (worker, signal.SIGKILL)).start()
        with pytest.raises(UnusableMediaError) as caught:
            hasher.query_of(made / "a.mp4")
        assert caught.value.code == "media.crashed"
        assert len(hasher.query_of(made / "a.mp4").asked) == 2
    assert not _children_reading_videos()


def test_secrets_in_the_environment_do_not_reach_the_worker(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAKEBACK_OPERATOR_PASSWORD", "canary-7731")
    with VideoHasher(LIMITS) as hasher:
        hasher.query_of(made / "a.mp4")
        (worker,) = _children_reading_videos()
        assert b"canary-7731" not in Path(f"/proc/{worker}/environ").read_bytes()
        limits = Path(f"/proc/{worker}/limits").read_text(encoding="ascii")
    assert "unlimited" not in next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert "64" in next(line for line in limits.splitlines() if line.startswith("Max open files"))


def _asking(ticks: list[int], values: str) -> bytes:
    answer = {"width": 1, "height": 1, "duration_s": 1, "fingerprints": [], "key_times_s": [], "regions": []}
    asked = {"values": values, "ticks": ticks, "qualities": [50] * len(ticks)}
    return json.dumps({**answer, "asked": [asked]}).encode() + b"\n"


def test_a_workers_frames_are_read() -> None:
    assert parse_video_line(_asking([1, 3], "00" * 64)).asked[0].ticks.tolist() == [1, 3]


def _with_regions(places: object, values: str = "0f" * 32) -> bytes:
    answer = {"width": 1, "height": 1, "duration_s": 1, "fingerprints": [], "key_times_s": [], "asked": []}
    regions = [{"values": values, "strong": [True], "places": places}]
    return json.dumps({**answer, "regions": regions}).encode() + b"\n"


def test_a_workers_regions_have_places_in_the_picture() -> None:
    (regions,) = parse_video_line(_with_regions([[0, 10_000]])).regions
    assert regions.places is not None
    assert regions.places.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]\n",
        b"null\n",
        b'{"width":1}\n',
        b'{"error":7}\n',
        b'{"width":1,"height":1,"duration_s":1,"fingerprints":[["md5","zz"]],"key_times_s":[],"asked":[],"regions":[]}\n',
        b'{"width":1,"height":1,"duration_s":1,"fingerprints":[],"key_times_s":[1],"asked":[],"regions":[]}\n',
        b'{"width":1,"height":1,"duration_s":1,"fingerprints":[],"key_times_s":[],"regions":[],"asked":[{}]}\n',
        _asking([3, 1], "00" * 64),
        _asking([], "00"),
        _asking([1], ""),
        _asking([-1], "00" * 32),
        _asking([10**30], "00" * 32),
        _with_regions(None),
        _with_regions([]),
        _with_regions([[1, 2, 3]]),
        _with_regions([[1, 10_001]]),
        _with_regions([[-1, 1]]),
        _with_regions([["1", "x"]]),
        _with_regions([[float("nan"), 1]]),
        _with_regions([[10**30, 1]]),
        _with_regions([[1, 1]], "0f" * 64),
    ],
)
def test_a_worker_that_was_taken_over_can_say_nothing_odd(line: bytes) -> None:
    for parse in (parse_video_line, parse_stills_line):
        with pytest.raises(UnusableMediaError) as caught:
            parse(line)
        assert caught.value.code == "media.crashed"


def test_a_listed_video_has_no_forms_and_an_asked_one_no_value(made: Path) -> None:
    assert hash_to_register(made / "a.mp4", LIMITS).asked == ()
    algorithms = {one.algorithm for one in hash_to_ask(made / "a.mp4", LIMITS).fingerprints}
    assert algorithms == {Algorithm.MD5, Algorithm.SHA256}


def _children_reading_videos() -> list[int]:
    me = str(os.getpid())
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if fields[1] == me and b"takeback.hashing.video.worker" in command:
            found.append(int(status.parent.name))
    return found


def test_a_video_that_is_near_nothing_is_looked_at_in_passing_only(made: Path) -> None:
    asked: list[int] = []

    def nothing(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
        asked.append(len(values))
        return False

    with VideoHasher(LIMITS) as hasher:
        path = write(made / "long.mkv", scene(4, 120), Encoding(options={"preset": "ultrafast", "g": "20"}))
        glimpse = hasher.query_of(path, is_near=nothing)
        whole = hasher.query_of(path, is_near=lambda values: len(values) > 0)
        plain = hasher.query_of(path)
    assert asked == [len(form) for form in glimpse.asked]
    assert len(glimpse.asked[0]) < len(plain.asked[0])
    assert [form.values.tolist() for form in whole.asked] == [form.values.tolist() for form in plain.asked]
