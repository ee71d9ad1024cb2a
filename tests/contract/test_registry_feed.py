"""The log and its heads: pages, time going on and time going back, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from takeback.model.fingerprint import Algorithm

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def test_a_clock_that_is_set_back_breaks_nothing(rig: RegistryRig) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    before = rig.head(Algorithm.PDQ)
    rig.clock.advance(-3 * 86_400)
    rig.submits(rig.pdq())
    rig.batch()
    assert len(rig.listed(Algorithm.PDQ)) == 2  # checks that days never fall
    assert rig.head(Algorithm.PDQ).issued >= before.issued
    assert rig.head(Algorithm.PDQ).expires >= before.expires
    other = rig.another_process()
    try:
        rig.registry.close()
        rig.registry = other
        assert rig.head(Algorithm.PDQ).issued >= before.issued
    finally:
        other.close()


def test_a_head_is_vouched_for_again_as_time_goes_on(rig: RegistryRig) -> None:
    first = rig.head(Algorithm.MD5)
    assert (first.issued, first.expires) == (rig.clock.now_s(), rig.clock.now_s() + 3600)
    rig.clock.advance(1000)
    assert rig.head(Algorithm.MD5).issued == rig.clock.now_s()


def test_changes_come_in_pages_with_the_head_of_the_same_moment(rig: RegistryRig) -> None:
    rig.submits(*(rig.md5() for _ in range(7)))
    rig.batch()
    feed, partner = rig.registry.services.feed, rig.partner.partner
    assert [change.seq for change in feed.changes(partner, "md5", 2, 3).changes] == [3, 4, 5]
    assert [change.seq for change in feed.changes(partner, "md5", 5, 10**9).changes] == [6, 7]
    assert feed.changes(partner, "md5", 7).changes == ()
    assert feed.changes(partner, "md5", 2**63 - 1).changes == ()
