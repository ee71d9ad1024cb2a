"""The whole story, played by real programs over HTTP: a person, a visitor of a photo site, a reviewer.

Each step returns what was seen. A step that does not see what it should raises; nothing is skipped and nothing assumed.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from takeback.apps.demo_picture import cropped_copy, edited_copy, landscape
from takeback.apps.demo_video import film, trimmed_copy
from takeback.client.case import CaseClient, HeldStatus
from takeback.client.sealing import SealedSubmission, seal
from takeback.errors import TakebackError, UnavailableError
from takeback.hashing import VideoHasher, fingerprints_of
from takeback.model.case import HoldState

_PATIENCE_S = 30.0
_PAUSE_S = 0.1
_UNRELATED_SEED = 7
_FILM_SEEDS = (11, 12)
_COPIES = ("early", "held", "cropped", "video")
"""What is posted that somebody has to decide about."""

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class DemoAddresses:
    """Where the three servers of the story listen, and how to sign in as a reviewer."""

    registry: str
    kit: str
    sample: str
    review_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story.

    Args:
        step: its name.
        ok: whether it went as it should.
        seen: what was seen, in words.
    """

    step: str
    ok: bool
    seen: str


class StoryError(Exception):
    """Something was seen that should not be, or not seen in time."""


def play(at: DemoAddresses, picture: bytes, folder: Path, day: date) -> Iterator[Step]:
    """Play the story and yield each step as it happens; ends after the first that fails.

    Args:
        at: where the servers are.
        picture: any picture that can be hashed. It is used on this side only, and its edited copy on the photo site.
        folder: where the videos are made that the story needs.
        day: today, for the sealed case.
    """
    with _Story(at, picture, folder, day) as story:
        for name, act in story.steps():
            try:
                yield Step(name, True, act())
            except (StoryError, TakebackError, httpx.HTTPError) as error:
                yield Step(name, False, str(error))
                return


class _Story:
    def __init__(self, at: DemoAddresses, picture: bytes, folder: Path, day: date) -> None:
        self._picture = picture
        self._copy = edited_copy(picture)
        self._video = folder / "film.mp4"
        self._day = day
        self._person = CaseClient.at(at.registry)
        self._visitor = httpx.Client(base_url=at.sample, timeout=30)
        self._reviewer = httpx.Client(base_url=at.kit, timeout=30)
        self._review_code = at.review_code
        self._sealed: SealedSubmission | None = None
        self._posted: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._person.http.close()
        self._visitor.close()
        self._reviewer.close()

    def steps(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        """The steps in their order."""
        return (
            ("early", self._early),
            ("fingerprint", self._fingerprint),
            ("submit", self._submit),
            ("list", self._list),
            ("sync", self._sync),
            ("found", self._found),
            ("unrelated", self._unrelated),
            ("held", self._held),
            ("cropped", self._cropped),
            ("video", self._trimmed),
            ("review", self._review),
            ("removed", self._removed),
            ("status", self._status),
            ("withdraw", self._withdraw),
            ("passes", self._passes),
        )

    def _early(self) -> str:
        _wait(lambda: self._reviewer.get("/readyz").is_success or None, "the platform to sync")
        self._expect("early", edited_copy(self._picture, long_side_px=700), "published")
        return "somebody posts a copy of a picture that no list knows yet: it is published"

    def _fingerprint(self) -> str:
        picture = fingerprints_of(self._picture, edited_copies=True)
        film(self._video, *_FILM_SEEDS)
        with VideoHasher() as hasher:
            video = hasher.fingerprints_of(self._video)
        self._sealed = seal([picture.submittable, video.submittable], self._day)
        found = [item.algorithm.value for item in (*picture.submittable, *video.submittable)]
        names = ", ".join(dict.fromkeys(found))
        return f"a picture and a video of {video.duration_s:.0f} s, hashed on this device: {names}"

    def _submit(self) -> str:
        sealed = self._case()
        self._person.submit(sealed.submission)
        return f"acknowledged; the number to keep is {sealed.receipt.grouped()}"

    def _list(self) -> str:
        statuses = self._wait_for_states({HoldState.LISTED})
        return f"{len(statuses)} fingerprints are on the list"

    def _sync(self) -> str:
        submitted = {item.fingerprint.algorithm.value for item in self._case().submission.fingerprints}

        def synced() -> str | None:
            reply = self._reviewer.get("/readyz")
            lists = reply.json()["lists"] if reply.status_code == httpx.codes.OK else []
            if {item["list"] for item in lists if item["count"]} >= submitted:
                return ", ".join(f"{item['list']} at {item['seq']}" for item in lists)
            return None

        return f"the platform has verified {_wait(synced, 'the platform to sync')}"

    def _found(self) -> str:
        _wait(lambda: self._state("early") == "waiting" or None, "the platform to look back")
        if self._on_wall("early"):
            raise StoryError("what was found is still on the wall")
        return "looking back, the platform found the copy from before and took it down"

    def _unrelated(self) -> str:
        self._expect("unrelated", landscape(_UNRELATED_SEED), "published")
        return "another picture is published at once"

    def _held(self) -> str:
        self._expect("held", self._copy, "waiting")
        if self._on_wall("held"):
            raise StoryError("the edited copy is on the wall")
        return "a smaller, re-compressed copy is held: it does not appear on the wall"

    def _cropped(self) -> str:
        self._expect("cropped", cropped_copy(self._picture), "waiting")
        return "a copy cropped to 70 % of each side is held too"

    def _trimmed(self) -> str:
        copy = self._video.with_name("copy.mp4")
        trimmed_copy(self._video, copy)
        self._expect("video", copy.read_bytes(), "waiting")
        return "the middle half of the video, smaller and encoded anew, is held as well"

    def _leads(self) -> list[dict[str, Any]] | None:
        """The open leads, once the photo site has sent what the kit did not have."""
        answer = self._reviewer.get("/v1/leads", params={"state": "open"}).raise_for_status().json()
        leads: list[dict[str, Any]] = answer["leads"]
        return leads if leads and all(lead["has_copy"] for lead in leads) else None

    def _review(self) -> str:
        answer = self._reviewer.post("/v1/session", json={"code": self._review_code, "reviewer": "robin"})
        answer.raise_for_status()
        leads = _wait(self._leads, "the photo site to send its copy")
        if len(leads) != len(_COPIES):
            raise StoryError(f"{len(_COPIES)} should wait for review, but there are {len(leads)}")
        for lead in leads:
            decision = {"action": "remove", "reason": "intimate_image"}
            self._reviewer.post(f"/v1/leads/{lead['lead_id']}/decision", json=decision).raise_for_status()
        return f"they match: {'; '.join(_why(lead['matches'][0]) for lead in leads)}. The reviewer removes them"

    def _removed(self) -> str:
        for name in _COPIES:
            _wait(lambda name=name: self._state(name) == "removed" or None, "the photo site to remove it")  # type: ignore[misc]
        return f"the photo site removed all {len(_COPIES)}"

    def _status(self) -> str:
        statuses = self._wait_for_states({HoldState.REMOVED, HoldState.LISTED}, HoldState.REMOVED)
        removed = max(item.status.platforms for item in statuses if item.status.state is HoldState.REMOVED)
        return f"the case says: a copy was removed by {removed} platform"

    def _withdraw(self) -> str:
        self._person.withdraw(self._person.open(self._case().receipt).holds)
        statuses = self._wait_for_states({HoldState.WITHDRAWN})
        return f"{len(statuses)} fingerprints were taken back"

    def _passes(self) -> str:
        def empty() -> bool | None:
            lists = self._reviewer.get("/readyz").raise_for_status().json()["lists"]
            return all(item["count"] == 0 for item in lists) or None

        _wait(empty, "the withdrawal to reach the platform")
        self._expect("passes", edited_copy(self._picture, long_side_px=800), "published")
        return "the platform has synced the withdrawal; a copy passes"

    def _case(self) -> SealedSubmission:
        if self._sealed is None:
            raise StoryError("no case was made")
        return self._sealed

    def _expect(self, name: str, body: bytes, state: str) -> None:
        """Post something on the photo site; it has to become this."""
        reply = self._visitor.post("/api/photos", content=body, headers={"content-type": "application/octet-stream"})
        self._posted[name] = reply.raise_for_status().json()["id"]
        seen = self._state(name)
        if seen != state:
            raise StoryError(f"this should be {state}, but is {seen}")

    def _state(self, name: str) -> str:
        return str(self._visitor.get(f"/api/photos/{self._posted[name]}").raise_for_status().json()["state"])

    def _on_wall(self, name: str) -> bool:
        photos = self._visitor.get("/api/photos").raise_for_status().json()["photos"]
        return any(photo["id"] == self._posted[name] for photo in photos)

    def _wait_for_states(self, allowed: set[HoldState], needed: HoldState | None = None) -> tuple[HeldStatus, ...]:
        holds = self._person.open(self._case().receipt).holds

        def reached() -> tuple[HeldStatus, ...] | None:
            statuses = self._person.status(holds)
            states = {item.status.state for item in statuses}
            return statuses if states <= allowed and (needed is None or needed in states) else None

        return _wait(reached, f"the case to say {' or '.join(sorted(state.value for state in allowed))}")


def _why(match: dict[str, object]) -> str:
    if match.get("votes"):
        parts = "frames" if match["algorithm"] == "vpdq" else "parts"
        return f"{match['algorithm']}, {match['votes']} {parts} agree"
    return f"{match['algorithm']}, {match['distance']} bits apart"


def _wait(look: Callable[[], Seen | None], what: str) -> Seen:
    """Look again and again until something is seen; temporary failures outside count as nothing seen."""
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        try:
            seen = look()
        except UnavailableError:
            seen = None
        if seen is not None:
            return seen
        time.sleep(_PAUSE_S)
    raise StoryError(f"waited {_PATIENCE_S:.0f} s for {what}")
