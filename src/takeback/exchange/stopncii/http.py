"""Routes of the StopNCII shape.

**Source:** docs/protocol/partner-shapes.md §3.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from takeback.exchange.gate import PartnerGate
from takeback.exchange.offers import OfferService
from takeback.exchange.stopncii.service import HashRecord, StopNciiService
from takeback.exchange.types import Partner, Scope
from takeback.httpkit.problem import problem_replies
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.wire.stopncii_v1 import (
    MAX_PAGE,
    SIGNAL_TYPES,
    CSPFeedbackShape,
    FetchHashesShape,
    HashRecordShape,
    ReceivedShape,
    SentHashShape,
    SubmitFeedbackShape,
    SubmitHashesShape,
    parse_hash,
    parse_value,
    parse_word,
)

_SOURCE = "participating platforms"
_MAX_TIME = 2**40


def stopncii_routes(gate: PartnerGate, stopncii: StopNciiService, offers: OfferService) -> APIRouter:
    """The routes under ``/stopncii/v1``; all need the shape's two keys."""
    routes = APIRouter(prefix="/stopncii/v1", responses=problem_replies(401, 403, 422, 429, 503))

    def pulling(request: Request) -> Partner:
        return gate.stopncii(request, Scope.PULL)

    def speaking(request: Request) -> Partner:
        return gate.stopncii(request, Scope.FEEDBACK)

    def submitting(request: Request) -> Partner:
        return gate.stopncii(request, Scope.SUBMIT)

    Caller = Annotated[Partner, Depends(pulling)]  # noqa: N806 - a type
    Speaker = Annotated[Partner, Depends(speaking)]  # noqa: N806 - a type
    Submitter = Annotated[Partner, Depends(submitting)]  # noqa: N806 - a type

    @routes.get("/FetchHashes", response_model=FetchHashesShape)
    def fetch_hashes(
        partner: Caller,
        start: Annotated[int, Query(alias="startTimestamp", ge=0, le=_MAX_TIME)] = 0,
        size: Annotated[int, Query(alias="pageSize", ge=1, le=MAX_PAGE)] = 800,
        token: Annotated[str | None, Query(alias="nextPageToken", max_length=100)] = None,
    ) -> Response:
        page = stopncii.fetch(partner, start, size, token)
        shape = FetchHashesShape(
            count=len(page.records),
            nextPageToken=page.next_token,
            nextSetTimestamp=page.delivered_s,
            hasMoreRecords=page.next_token is not None,
            hashRecords=[_record(record) for record in page.records],
        )
        # Written once here; FastAPI would check every record a second time.
        return Response(shape.model_dump_json(), media_type="application/json")

    @routes.post("/SubmitFeedback", responses=problem_replies(413))
    def submit_feedback(body: SubmitFeedbackShape, partner: Speaker) -> ReceivedShape:
        words = [
            (*found, word)
            for one in body.hashFeedbacks
            if (found := parse_value(one.hashValue)) and (word := parse_word(one.feedbackValue))
        ]
        return ReceivedShape(count=stopncii.feedback(partner, words))

    @routes.post("/SubmitHashes", responses=problem_replies(413))
    def submit_hashes(body: SubmitHashesShape, partner: Submitter) -> ReceivedShape:
        offered = [found for one in body.hashRecords if (found := parse_hash(one))]
        taken = offers.offer(partner, offered)
        stopncii.feedback(partner, [word for one in body.hashRecords for word in _own_words(one)])
        return ReceivedShape(count=taken)

    return routes


def _record(record: HashRecord) -> HashRecordShape:
    words = [CSPFeedbackShape(source=_SOURCE, feedbackValue=word.value, tags=[]) for word in record.words]
    return HashRecordShape(
        lastModtimestamp=record.changed_s,
        signalType=SIGNAL_TYPES[record.list],
        hashValue=record.value,
        hashStatus="Active" if record.is_listed else "Withdrawn",
        caseNumbers={},
        CSPFeedbacks=words,
    )


def _own_words(shape: SentHashShape) -> list[tuple[Algorithm, bytes, FeedbackValue]]:
    found = parse_value(shape.hashValue)
    words = [word for one in shape.CSPFeedbacks if (word := parse_word(one.feedbackValue))]
    return [(*found, words[-1])] if found and words else []
