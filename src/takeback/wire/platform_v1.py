"""Shapes of the platform kit's interface. Source: docs/protocol/platform-v1.md §2 to §5."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from takeback.model.match import Match
from takeback.wire.case_v1 import AlgorithmName
from takeback.wire.shape import Hex32, ReplyShape, Shape

CONTENT_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
MAX_WAIT_S = 25
"""The longest a platform may have the answer about decisions held back (§3.1)."""

TierName = Literal["hold", "look", "clear"]
ActionName = Literal["remove", "keep"]
ReasonName = Literal["intimate_image", "minor", "not_the_same", "not_intimate", "other"]
NoticeActionName = Literal["hold", "look", "remove", "keep"]
NoticeReasonName = Literal["listed_later", "intimate_image", "minor", "not_the_same", "not_intimate", "other"]
ContentId = Annotated[str, StringConstraints(pattern=CONTENT_ID_PATTERN)]


class TimesShape(ReplyShape):
    """Where a match of ``vpdq`` is seen, in seconds."""

    upload_start: Annotated[float, Field(ge=0)]
    upload_end: Annotated[float, Field(ge=0)]
    listed_start: Annotated[float, Field(ge=0)]
    listed_end: Annotated[float, Field(ge=0)]


class CheckMatchShape(ReplyShape):
    """One entry that a picture or a video is near to."""

    list: AlgorithmName
    entry: Hex32
    algorithm: AlgorithmName
    distance: Annotated[int, Field(ge=0)]
    votes: Annotated[int, Field(ge=0)] | None = None
    tier: TierName
    times: TimesShape | None = None


class ListSeenShape(ReplyShape):
    """A list as it stood when a question was asked. ``verified`` is Unix seconds."""

    list: AlgorithmName
    seq: Annotated[int, Field(ge=0)]
    verified: int
    stale: bool


class CheckReplyShape(ReplyShape):
    """Answer of ``POST /v1/check``."""

    verdict: Literal["clear", "held"]
    tier: TierName
    lead_id: Hex32 | None
    deadline: int | None
    matches: list[CheckMatchShape]
    lists: list[ListSeenShape]


class DecisionShape(ReplyShape):
    """One line of the log: a decision, or a find that asks for something. ``decided`` is Unix seconds."""

    seq: Annotated[int, Field(ge=1)]
    lead_id: Hex32
    content_id: ContentId
    action: NoticeActionName
    reason: NoticeReasonName
    decided: int


class DecisionsShape(ReplyShape):
    """Answer of ``GET /v1/decisions``; ``seq`` is where to go on."""

    decisions: list[DecisionShape]
    seq: Annotated[int, Field(ge=0)]


class SessionShape(Shape):
    """Body of ``POST /v1/session``. ``reviewer`` is a pseudonym."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    reviewer: Annotated[str, StringConstraints(pattern=r"^[\w][\w .-]{0,39}$")]


class LeadMatchShape(CheckMatchShape):
    """A match in a lead. ``withdrawn`` says that the entry has left the list since."""

    withdrawn: bool


class LeadDecisionShape(ReplyShape):
    """What was decided about a lead."""

    action: ActionName
    reason: ReasonName
    reviewer: str
    decided: int


class FrameShape(ReplyShape):
    """One picture of a video's filmstrip: its time in seconds, and whether it is in the matching stretch."""

    time: Annotated[float, Field(ge=0)]
    match: bool


class LeadShape(ReplyShape):
    """A lead as a reviewer and the platform see it. Times are Unix seconds.

    ``found_later``: it was on the platform before the entry was on the list. ``has_copy``: there is a file to look at.
    """

    lead_id: Hex32
    content_id: ContentId
    held: bool
    found_later: bool
    has_copy: bool
    created: int
    deadline: int
    state: Literal["open", "decided"]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    media: Literal["image", "video"]
    duration: Annotated[float, Field(ge=0)] | None = None
    frames: list[FrameShape]
    matches: list[LeadMatchShape]
    decision: LeadDecisionShape | None = None


class LeadsShape(ReplyShape):
    """Answer of ``GET /v1/leads``: the most urgent leads, how many are open, and how many of those are overdue."""

    leads: list[LeadShape]
    open: Annotated[int, Field(ge=0)]
    overdue: Annotated[int, Field(ge=0)]


class DecideShape(Shape):
    """Body of ``POST /v1/leads/{lead_id}/decision``."""

    action: ActionName
    reason: ReasonName


class ListReadyShape(ListSeenShape):
    """A list in ``GET /readyz``. ``looked_back``: up to where all that is remembered was compared with it."""

    count: Annotated[int, Field(ge=0)]
    looked_back: Annotated[int, Field(ge=0)] | None = None


class ReadyShape(ReplyShape):
    """Answer of ``GET /readyz``."""

    lists: list[ListReadyShape]


def check_match_shape(match: Match) -> CheckMatchShape:
    """A match on its way out."""
    return CheckMatchShape(
        list=match.algorithm.value,
        entry=match.entry_id,
        algorithm=match.algorithm.value,
        distance=match.distance_bits,
        tier=match.tier.value,
        votes=match.votes,
        times=None
        if match.times is None
        else TimesShape(
            upload_start=match.times.upload_start_s,
            upload_end=match.times.upload_end_s,
            listed_start=match.times.listed_start_s,
            listed_end=match.times.listed_end_s,
        ),
    )
