import json
from collections.abc import Callable, Sequence

import httpx
import pytest

from takeback.client.backoff import Backoff
from takeback.client.feedback import FeedbackSender, OutboxItem, latest_words
from takeback.errors import UnavailableError
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

A, B, C = ("a" * 32, "b" * 32, "c" * 32)


def _item(item_id: int, entry_id: str, word: FeedbackValue = FeedbackValue.BLOCKED) -> OutboxItem:
    return OutboxItem(item_id, Feedback(Algorithm.PDQ, entry_id, word))


class ListOutbox:
    def __init__(self, items: Sequence[OutboxItem]) -> None:
        self.items = list(items)
        self.put_aside: list[tuple[int, str]] = []

    def waiting(self, limit: int) -> Sequence[OutboxItem]:
        return self.items[:limit]

    def delivered(self, item_ids: Sequence[int]) -> None:
        self.items = [item for item in self.items if item.item_id not in item_ids]

    def refused(self, item_id: int, code: str) -> None:
        self.delivered([item_id])
        self.put_aside.append((item_id, code))


def _sender(handle: Callable[[httpx.Request], httpx.Response]) -> FeedbackSender:
    return FeedbackSender(httpx.Client(transport=httpx.MockTransport(handle), base_url="http://registry"))


def test_everything_that_waits_arrives_once_and_the_latest_word_counts() -> None:
    sent: list[list[dict[str, str]]] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["feedback"])
        return httpx.Response(200, json={"accepted": len(sent[-1])})

    outbox = ListOutbox([_item(1, A, FeedbackValue.PENDING_REVIEW), _item(2, B), _item(3, A)])
    assert _sender(take).deliver(outbox) == 3
    assert outbox.items == []
    assert sent == [
        [
            {"list": "pdq", "entry_id": B, "value": "Blocked"},
            {"list": "pdq", "entry_id": A, "value": "Blocked"},
        ]
    ]


def test_more_than_a_batch_goes_in_several() -> None:
    sizes: list[int] = []

    def take(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)["feedback"]))
        return httpx.Response(200, json={"accepted": 0})

    outbox = ListOutbox([_item(i, f"{i:032x}") for i in range(1, 1502)])
    assert _sender(take).deliver(outbox) == 1501
    assert sizes == [1000, 501]


def test_an_unreachable_registry_loses_nothing() -> None:
    outbox = ListOutbox([_item(1, A)])
    with pytest.raises(UnavailableError):
        _sender(lambda _: httpx.Response(503)).deliver(outbox)
    assert len(outbox.items) == 1


def test_one_word_the_registry_will_not_take_does_not_hold_up_the_others() -> None:
    def take(request: httpx.Request) -> httpx.Response:
        words = json.loads(request.content)["feedback"]
        if any(word["entry_id"] == B for word in words):
            return httpx.Response(422, json={"code": "request.invalid"})
        return httpx.Response(200, json={"accepted": len(words)})

    outbox = ListOutbox([_item(1, A), _item(2, B), _item(3, C)])
    assert _sender(take).deliver(outbox) == 2
    assert outbox.items == []
    assert outbox.put_aside == [(2, "request.invalid")]


def test_latest_words_keeps_lists_apart() -> None:
    words = [OutboxItem(i, Feedback(name, A, FeedbackValue.BLOCKED)) for i, name in enumerate(Algorithm)]
    assert len(latest_words(words)) == len(Algorithm)


def test_backoff_doubles_up_to_a_limit_and_starts_over() -> None:
    backoff = Backoff(first_s=5.0, longest_s=30.0)
    assert backoff.after(failed=False) == 5.0
    assert [backoff.after(failed=True) for _ in range(5)] == [5.0, 10.0, 20.0, 30.0, 30.0]
    assert backoff.after(failed=False) == 5.0
    assert Backoff(first_s=600.0, longest_s=30.0).after(failed=True) == 600.0
