import secrets
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.client.sealing import keys_of, open_sealed, seal_sheets
from takeback.client.sheets import divided, numbered
from takeback.errors import InvalidInputError
from takeback.model.case import About
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import MAX_VIDEO_FRAMES, Video, VideoFrame, video_value
from takeback.wire.case_v1 import BODY_SIZES_BYTES, MAX_HOLDS, submission_body

DAY = date(2026, 11, 22)
ROOT = bytes(range(32))
KEYS = [keys_of(ROOT, sheet) for sheet in range(1, 33)]
LENGTHS = {
    Algorithm.MD5: 32,
    Algorithm.SHA256: 64,
    Algorithm.PDQ: 64,
    Algorithm.PDQ_REGION: 6170,
    Algorithm.VPDQ: 35_846,
}


def _fingerprint(algorithm: Algorithm) -> Fingerprint:
    quality = 100 if algorithm is Algorithm.PDQ else None
    return Fingerprint(algorithm, "ab" * (LENGTHS[algorithm] // 2), quality)


@given(st.lists(st.lists(st.sampled_from(Algorithm), max_size=40).map(lambda names: [_fingerprint(n) for n in names])))
def test_every_sheet_fits_one_request_and_nothing_is_lost(files: list[list[Fingerprint]]) -> None:
    items = numbered(files)
    sheets = divided(items)
    assert [item for sheet in sheets for item in sheet] == items
    assert all(0 < len(sheet) <= MAX_HOLDS for sheet in sheets)
    if 0 < len(sheets) <= len(KEYS):
        for submission in seal_sheets(KEYS, items, DAY, About.SELF_UNDER_18):
            assert len(submission_body(submission)) in BODY_SIZES_BYTES


def test_a_hundred_pictures_and_long_videos_go_under_one_receipt() -> None:
    frames = tuple(VideoFrame(secrets.token_bytes(32), 4 * tick, 100) for tick in range(MAX_VIDEO_FRAMES))
    video = Fingerprint(Algorithm.VPDQ, video_value(Video(9, frames)))
    pictures = [[_fingerprint(Algorithm.PDQ), _fingerprint(Algorithm.MD5)] for _ in range(100)]
    submissions = seal_sheets(KEYS, numbered([*pictures, [video], [video]]), DAY, About.SELF_BEFORE_18)
    assert 2 < len(submissions) <= 4
    assert [submission.about for submission in submissions] == [About.SELF_BEFORE_18] + [None] * (len(submissions) - 1)
    assert len({submission.case_id for submission in submissions}) == len(submissions)
    holds = [hold for i, item in enumerate(submissions) for hold in open_sealed(KEYS[i], item.sealed).holds]
    assert [hold.file_number for hold in holds][-2:] == [101, 102]
    assert len({hold.token for hold in holds}) == 202
    with pytest.raises(InvalidInputError, match="too much"):
        seal_sheets(KEYS[:1], numbered([*pictures, [video]]), DAY)


def test_the_first_sheet_has_the_keys_of_a_case_of_one_sheet() -> None:
    assert keys_of(ROOT) == keys_of(ROOT, 1)
    assert len({item.case_id for item in KEYS} | {item.case_key[:16] for item in KEYS}) == 64
