"""Canaries: told to one partner, withheld from all others, in one log with one chain; and a leak names the partner."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from tests.made_entries import made_up
from tests.registry_rig import RegistryRig

from takeback.apps.registry_canary import CanaryDesk
from takeback.db import reading
from takeback.errors import NotFoundError, UnavailableError
from takeback.exchange.partners import IssuedKey
from takeback.exchange.types import Partner
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.canary_life import FEW
from takeback.registry.decoy_key import open_decoys
from takeback.registry.verification import verify_lists
from takeback.wire.feed_snapshot_v1 import SnapshotStatement, parse_snapshot_text, read_snapshot
from takeback.wire.feed_v1 import change_shape, first_chain, next_chain

DAY_S = 86_400
PDQ, MD5 = Algorithm.PDQ, Algorithm.MD5


@dataclass
class Canaried:
    """A registry with canaries, and two partners of it."""

    rig: RegistryRig
    first: Partner = field(init=False)
    second: Partner = field(init=False)

    def __post_init__(self) -> None:
        self.rig.restart(canaries=44, snapshot_min_changes=1, feed_keep_days=3)
        self.first = self.rig.partner.partner
        self.second = self.rig.registry.services.partners.add("Second platform", tuple(Algorithm)).partner

    def batch(self, *lists: Algorithm, each: int = 2) -> None:
        self.rig.submits(*(made_up(name) for name in lists for _ in range(each)))
        self.rig.batch()

    def fill(self, *lists: Algorithm, partner: Partner | None = None, each: int = 2, at_least: int = FEW) -> None:
        """Run batches until a partner has its first canaries on these lists."""
        mine = partner or self.first
        for _ in range(200):  # each brings one with chance 5/12 at least: all 200 fail to bring six never
            if all(len(self.canaries(mine, name)) >= at_least for name in lists):
                return
            self.batch(*lists, each=each)
        pytest.fail("no canaries come")

    def told(self, partner: Partner, name: Algorithm) -> list[Change]:
        """A partner's log, verified as a client does it: chain and count lead to the head."""
        answer = self.rig.registry.services.feed.changes(partner, name.value, 0)
        chain, count = first_chain(name), 0
        for change in answer.changes:
            chain, count = next_chain(chain, change), count + (-1 if change.op is Op.REMOVE else 1)
        head = self.rig.head(name)
        assert (answer.changes[-1].seq, chain, count) == (head.seq, head.chain, head.count)
        return list(answer.changes)

    def is_canary(self, partner: Partner, change: Change) -> bool:
        mine = open_decoys(self.rig.folder / "keys").of_partner(partner.partner_id)
        return change.op is Op.ADD and mine.is_decoy(bytes.fromhex(change.value or ""))

    def canaries(self, partner: Partner, name: Algorithm) -> list[Change]:
        feed = self.rig.registry.services.feed
        return [one for one in feed.changes(partner, name.value, 0).changes if self.is_canary(partner, one)]

    def statement(self, partner: Partner, name: Algorithm) -> SnapshotStatement:
        """What a partner is told about its newest snapshot, once it has been made."""
        signed = self._asked(partner, name)
        if signed is None:
            self.rig.registry.keeper.run_once()
            signed = self._asked(partner, name)
        assert signed is not None, self.rig.log.getvalue()
        return parse_snapshot_text(signed)

    def _asked(self, partner: Partner, name: Algorithm) -> str | None:
        with suppress(UnavailableError):
            return self.rig.registry.services.feed.snapshot(partner, name.value).text
        return None

    def snapshot(self, partner: Partner, name: Algorithm) -> list[Change]:
        statement = self.statement(partner, name)
        path = self.rig.registry.services.feed.snapshot_file(partner, name.value, statement.sha256)
        return list(read_snapshot(name, io.BytesIO(path.read_bytes())))

    def desk(self) -> CanaryDesk:
        return CanaryDesk(self.rig.registry.engine, open_decoys(self.rig.folder / "keys"), self.rig.clock)

    def says(self, partner: Partner, name: Algorithm, entry_id: str) -> int:
        word = Feedback(name, entry_id, FeedbackValue.BLOCKED)
        return self.rig.registry.services.feed.feedback(partner, [word])


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
    _until_gone(canaried, MD5)
    canaried.rig.clock.advance(5 * DAY_S)
    canaried.rig.registry.keeper.run_once()
    with canaried.rig.registry.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM addressed")).scalar_one() == 0
    (found,) = canaried.desk().check(leaked.encode()).given_to
    assert found.partner_id == canaried.first.partner_id


def _until_gone(canaried: Canaried, name: Algorithm) -> None:
    """Wait until every canary is due and has gone with some batch; no new ones come."""
    canaried.rig.restart(**{**canaried.rig.settings, "canaries": 0})
    canaried.rig.clock.advance(3_700 * DAY_S)
    for _ in range(120):  # one is still there after 120 chances of one in four never
        if not canaried.desk().canaries():
            return
        canaried.rig.submits(made_up(Algorithm.SHA256))
        canaried.rig.batch()
    pytest.fail(f"canaries of {name.value} stay")


def test_canaries_go_like_decoys_and_nothing_else_goes_with_them(canaried: Canaried) -> None:
    canaried.fill(MD5)
    person = canaried.rig.submits(made_up(MD5), made_up(MD5))
    canaried.rig.batch()
    canaries = {change.entry_id for change in canaried.canaries(canaried.first, MD5)}
    canaries |= {change.entry_id for change in canaried.canaries(canaried.second, MD5)}
    before = canaried.told(canaried.first, MD5)
    _until_gone(canaried, MD5)
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
    _until_gone(canaried, PDQ)
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
