"""Which pictures of a video a reviewer is shown."""

import threading

import pytest

from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Lead
from takeback.model.match import ClipTimes, Match, Tier
from takeback.platform.filmstrip import FilmstripCache, filmstrip_of
from takeback.platform.types import LeadRecord, Media, MediaFacts


def record(duration_s: float | None, times: ClipTimes | None, media: Media = Media.VIDEO) -> LeadRecord:
    match = Match("a" * 32, Algorithm.VPDQ, 4, Tier.HOLD, 1, 9, times)
    return LeadRecord(Lead("b" * 32, "c", True, (match,), 0, 1), MediaFacts(10, 10, media, duration_s), None)


def test_a_picture_has_none() -> None:
    assert filmstrip_of(record(None, None, Media.IMAGE)) == ()


def test_the_strip_shows_the_match_and_what_is_around_it() -> None:
    strip = filmstrip_of(record(100.0, ClipTimes(40.0, 52.0, 0.0, 12.0)))
    assert [(frame.time_s, frame.is_match) for frame in strip] == [
        (38.0, False),
        *((time_s, True) for time_s in (41.0, 43.0, 45.0, 47.0, 49.0, 51.0)),
        (54.0, False),
    ]


@pytest.mark.parametrize("duration_s", [0.0, 0.3, 2.0, 9000.0, None])
@pytest.mark.parametrize("times", [None, ClipTimes(0.0, 1.0, 0.0, 1.0), ClipTimes(5.0, 9.0, 0.0, 4.0)])
def test_every_picture_lies_in_the_video_and_none_comes_twice(
    duration_s: float | None, times: ClipTimes | None
) -> None:
    strip = filmstrip_of(record(duration_s, times))
    shown = [frame.time_s for frame in strip]
    assert 1 <= len(shown) <= 8
    assert all(0 <= time_s <= (duration_s or 0) for time_s in shown)
    inside = [frame.time_s for frame in strip if frame.is_match]
    assert len(set(inside)) == len(inside)


def test_one_strip_is_made_for_many_who_ask_at_once() -> None:
    cache = FilmstripCache()
    made: list[int] = []

    def make() -> list[bytes]:
        made.append(1)
        return [b"frame"]

    readers = [threading.Thread(target=cache.strip, args=("lead", make)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(made) == 1
    cache.forget("lead")
    assert cache.strip("lead", make) == [b"frame"]
    assert len(made) == 2


def test_a_strip_that_fails_is_tried_again() -> None:
    cache = FilmstripCache()

    def fail() -> list[bytes]:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.strip("lead", fail)
    assert cache.strip("lead", lambda: [b"frame"]) == [b"frame"]
