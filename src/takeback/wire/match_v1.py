"""Shapes of match-as-a-service. Source: docs/protocol/match-v1.md §2."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from takeback.errors import InvalidInputError
from takeback.model.fingerprint import MAX_VALUE_DIGITS, MIN_QUALITY, Algorithm, Fingerprint, parse_fingerprint
from takeback.model.match import Match, Tier
from takeback.wire.case_v1 import AlgorithmName
from takeback.wire.shape import Hex32, ReplyShape, Shape

MAX_FINGERPRINTS = 128
"""Of one picture or video: eight turned and mirrored PDQs for each way of shrinking and each part, digests, a set."""


class AskedShape(Shape):
    """One fingerprint of what is asked about."""

    algorithm: AlgorithmName
    value: Annotated[str, StringConstraints(max_length=MAX_VALUE_DIGITS)]
    quality: Annotated[int, Field(ge=0, le=100)] | None = None


class QueryShape(Shape):
    """Body of ``POST /match/v1/query``: the fingerprints of one picture or video."""

    fingerprints: Annotated[list[AskedShape], Field(min_length=1, max_length=MAX_FINGERPRINTS)]


class MatchShape(ReplyShape):
    """One entry that is near."""

    list: AlgorithmName
    entry: Hex32
    distance: Annotated[int, Field(ge=0)]
    votes: Annotated[int, Field(ge=1)] | None = None
    tier: Literal["hold", "look"]


class AnsweredShape(ReplyShape):
    """How far a list had been read when it was asked."""

    list: AlgorithmName
    seq: Annotated[int, Field(ge=0)]


class AnswerShape(ReplyShape):
    """The answer: the strongest tier, the entries, and the lists that were asked."""

    tier: Literal["hold", "look", "clear"]
    matches: list[MatchShape]
    lists: list[AnsweredShape]


def parse_query(shape: QueryShape) -> list[Fingerprint]:
    """Read a question.

    Raises:
        InvalidInputError: ``fingerprint.format`` or ``fingerprint.quality``; also for a PDQ that says nothing.
    """
    asked = [parse_fingerprint(Algorithm(one.algorithm), one.value, one.quality) for one in shape.fingerprints]
    if any(one.quality is not None and one.quality < MIN_QUALITY for one in asked):
        raise InvalidInputError(
            "fingerprint.quality", f"A PDQ fingerprint of a quality below {MIN_QUALITY} cannot be looked for."
        )
    return asked


def answer_shape(matches: list[Match], seqs: dict[Algorithm, int]) -> AnswerShape:
    """An answer on its way out."""
    tiers = {match.tier for match in matches}
    return AnswerShape(
        tier="hold" if Tier.HOLD in tiers else "look" if Tier.LOOK in tiers else "clear",
        matches=[
            MatchShape(
                list=match.algorithm.value,
                entry=match.entry_id,
                distance=match.distance_bits,
                votes=match.votes,
                tier="hold" if match.tier is Tier.HOLD else "look",
            )
            for match in matches
        ],
        lists=[AnsweredShape(list=name.value, seq=seq) for name, seq in sorted(seqs.items())],
    )
