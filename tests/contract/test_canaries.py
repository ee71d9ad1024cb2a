"""Canaries: told to one partner, withheld from all others, in one log with one chain; and a leak names the partner."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.canaried_rig import DAY_S, MD5, PDQ, Canaried, until_gone
from tests.registry_rig import RegistryRig

from takeback.errors import NotFoundError
from takeback.exchange.types import Partner
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry.canary_life import FEW
from takeback.wire.feed_v1 import change_shape


@pytest.fixture
def canaried(rig: RegistryRig) -> Canaried:
    return Canaried(rig)


def test_two_partners_are_told_different_values_in_one_log(canaried: Canaried) -> None:
    canaried.fill(PDQ, MD5)
    canaried.fill(PDQ, MD5, partner=canaried.second)
    for name in (PDQ, MD5):
        one, other = (canaried.told(partner, name) for partner in (canaried.first, canaried.second))
        assert [(change.seq, change.entry_id, change.day) for change in one] == [
            (change.seq, change.entry_id, change.day) for change in other
        ]
        for mine, theirs in zip(one, other, strict=True):
            assert Op.ADD in {mine.op, theirs.op}, "somebody is told every entry"
            if mine.op is theirs.op:
                assert mine == theirs
                assert not canaried.is_canary(canaried.first, mine)
            else:
                told = mine if mine.op is Op.ADD else theirs
                assert canaried.is_canary(canaried.first if told is mine else canaried.second, told)
        assert sum(change.op is Op.WITHHELD for change in other) == len(canaried.canaries(canaried.first, name))


def test_the_snapshot_and_the_log_agree_for_each_partner(canaried: Canaried) -> None:
    canaried.fill(PDQ, MD5)
    third = canaried.rig.registry.services.partners.add("Third platform", tuple(Algorithm)).partner
    for name in (PDQ, MD5):
        for partner in (canaried.first, canaried.second, third):
            rows = canaried.snapshot(partner, name)
            assert rows == canaried.told(partner, name)[: len(rows)]
            assert len(rows) == canaried.statement(partner, name).count > FEW
        assert {change.op for change in canaried.snapshot(third, name)} == {Op.ADD, Op.WITHHELD}


def test_who_is_told_nothing_alone_shares_a_file_and_nobody_gets_anothers(canaried: Canaried) -> None:
    canaried.fill(MD5)
    services = canaried.rig.registry.services
    late = [services.partners.add(f"Late platform {i}", [MD5]).partner for i in range(2)]
    shared = canaried.statement(late[0], MD5)
    assert canaried.statement(late[1], MD5) == shared
    own = canaried.statement(canaried.first, MD5)
    assert own.sha256 != shared.sha256
    assert (own.seq, own.chain, own.count) == (shared.seq, shared.chain, shared.count)
    assert services.feed.snapshot_file(canaried.first, "md5", own.sha256).is_file()
    with pytest.raises(NotFoundError):
        services.feed.snapshot_file(late[0], "md5", own.sha256)


Trait = tuple[object, ...]


def _shape_of(value: str) -> Trait:
    raw = bytes.fromhex(value)
    return len(raw), int.from_bytes(raw, "big").bit_count() if len(raw) == 32 else None


def _by_number(canaried: Canaried, partner: Partner, name: Algorithm) -> Iterator[tuple[str, Trait]]:
    for change in canaried.told(partner, name):
        shape = change_shape(change).model_dump(exclude_none=True)
        usual = {key: shape[key] for key in shape if key not in {"seq", "entry_id", "value", "quality"}}
        if change.op is Op.ADD:
            yield change.entry_id, ("changes", sorted(usual.items()), sorted(shape), _shape_of(change.value or ""))
    for change in canaried.snapshot(partner, name):
        if change.op is Op.ADD:
            yield change.entry_id, ("snapshot", change.day, _shape_of(change.value or ""))


def _by_time(canaried: Canaried, partner: Partner, name: Algorithm) -> Iterator[tuple[str, Trait]]:
    services = canaried.rig.registry.services
    ids = {change.value: change.entry_id for change in canaried.told(partner, name)}
    page = services.ncmec.entries(partner, services.ncmec.window(None, None))
    for entry in page.images if name is PDQ else page.videos:
        yield ids[entry.value], ("ncmec", entry.published_s, sorted(entry.words), entry.entry_id == ids[entry.value])
    for record in services.stopncii.fetch(partner, 10, 10_000, None).records:
        if record.list is name:
            yield ids[record.value], ("stopncii", record.changed_s, record.is_listed, record.words)


def _traits(canaried: Canaried, partner: Partner, name: Algorithm) -> dict[str, list[Trait]]:
    """By entry id, all a partner can see of it on any face, but its id, its place and its value themselves."""
    seen: dict[str, list[Trait]] = {}
    for face in (_by_number, _by_time):
        for entry_id, trait in face(canaried, partner, name):
            seen.setdefault(entry_id, []).append(trait)
    for entry_id, traits in seen.items():
        traits.append(("feedback", canaried.says(partner, name, entry_id)))
    return seen


@pytest.mark.parametrize("name", [PDQ, MD5])
def test_no_face_shows_a_partner_which_entries_are_its_canaries(canaried: Canaried, name: Algorithm) -> None:
    canaried.fill(name)
    canaried.fill(name, partner=canaried.second)
    canaried.rig.clock.advance(60)
    canaried.rig.registry.keeper.run_once()
    mine = {change.entry_id for change in canaried.canaries(canaried.first, name)}
    for _ in range(2):  # the second time with the words of the first beside every entry
        traits = _traits(canaried, canaried.first, name)
        assert mine < set(traits)
        assert all(len(seen) == 5 for seen in traits.values())
        forms = {repr(seen) for entry_id, seen in traits.items() if entry_id in mine}
        assert forms <= {repr(seen) for entry_id, seen in traits.items() if entry_id not in mine}


def test_what_is_withheld_can_neither_be_seen_nor_spoken_of(canaried: Canaried) -> None:
    canaried.fill(PDQ)
    services, second = canaried.rig.registry.services, canaried.second
    canaried.rig.clock.advance(60)
    theirs = canaried.canaries(canaried.first, PDQ)
    values = {change.value for change in theirs}
    page = services.ncmec.entries(second, services.ncmec.window(None, None))
    assert values.isdisjoint(entry.value for entry in page.images)
    assert values.isdisjoint(record.value for record in services.stopncii.fetch(second, 10, 10_000, None).records)
    by_value = [(PDQ, bytes.fromhex(change.value or ""), FeedbackValue.NOT_BLOCKED) for change in theirs]
    assert services.stopncii.feedback(second, by_value) == 0
    assert [canaried.says(second, PDQ, change.entry_id) for change in theirs] == [0] * len(theirs)
    assert [canaried.says(canaried.first, PDQ, change.entry_id) for change in theirs] == [1] * len(theirs)


def test_a_random_tenth_of_what_leaks_names_the_partner(canaried: Canaried) -> None:
    canaried.fill(*Algorithm, each=4)
    canaried.fill(*Algorithm, partner=canaried.second, each=4)
    leaked = [
        change.value or "" for name in Algorithm for change in canaried.told(canaried.first, name) if change.value
    ]
    random.SystemRandom().shuffle(leaked)
    desk, me = canaried.desk(), canaried.first.partner_id
    (whole,) = desk.check("\n".join(leaked).encode()).given_to
    assert (whole.partner_id, whole.name) == (me, "First platform")
    assert whole.canaries >= FEW * len(Algorithm)
    named = [[one.partner_id for one in desk.check("\n".join(leaked[i::10]).encode()).given_to] for i in range(10)]
    assert all(one in ([me], []) for one in named), "nobody else is named, ever"
    # Thirty canaries fall into at most five of ten tenths once in four million times.
    assert sum(one == [me] for one in named) >= 6
    both = [change.value or "" for change in canaried.told(canaried.second, MD5)]
    assert {one.partner_id for one in desk.check("\n".join([*leaked, *both]).encode()).given_to} == {
        me,
        canaried.second.partner_id,
    }
    # Partners who compare keep what both were told, and that names nobody.
    common = [value for value in both if value in set(leaked)]
    assert desk.check("\n".join(common).encode()).given_to == ()


def test_a_canary_is_named_when_its_entry_has_long_gone(canaried: Canaried) -> None:
    canaried.fill(MD5)
    leaked = "\n".join(change.value or "" for change in canaried.canaries(canaried.first, MD5))
    until_gone(canaried, MD5)
    canaried.rig.clock.advance(5 * DAY_S)
    canaried.rig.registry.keeper.run_once()
    with canaried.rig.registry.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM addressed")).scalar_one() == 0
    (found,) = canaried.desk().check(leaked.encode()).given_to
    assert found.partner_id == canaried.first.partner_id
