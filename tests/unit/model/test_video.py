import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.model.video import MAX_VIDEO_DIGITS, Video, VideoFrame, duration_class_of, parse_video, video_value

_FRAMES = st.builds(VideoFrame, st.binary(min_size=32, max_size=32), st.integers(0, 65535), st.integers(0, 100))
_VIDEOS = st.builds(
    Video,
    st.integers(0, 14),
    st.lists(_FRAMES, min_size=1, max_size=40, unique_by=lambda frame: frame.tick).map(
        lambda frames: tuple(sorted(frames, key=lambda frame: frame.tick))
    ),
)


@given(_VIDEOS)
def test_a_video_comes_back_from_its_text(video: Video) -> None:
    text = video_value(video)
    assert len(text) <= MAX_VIDEO_DIGITS
    assert parse_video(text) == video


@pytest.mark.parametrize(
    ("duration_s", "duration_class"),
    [(0.0, 0), (0.04, 0), (1.0, 0), (1.01, 1), (2.0, 1), (2.5, 2), (60.0, 6), (64.0, 6), (64.5, 7), (1e9, 14)],
)
def test_a_duration_is_kept_as_a_class(duration_s: float, duration_class: int) -> None:
    assert duration_class_of(duration_s) == duration_class


def test_times_are_in_quarters_of_a_second_and_in_short_videos_in_eighths() -> None:
    frames = (VideoFrame(bytes(32), 5, 80),)
    assert [Video(number, frames).ticks_a_second for number in range(15)] == [8] * 3 + [4] * 12
