"""The StopNCII shape, version 1. Source: docs/protocol/partner-shapes.md §3.

What comes in is read tolerantly, as its own clients send it: unknown members are left alone, and a name of an
enumeration may carry its class in front (``StopNCIISignalType.ImagePDQ``).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from takeback.errors import InvalidInputError
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint, parse_fingerprint, value_length
from takeback.model.lead import FeedbackValue
from takeback.wire.shape import ReplyShape

MAX_SUBMITTED = 1_000
MAX_PAGE = 10_000

SIGNAL_TYPES = {Algorithm.PDQ: "ImagePDQ", Algorithm.MD5: "VideoMD5"}
_ALGORITHMS = {name: algorithm for algorithm, name in SIGNAL_TYPES.items()}
_WORDS = {value.value: value for value in FeedbackValue}

_Text = Annotated[str, StringConstraints(max_length=200)]


class _SentShape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CSPFeedbackShape(ReplyShape):
    """What participating platforms together said of a hash; none of them is named."""

    source: str
    feedbackValue: str  # noqa: N815 - the protocol's name
    tags: list[str]


class HashRecordShape(ReplyShape):
    """One hash as it is shown."""

    lastModtimestamp: int  # noqa: N815 - the protocol's name
    signalType: str  # noqa: N815 - the protocol's name
    hashValue: str  # noqa: N815 - the protocol's name
    hashStatus: Literal["Active", "Withdrawn"]  # noqa: N815 - the protocol's name
    caseNumbers: dict[str, str]  # noqa: N815 - the protocol's name
    CSPFeedbacks: list[CSPFeedbackShape]


class FetchHashesShape(ReplyShape):
    """Answer of ``FetchHashes``."""

    count: int
    nextPageToken: str | None  # noqa: N815 - the protocol's name
    nextSetTimestamp: int  # noqa: N815 - the protocol's name
    hasMoreRecords: bool  # noqa: N815 - the protocol's name
    hashRecords: list[HashRecordShape]  # noqa: N815 - the protocol's name


class SentFeedbackShape(_SentShape):
    """One word about one hash."""

    hashValue: _Text  # noqa: N815 - the protocol's name
    feedbackValue: _Text  # noqa: N815 - the protocol's name


class SubmitFeedbackShape(_SentShape):
    """Body of ``SubmitFeedback``."""

    hashFeedbacks: Annotated[list[SentFeedbackShape], Field(max_length=MAX_SUBMITTED)]  # noqa: N815 - the protocol's name


class _OwnFeedbackShape(_SentShape):
    feedbackValue: _Text  # noqa: N815 - the protocol's name


class SentHashShape(_SentShape):
    """One hash that a platform offers."""

    signalType: _Text  # noqa: N815 - the protocol's name
    hashValue: _Text  # noqa: N815 - the protocol's name
    CSPFeedbacks: Annotated[list[_OwnFeedbackShape], Field(max_length=20)] = []


class SubmitHashesShape(_SentShape):
    """Body of ``SubmitHashes``."""

    hashRecords: Annotated[list[SentHashShape], Field(max_length=MAX_SUBMITTED)]  # noqa: N815 - the protocol's name


class ReceivedShape(ReplyShape):
    """Answer to what was sent: how much of it was taken."""

    count: int


def parse_word(untrusted: str) -> FeedbackValue | None:
    """A word of ours; ``None`` for one that says nothing about a picture (``None``, ``Unknown``) or is unknown here."""
    return _WORDS.get(untrusted.rpartition(".")[2])


def parse_value(untrusted: str) -> tuple[Algorithm, bytes] | None:
    """Which list a bare hash belongs to, by its length; ``None`` if to none that this shape has."""
    text = untrusted.strip().lower()
    for algorithm in SIGNAL_TYPES:
        if len(text) == value_length(algorithm):
            try:
                return algorithm, bytes.fromhex(text)
            except ValueError:
                return None
    return None


def parse_hash(shape: SentHashShape) -> Fingerprint | None:
    """A hash that a platform offers; ``None`` for a type or a value this registry has no list for."""
    algorithm = _ALGORITHMS.get(shape.signalType.rpartition(".")[2])
    if algorithm is None:
        return None
    # The shape has no quality: the lowest that can be looked for promises least.
    quality = MIN_QUALITY if algorithm is Algorithm.PDQ else None
    try:
        return parse_fingerprint(algorithm, shape.hashValue.strip().lower(), quality)
    except InvalidInputError:
        return None
