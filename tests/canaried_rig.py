"""A registry with canaries and two partners, for tests."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from tests.made_entries import made_up
from tests.registry_rig import RegistryRig

from takeback.apps.registry_canary import CanaryDesk
from takeback.errors import UnavailableError
from takeback.exchange.types import Partner
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.canary_life import FEW
from takeback.registry.decoy_key import open_decoys
from takeback.wire.feed_snapshot_v1 import SnapshotStatement, parse_snapshot_text, read_snapshot
from takeback.wire.feed_v1 import first_chain, next_chain

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


def until_gone(canaried: Canaried, name: Algorithm) -> None:
    """Wait until every canary is due and has gone with some batch; no new ones come."""
    canaried.rig.restart(**{**canaried.rig.settings, "canaries": 0})
    canaried.rig.clock.advance(3_700 * DAY_S)
    for _ in range(120):  # one is still there after 120 chances of one in four never
        if not canaried.desk().canaries():
            return
        canaried.rig.submits(made_up(Algorithm.SHA256))
        canaried.rig.batch()
    pytest.fail(f"canaries of {name.value} stay")
