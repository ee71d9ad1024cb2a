"""What platforms say about entries, and what a person is told of it, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from takeback.model.case import HoldState, HoldStatus
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

LISTED = HoldStatus(HoldState.LISTED, 0)
WITHDRAWN = HoldStatus(HoldState.WITHDRAWN, 0)


def _says(rig: RegistryRig, partner: int, entry_id: str, *values: FeedbackValue) -> int:
    services = rig.registry.services
    while len(services.partners.all()) <= partner:
        services.partners.add(f"Platform {len(services.partners.all())}")
    who = services.partners.all()[partner]
    return services.feed.feedback(who, [Feedback(Algorithm.PDQ, entry_id, value) for value in values])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], LISTED),
        ([FeedbackValue.QUALITY_UNKNOWN], HoldStatus(HoldState.FOUND, 1)),
        ([FeedbackValue.QUALITY_UNKNOWN, FeedbackValue.NOT_BLOCKED], HoldStatus(HoldState.FOUND, 2)),
        ([FeedbackValue.NOT_BLOCKED, FeedbackValue.PENDING_REVIEW], HoldStatus(HoldState.IN_REVIEW, 1)),
        (
            [FeedbackValue.BLOCKED, FeedbackValue.PENDING_REVIEW, FeedbackValue.BLOCKED, FeedbackValue.NOT_BLOCKED],
            HoldStatus(HoldState.REMOVED, 2),
        ),
    ],
)
def test_a_status_is_the_furthest_thing_any_platform_says(
    rig: RegistryRig, words: list[FeedbackValue], expected: HoldStatus
) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    for partner, value in enumerate(words):
        assert _says(rig, partner, entry_id, value) == 1
    assert rig.status(*person.tokens) == [expected, LISTED]


def test_the_latest_word_of_a_platform_counts_once(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    assert _says(rig, 0, entry_id, FeedbackValue.PENDING_REVIEW, FeedbackValue.BLOCKED) == 2
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.REMOVED, 1)]
    _says(rig, 0, entry_id, FeedbackValue.BLOCKED)
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.REMOVED, 1)]
    _says(rig, 0, entry_id, FeedbackValue.NOT_BLOCKED)
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.FOUND, 1)]


def test_words_about_an_entry_that_is_gone_or_elsewhere_are_dropped(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    (gone,) = rig.listed(Algorithm.PDQ)
    (elsewhere,) = rig.listed(Algorithm.MD5)
    _says(rig, 0, gone, FeedbackValue.BLOCKED)
    rig.withdraws(person.tokens[0])
    rig.batch()
    assert _says(rig, 0, gone, FeedbackValue.BLOCKED) == 0
    assert _says(rig, 0, elsewhere, FeedbackValue.BLOCKED) == 0
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]


# Clocks, failures, company
