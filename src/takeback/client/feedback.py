"""Sends a partner's words about entries back to the registry from a durable outbox.

Whoever uses this keeps the outbox; here is only the order of things: a word leaves the outbox after the registry has
said that it arrived, so a crash sends it twice rather than never, and twice does no harm (feed-v1 §6.2).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from takeback.client.transport import call, with_retries
from takeback.errors import InvalidInputError
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback
from takeback.wire.feed_v1 import MAX_FEEDBACK, FeedbackAcceptedShape, FeedbackBatchShape, feedback_shape
from takeback.wire.shape import parse_reply


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One word that waits.

    Args:
        item_id: the outbox's own number; larger is later.
        feedback: the word.
    """

    item_id: int
    feedback: Feedback


class Outbox(Protocol):
    """A durable queue of feedback."""

    def waiting(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest items, oldest first."""
        ...

    def delivered(self, item_ids: Sequence[int]) -> None:
        """Forget items that have arrived."""
        ...

    def refused(self, item_id: int, code: str) -> None:
        """Put aside an item the registry will never take."""
        ...


@dataclass(slots=True)
class FeedbackSender:
    """Sends batches.

    Args:
        http: from :func:`takeback.client.feed.partner_http`.
        waits_s: pauses between tries of :meth:`send_patiently`.
        sleep: how to pause.
    """

    http: httpx.Client = field(repr=False)
    waits_s: Sequence[float] = (0.5, 2.0, 5.0)
    sleep: Callable[[float], None] = time.sleep

    def send(self, batch: Sequence[Feedback]) -> int:
        """Send 1 to 1000 words; returns how many were about entries that are still there.

        Raises:
            TakebackError: as :func:`takeback.client.transport.call`; then none of it counts as sent.
        """
        shape = FeedbackBatchShape(feedback=[feedback_shape(one) for one in batch])
        reply = call(self.http, "POST", "/feedback/v1", body=shape.model_dump_json().encode())
        return parse_reply(FeedbackAcceptedShape, reply, "registry.reply").accepted

    def send_patiently(self, batch: Sequence[Feedback]) -> int:
        """The same, tried again while the registry cannot be reached. Sending twice does no harm (§6.2)."""
        return with_retries(lambda: self.send(batch), self.waits_s, self.sleep)

    def deliver(self, outbox: Outbox) -> int:
        """Send everything that waits, oldest first; returns how many items left the outbox by arriving.

        Raises:
            TakebackError: the registry cannot be reached or does not let us; what was not sent stays in the outbox.
        """
        delivered = 0
        while items := outbox.waiting(MAX_FEEDBACK):
            try:
                self.send(latest_words(items))
            except InvalidInputError as error:
                delivered += self._one_by_one(outbox, items, error)
                continue
            outbox.delivered([item.item_id for item in items])
            delivered += len(items)
        return delivered

    def _one_by_one(self, outbox: Outbox, items: Sequence[OutboxItem], error: InvalidInputError) -> int:
        """One word the registry will never take must not keep the others from arriving."""
        if len(items) == 1:
            outbox.refused(items[0].item_id, error.code)
            return 0
        delivered = 0
        for item in items:
            try:
                self.send([item.feedback])
            except InvalidInputError as refusal:
                outbox.refused(item.item_id, refusal.code)
            else:
                outbox.delivered([item.item_id])
                delivered += 1
        return delivered


def latest_words(items: Sequence[OutboxItem]) -> list[Feedback]:
    """The last word about each entry, in the order they were said: earlier ones would be overruled at once (§6.2)."""
    latest: dict[tuple[Algorithm, EntryId], Feedback] = {}
    for item in items:
        key = (item.feedback.list, item.feedback.entry_id)
        latest.pop(key, None)
        latest[key] = item.feedback
    return list(latest.values())
