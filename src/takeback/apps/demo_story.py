"""The whole story, played by real programs over HTTP: a person, a visitor of a photo site, a reviewer.

Each step returns what was seen. A step that does not see what it should raises; nothing is skipped and nothing assumed.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Self, TypeVar

import httpx

from takeback.apps.demo_picture import cropped_copy, edited_copy, landscape
from takeback.client.case import CaseClient, HeldStatus
from takeback.client.sealing import SealedSubmission, seal
from takeback.errors import TakebackError, UnavailableError
from takeback.hashing import fingerprints_of
from takeback.model.case import HoldState

_PATIENCE_S = 30.0
_PAUSE_S = 0.1
_UNRELATED_SEED = 7

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


def play(at: DemoAddresses, picture: bytes, day: date) -> Iterator[Step]:
    """Play the story and yield each step as it happens; ends after the first that fails.

    Args:
        at: where the servers are.
        picture: any picture that can be hashed. It is used on this side only, and its edited copy on the photo site.
        day: today, for the sealed case.
    """
    with _Story(at, picture, day) as story:
        for name, act in story.steps():
            try:
                yield Step(name, True, act())
            except (StoryError, TakebackError, httpx.HTTPError) as error:
                yield Step(name, False, str(error))
                return


class _Story:
    def __init__(self, at: DemoAddresses, picture: bytes, day: date) -> None:
        self._picture = picture
        self._copy = edited_copy(picture)
        self._day = day
        self._person = CaseClient.at(at.registry)
        self._visitor = httpx.Client(base_url=at.sample, timeout=30)
        self._reviewer = httpx.Client(base_url=at.kit, timeout=30)
        self._review_code = at.review_code
        self._sealed: SealedSubmission | None = None
        self._posted = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._person.http.close()
        self._visitor.close()
        self._reviewer.close()

    def steps(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        """The steps in their order."""
        return (
            ("fingerprint", self._fingerprint),
            ("submit", self._submit),
            ("list", self._list),
            ("sync", self._sync),
            ("unrelated", self._unrelated),
            ("held", self._held),
            ("cropped", self._cropped),
            ("review", self._review),
            ("removed", self._removed),
            ("status", self._status),
            ("withdraw", self._withdraw),
            ("passes", self._passes),
        )

    def _fingerprint(self) -> str:
        hashed = fingerprints_of(self._picture, edited_copies=True)
        self._sealed = seal([hashed.submittable], self._day)
        names = ", ".join(dict.fromkeys(item.algorithm.value for item in hashed.submittable))
        return f"{hashed.width} × {hashed.height} picture, fingerprints on this device: {names}"

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

    def _unrelated(self) -> str:
        state = self._post(landscape(_UNRELATED_SEED))
        if state != "published":
            raise StoryError(f"an unrelated picture should be published, but is {state}")
        return "another picture is published at once"

    def _held(self) -> str:
        state = self._post(self._copy)
        if state != "waiting":
            raise StoryError(f"the edited copy should be held, but is {state}")
        if self._on_wall():
            raise StoryError("the edited copy is on the wall")
        return "a smaller, re-compressed copy is held: it does not appear on the wall"

    def _cropped(self) -> str:
        state = self._post(cropped_copy(self._picture))
        if state != "waiting":
            raise StoryError(f"the cropped copy should be held, but is {state}")
        return "a copy cropped to 70 % of each side is held too"

    def _review(self) -> str:
        answer = self._reviewer.post("/v1/session", json={"code": self._review_code, "reviewer": "robin"})
        answer.raise_for_status()
        leads = self._reviewer.get("/v1/leads", params={"state": "open"}).raise_for_status().json()["leads"]
        for lead in leads:
            decision = {"action": "remove", "reason": "intimate_image"}
            self._reviewer.post(f"/v1/leads/{lead['lead_id']}/decision", json=decision).raise_for_status()
        return f"they match: {'; '.join(_why(lead['matches'][0]) for lead in leads)}. The reviewer removes them"

    def _removed(self) -> str:
        _wait(lambda: self._state() == "removed" or None, "the photo site to remove it")
        return "the photo site removed it"

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
        state = self._post(edited_copy(self._picture, long_side_px=800))
        if state != "published":
            raise StoryError(f"after the withdrawal a copy should pass, but is {state}")
        return "the platform has synced the withdrawal; a copy passes"

    def _case(self) -> SealedSubmission:
        if self._sealed is None:
            raise StoryError("no case was made")
        return self._sealed

    def _post(self, picture: bytes) -> str:
        reply = self._visitor.post("/api/photos", content=picture, headers={"content-type": "image/jpeg"})
        self._posted = reply.raise_for_status().json()["id"]
        return self._state()

    def _state(self) -> str:
        return str(self._visitor.get(f"/api/photos/{self._posted}").raise_for_status().json()["state"])

    def _on_wall(self) -> bool:
        photos = self._visitor.get("/api/photos").raise_for_status().json()["photos"]
        return any(photo["id"] == self._posted for photo in photos)

    def _wait_for_states(self, allowed: set[HoldState], needed: HoldState | None = None) -> tuple[HeldStatus, ...]:
        holds = self._person.open(self._case().receipt).holds

        def reached() -> tuple[HeldStatus, ...] | None:
            statuses = self._person.status(holds)
            states = {item.status.state for item in statuses}
            return statuses if states <= allowed and (needed is None or needed in states) else None

        return _wait(reached, f"the case to say {' or '.join(sorted(state.value for state in allowed))}")


def _why(match: dict[str, object]) -> str:
    if match.get("votes"):
        return f"{match['algorithm']}, {match['votes']} parts agree"
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
