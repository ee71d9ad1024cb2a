import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from takeback.errors import NotFoundError, UnavailableError
from takeback.sample.types import Photo, PhotoState
from takeback.sample.wall import Wall


def _photo(photo_id: str) -> Photo:
    return Photo(photo_id, PhotoState.WAITING, is_checked=False, posted_s=1)


def test_a_full_wall_says_so_and_has_room_again(tmp_path: Path) -> None:
    for wall in (Wall(tmp_path, max_photos=2), Wall(tmp_path, max_total_bytes=8)):
        for name in "ab":
            wall.add(_photo(name), b"1234")
        with pytest.raises(UnavailableError) as refusal:
            wall.add(_photo("c"), b"1234")
        assert refusal.value.code == "wall.full"
        wall.drop("a")
        wall.add(_photo("c"), b"1234")


def test_a_removed_picture_makes_room(tmp_path: Path) -> None:
    wall = Wall(tmp_path, max_total_bytes=4)
    wall.add(_photo("a"), b"1234")
    wall.remove("a")
    wall.add(_photo("b"), b"1234")


class WallMachine(RuleBasedStateMachine):
    """Answers and the kit's log arrive in any order: the first stands against a late answer, what a reviewer removed
    never comes back, nothing unchecked shows."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.wall = Wall(Path(self.folder.name))
        self.posted: set[str] = set()
        self.checked: set[str] = set()
        self.allowed: set[str] = set()
        self.removed: set[str] = set()

    ids = st.sampled_from(["a", "b", "c"])

    @rule(photo_id=ids)
    def post(self, photo_id: str) -> None:
        if photo_id not in self.posted:
            self.wall.add(_photo(photo_id), photo_id.encode())
            self.posted.add(photo_id)

    @rule(photo_id=ids, publish=st.booleans())
    def answer(self, photo_id: str, publish: bool) -> None:
        self.wall.note_checked(photo_id, publish=publish)
        if publish and photo_id in self.posted - self.checked:
            self.allowed.add(photo_id)
        self.checked |= {photo_id} & self.posted

    @rule(photo_id=ids)
    def take_down(self, photo_id: str) -> None:
        self.wall.take_down(photo_id)
        self.allowed.discard(photo_id)
        self.checked |= {photo_id} & self.posted

    @rule(photo_id=ids)
    def keep(self, photo_id: str) -> None:
        self.wall.publish(photo_id)
        self.allowed |= {photo_id} & self.posted
        self.checked |= {photo_id} & self.posted

    @rule(photo_id=ids)
    def remove(self, photo_id: str) -> None:
        self.wall.remove(photo_id)
        self.removed |= {photo_id} & self.posted
        self.checked |= {photo_id} & self.posted

    @invariant()
    def only_the_allowed_shows(self) -> None:
        shown = {photo.photo_id for photo in self.wall.published()}
        assert shown == self.allowed - self.removed
        for photo_id in self.posted - shown:
            with pytest.raises(NotFoundError):
                self.wall.published_bytes(photo_id)
        for photo_id in shown:
            assert self.wall.published_bytes(photo_id) == photo_id.encode()

    @invariant()
    def removed_bytes_are_gone(self) -> None:
        left = {path.name for path in Path(self.folder.name).iterdir()}
        assert left == self.posted - self.removed

    def teardown(self) -> None:
        self.folder.cleanup()


TestWall = WallMachine.TestCase
TestWall.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
