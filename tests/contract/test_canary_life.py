"""Canaries come, go, move and stay as they should."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlalchemy import text
from tests.canaried_rig import DAY_S, MD5, PDQ, Canaried, until_gone
from tests.made_entries import made_up
from tests.registry_rig import RegistryRig

from takeback.db import reading
from takeback.exchange.partners import IssuedKey
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.canary_life import FEW
from takeback.registry.decoy_key import open_decoys
from takeback.registry.verification import verify_lists


@pytest.fixture
def canaried(rig: RegistryRig) -> Canaried:
    return Canaried(rig)


def test_canaries_go_like_decoys_and_nothing_else_goes_with_them(canaried: Canaried) -> None:
    canaried.fill(MD5)
    person = canaried.rig.submits(made_up(MD5), made_up(MD5))
    canaried.rig.batch()
    canaries = {change.entry_id for change in canaried.canaries(canaried.first, MD5)}
    canaries |= {change.entry_id for change in canaried.canaries(canaried.second, MD5)}
    before = canaried.told(canaried.first, MD5)
    until_gone(canaried, MD5)
    after = canaried.told(canaried.first, MD5)
    assert {change.entry_id for change in after[len(before) :]} == canaries
    assert {change.op for change in after[len(before) :]} == {Op.REMOVE}
    assert len({status.state for status in canaried.rig.status(*person.tokens)}) == 1


def test_a_canary_that_somebody_submits_stays_for_them_like_any_entry(canaried: Canaried) -> None:
    """Or a partner could find its canaries by submitting what it was told, and taking it back."""
    canaried.fill(MD5)
    canary = canaried.canaries(canaried.first, MD5)[0]
    length = len(canaried.told(canaried.first, MD5))
    person = canaried.rig.submits(Fingerprint(MD5, canary.value or ""))
    canaried.rig.batch()
    assert len(canaried.told(canaried.first, MD5)) == length, "it was listed already"
    canaried.rig.withdraws(*person.tokens)
    canaried.rig.batch()
    assert len(canaried.told(canaried.first, MD5)) == length, "and is still held"


def test_off_the_feed_and_back_on_it_a_canary_is_told_to_the_same_partner(canaried: Canaried) -> None:
    canaried.fill(PDQ)
    quarantine = canaried.rig.registry.services.quarantine
    canary = canaried.canaries(canaried.first, PDQ)[0]
    quarantine.take_off(canary.entry_id)
    new_id = quarantine.restore(canary.entry_id)
    told, withheld = (canaried.told(partner, PDQ)[-1] for partner in (canaried.first, canaried.second))
    assert (told.op, told.value, told.entry_id) == (Op.ADD, canary.value, new_id)
    assert (withheld.op, withheld.value, withheld.entry_id) == (Op.WITHHELD, None, new_id)
    assert canaried.says(canaried.second, PDQ, new_id) == 0
    until_gone(canaried, PDQ)
    assert canaried.told(canaried.first, PDQ)[-1].op is Op.REMOVE


def test_after_compaction_each_partner_gets_its_own_snapshot_again(canaried: Canaried) -> None:
    person = canaried.rig.submits(made_up(PDQ), made_up(PDQ))
    canaried.fill(PDQ)
    canaries = {change.entry_id for change in canaried.canaries(canaried.first, PDQ)}
    canaried.rig.withdraws(person.tokens[0])
    canaried.rig.batch()
    canaried.rig.clock.advance(5 * DAY_S)
    canaried.rig.registry.keeper.run_once()
    for partner, expected in ((canaried.first, canaries), (canaried.second, set[str]())):
        rows = canaried.snapshot(partner, PDQ)
        assert {change.entry_id for change in rows if canaried.is_canary(canaried.first, change)} == expected
        assert canaries <= {change.entry_id for change in rows}
        assert len(rows) == canaried.rig.head(PDQ).count
    with reading(canaried.rig.registry.engine) as connection:
        assert {one.list: one.count for one in verify_lists(connection)}[PDQ] == canaried.rig.head(PDQ).count


def test_old_copies_of_one_partner_are_erased_when_they_have_had_their_day(canaried: Canaried) -> None:
    canaried.fill(MD5)
    person = canaried.rig.submits(made_up(MD5))
    canaried.rig.batch()
    own = f"md5.{canaried.first.partner_id}.note"
    canaried.snapshot(canaried.first, MD5)
    folder = canaried.rig.folder / "snapshots"
    canaried.rig.registry.keeper.run_once()
    assert (folder / own).is_file()
    canaried.rig.withdraws(*person.tokens)
    canaried.rig.batch()
    canaried.rig.clock.advance(5 * DAY_S)
    canaried.rig.registry.keeper.run_once()
    assert not (folder / own).exists()


def test_who_does_not_pull_a_list_has_no_canaries_there(canaried: Canaried) -> None:
    partners = canaried.rig.registry.services.partners
    narrow = partners.add("Only MD5", [MD5]).partner
    gone = partners.add("Gone", [PDQ]).partner
    partners.revoke(gone.partner_id)
    canaried.fill(PDQ, MD5)
    canaried.fill(MD5, partner=narrow)
    counts = {(one.partner_id, one.list): one.canaries for one in canaried.desk().canaries()}
    assert counts[narrow.partner_id, MD5] >= FEW
    assert (narrow.partner_id, PDQ) not in counts
    assert gone.partner_id not in {partner_id for partner_id, _ in counts}
    assert all(count <= FEW + 1 for count in counts.values()), "a short list has no more than a few"
    canaried.batch(PDQ)
    assert canaried.rig.registry.services.feed.changes(narrow, "md5", 0).changes


def test_a_batch_has_as_many_of_one_digest_as_of_the_other(canaried: Canaried) -> None:
    """Every file has one MD5 and one SHA-256: a canary of one without the other would show in the numbers."""
    pair = (MD5, Algorithm.SHA256)
    ends = dict.fromkeys(pair, 0)
    for _ in range(100):  # each brings each of them some with chance 5/12
        canaried.batch(PDQ, *pair, each=3)
        new = {name: canaried.told(canaried.first, name)[ends[name] :] for name in pair}
        for op in (Op.ADD, Op.WITHHELD):
            assert len({sum(change.op is op for change in changes) for changes in new.values()}) == 1
        ends = {name: ends[name] + len(new[name]) for name in pair}
        if canaried.canaries(canaried.first, MD5) and canaried.canaries(canaried.second, MD5):
            return
    pytest.fail("no canaries come")


def test_long_lists_have_more_canaries_of_different_days(canaried: Canaried) -> None:
    canaried.fill(MD5, each=60)
    for _ in range(400):  # each brings some with chance one in ten
        canaried.rig.clock.advance(DAY_S)
        canaried.batch(MD5)
        counts = {one.partner_id: one.canaries for one in canaried.desk().canaries()}
        if counts[canaried.first.partner_id] > FEW + 1:
            break
    mine = canaried.canaries(canaried.first, MD5)
    assert FEW + 1 < counts[canaried.first.partner_id] <= len(canaried.told(canaried.first, MD5)) // 50
    assert len({change.day for change in mine}) > 1


def test_a_new_key_is_the_same_partner(canaried: Canaried) -> None:
    canaried.fill(MD5)
    issued: IssuedKey = canaried.rig.registry.services.partners.rotate(canaried.first.partner_id)
    recognised = canaried.rig.registry.services.partners.recognise(issued.key.text())
    assert canaried.told(recognised, MD5) == canaried.told(canaried.first, MD5)


def test_canaries_are_nobodys_company(canaried: Canaried) -> None:
    """A copy of the database says which entries they are, so a batch is topped up as if they were not there."""
    rig = canaried.rig
    rig.restart(**{**rig.settings, "batch_min_cases": 5, "batch_longest_wait_min": 0})
    key = open_decoys(rig.folder / "keys")
    for _ in range(12):
        before = _count(rig, "cases")
        entries = _ids(canaried.told(canaried.first, MD5)) if before else set()
        rig.submits(made_up(MD5))
        rig.batch()
        assert _count(rig, "cases") - before >= 5
        new = [one for one in canaried.told(canaried.first, MD5) if one.entry_id not in entries]
        decoys = [one for one in new if one.value is not None and key.is_decoy(bytes.fromhex(one.value))]
        canaries = [one for one in new if one.op is Op.WITHHELD or canaried.is_canary(canaried.first, one)]
        assert len(new) == 1 + len(decoys) + len(canaries)


def _ids(changes: Iterable[Change]) -> set[str]:
    return {change.entry_id for change in changes}


def _count(rig: RegistryRig, table: str) -> int:
    with rig.registry.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - a constant


def test_a_hold_of_a_canary_ends_no_earlier_than_the_canary(rig: RegistryRig) -> None:
    """Where holds have a lifetime, what is older than it would else be known to be no canary."""
    rig.restart(canaries=44, hold_lifetime_days=91)
    key, canaried = open_decoys(rig.folder / "keys"), 0
    for _ in range(100):  # each brings some with chance 5/12
        if canaried >= FEW * len(Algorithm):
            break
        rig.submits(*(made_up(name) for name in Algorithm for _ in range(2)))
        rig.batch()
        canaried = _count(rig, "addressed")
    query = (
        "SELECT entries.digest, entries.day, holds.until_day FROM entries JOIN holds ON holds.entry_id ="
        " entries.entry_id JOIN addressed ON addressed.entry_id = entries.entry_id"
    )
    with rig.registry.engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    assert len(rows) == canaried
    assert all(until >= key.last_day_of_canary(bytes(digest), day) for digest, day, until in rows)
    assert all(until >= day + 91 for _, day, until in rows)
