"""Partners, their keys and lists, and what is written down about them, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from takeback.db import writing
from takeback.errors import ConflictError, CorruptDataError, InvalidInputError, NotAllowedError, NotFoundError
from takeback.exchange.tables import AUDIT
from takeback.httpkit.auth import UnknownCallerError
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def test_a_key_works_until_it_is_replaced_or_revoked(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    first = rig.partner
    assert partners.recognise(first.key.text()) == first.partner
    second = partners.rotate(first.partner.partner_id)
    assert partners.recognise(second.key.text()) == first.partner
    partners.revoke(first.partner.partner_id)
    partners.revoke(first.partner.partner_id)
    for text_of_key in (first.key.text(), second.key.text(), "", "tb1_x", f"tb1_{'0' * 16}_{'0' * 64}_{'0' * 32}"):
        with pytest.raises(UnknownCallerError) as caught:
            partners.recognise(text_of_key)
        assert caught.value.code == "partner.unknown"
    assert [partner.is_active for partner in partners.all()] == [False]
    with pytest.raises(NotFoundError):
        partners.rotate(first.partner.partner_id)
    with pytest.raises(NotFoundError):
        partners.revoke("0" * 16)


def test_partners_need_a_name_of_their_own_and_a_list(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    with pytest.raises(ConflictError):
        partners.add(" First platform ")
    for name in ("", "  ", "x" * 201, "a\nb"):
        with pytest.raises(InvalidInputError):
            partners.add(name)
    with pytest.raises(InvalidInputError):
        partners.add("Without lists", ())
    partners.revoke(rig.partner.partner.partner_id)
    assert partners.add("First platform").partner.partner_id != rig.partner.partner.partner_id


def test_a_partner_gets_only_the_lists_it_is_for(rig: RegistryRig) -> None:
    services = rig.registry.services
    partner = services.partners.add("Exact only", [Algorithm.MD5]).partner
    services.feed.changes(partner, "md5", 0)
    for act in (
        lambda: services.feed.head(partner, "pdq"),
        lambda: services.feed.changes(partner, "pdq", 0),
        lambda: services.feed.feedback(partner, [Feedback(Algorithm.PDQ, "0" * 32, FeedbackValue.BLOCKED)]),
    ):
        with pytest.raises(NotAllowedError) as caught:
            act()
        assert caught.value.code == "partner.not_entitled"
    with pytest.raises(NotFoundError) as unknown:
        services.feed.head(partner, "phash")
    assert unknown.value.code == "list.unknown"


def test_the_audit_log_has_every_pull_and_word_and_shows_tampering(rig: RegistryRig) -> None:
    feed, partner = rig.registry.services.feed, rig.partner.partner
    rig.submits(rig.pdq())
    rig.batch()
    (entry,) = feed.changes(partner, "pdq", 0).changes
    feed.changes(partner, "pdq", 1)
    feed.changes(partner, "pdq", 1)  # the same answer on the same day is one line
    feed.feedback(partner, [Feedback(Algorithm.PDQ, entry.entry_id, FeedbackValue.BLOCKED)])
    assert feed.verify_audit_log() == 4
    rig.clock.advance(86_400)
    feed.changes(partner, "pdq", 1)
    assert feed.verify_audit_log() == 5
    with writing(rig.registry.engine) as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.seq == 2).values(actor_id="f" * 16))
    with pytest.raises(CorruptDataError, match="line 2"):
        feed.verify_audit_log()
