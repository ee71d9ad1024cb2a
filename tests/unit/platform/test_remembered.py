import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takeback.errors import CorruptDataError
from takeback.matching import Clip, RegionQuery
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.platform.question import Question
from takeback.platform.remembered import Remembered, seal, unseal
from takeback.platform.types import Media, MediaFacts

KEY = bytes(range(32))
VALUES = np.arange(96, dtype=np.uint8).reshape(3, 32)
FLAGS = np.array([True, False, True])
PLACES = np.array([[0.1, 0.2], [0.9, 0.75], [0.5, 0.5]], np.float32)
REMEMBERED = Remembered(
    MediaFacts(640, 480, Media.VIDEO, 12.5),
    Question(
        (
            Fingerprint(Algorithm.PDQ, "ab" * 32, 77),
            Fingerprint(Algorithm.PDQ, "cd" * 32, 90),
            Fingerprint(Algorithm.MD5, "12" * 16),
            Fingerprint(Algorithm.SHA256, "34" * 32),
        ),
        (RegionQuery(VALUES, FLAGS, PLACES), RegionQuery(VALUES[:1], FLAGS[:1])),
        (Clip(VALUES, np.array([0, 4, 9])), Clip(VALUES, np.array([0.25, 4.0, 9.5]), FLAGS)),
    ),
)


def test_it_comes_back_as_it_was() -> None:
    again = unseal(KEY, "a", seal(KEY, "a", REMEMBERED))
    assert again.facts == REMEMBERED.facts
    assert again.question.fingerprints == REMEMBERED.question.fingerprints
    assert [(one.values.tolist(), one.strong.tolist()) for one in again.question.regions] == [
        (one.values.tolist(), one.strong.tolist()) for one in REMEMBERED.question.regions
    ]
    placed, unplaced = again.question.regions
    assert placed.places is not None
    assert placed.places.tolist() == PLACES.tolist()
    assert unplaced.places is None
    for one, other in zip(again.question.clips, REMEMBERED.question.clips, strict=True):
        assert (one.values.tolist(), one.ticks.tolist()) == (other.values.tolist(), other.ticks.tolist())
        assert (one.weak is None) == (other.weak is None)
    for name in Algorithm:
        assert (again.question.values(name) == REMEMBERED.question.values(name)).all()


def test_nothing_of_it_can_be_read_or_moved() -> None:
    sealed = seal(KEY, "a", REMEMBERED)
    assert bytes.fromhex("ab" * 32) not in sealed
    assert seal(KEY, "a", REMEMBERED) != sealed
    for key, content_id in ((KEY, "b"), (bytes(32), "a")):
        with pytest.raises(CorruptDataError, match="cannot be read"):
            unseal(key, content_id, sealed)
    assert "abab" not in repr(REMEMBERED)


@settings(deadline=None)
@given(st.data())
def test_damaged_bytes_are_said_to_be_so(data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, "a", REMEMBERED))
    at = data.draw(st.integers(0, len(sealed) - 1))
    if data.draw(st.booleans()):
        del sealed[at:]
    else:
        sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptDataError) as refused:
        unseal(KEY, "a", bytes(sealed))
    assert refused.value.code == "remembered.unreadable"


def test_another_version_is_forgotten_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("takeback.platform.remembered._VERSION", 2)
    sealed = seal(KEY, "a", REMEMBERED)
    monkeypatch.undo()
    with pytest.raises(CorruptDataError):
        unseal(KEY, "a", sealed)
