"""A first look at a video, and when a whole one follows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.made_videos import Encoding, scene, write

from takeback.hashing import VideoHasher, VideoLimits
from takeback.hashing.video.work import hash_every_picture, hash_glimpse, hash_to_ask

LIMITS = VideoLimits(threads=1)
RATE = 4
KEYS_EVERY_5_S = Encoding(rate=RATE, options={"preset": "ultrafast", "crf": "18", "g": "20", "x264-params": "log=-1"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of just under ten seconds, and one of twenty."""
    made = tmp_path_factory.mktemp("videos")
    write(made / "short.mp4", scene(31, 39, pace=6), KEYS_EVERY_5_S)
    write(made / "long.mp4", [*scene(31, 40, pace=6), *scene(32, 40, pace=6)], KEYS_EVERY_5_S)
    return made


@pytest.fixture(scope="module")
def hasher() -> Iterator[VideoHasher]:
    with VideoHasher(LIMITS) as one:
        yield one


def test_a_long_video_that_is_near_nothing_is_looked_at_here_and_there(hasher: VideoHasher, folder: Path) -> None:
    looked_at: list[int] = []

    def is_near(values: NDArray[np.uint8]) -> bool:
        looked_at.append(len(values))
        return len(looked_at) > 4

    path = folder / "long.mp4"
    glimpse = hasher.query_of(path, is_near=is_near)
    assert looked_at == [len(form) for form in glimpse.asked]
    whole = hasher.query_of(path, is_near=lambda _: True)
    assert 0 < len(glimpse.asked[0]) < len(whole.asked[0]) // 2
    assert glimpse.fingerprints == whole.fingerprints


def test_a_short_one_and_one_that_is_asked_by_regions_are_looked_at_as_a_whole(
    hasher: VideoHasher, folder: Path
) -> None:
    short = hasher.query_of(folder / "short.mp4", is_near=lambda _: False)
    assert [len(form) for form in short.asked] == [
        len(form) for form in hash_to_ask(folder / "short.mp4", LIMITS).asked
    ]
    with_regions = hasher.query_of(folder / "long.mp4", regions=True, is_near=lambda _: False)
    assert len(with_regions.asked[0]) > len(hash_glimpse(folder / "long.mp4", LIMITS).asked[0])


def test_every_picture_is_more_than_a_platform_asks(tmp_path: Path) -> None:
    fast = write(tmp_path / "fast.mp4", scene(33, 220, pace=6), Encoding(rate=20))
    every, asked = hash_every_picture(fast, LIMITS).asked[0], hash_to_ask(fast, LIMITS).asked[0]
    assert len(every) > 2 * len(asked)
    assert every.ticks[-1] == pytest.approx(asked.ticks[-1], abs=1)
