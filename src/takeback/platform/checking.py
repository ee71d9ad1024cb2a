"""The use case before publishing: a picture comes in, and a verdict or a lead comes out.

A match is a lead, never a verdict: nothing here removes anything. The picture of a lead is on disk before the lead
is in the database, and the lead is there before the answer says ``held``.

**Source:** docs/protocol/platform-v1.md §2.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from takeback.clock import Clock, day_of
from takeback.db import GroupWriter, reading
from takeback.errors import ConflictError
from takeback.hashing import HashedPicture
from takeback.matching import MatchEngine, RegionQuery
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue, Lead
from takeback.model.match import Match, Tier
from takeback.platform import store
from takeback.platform.held import HeldPictures
from takeback.platform.keys import PlatformKeys
from takeback.platform.lists import ListFollower
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import MAX_MATCHES, Checked, CheckedPicture, LeadRecord

REMEMBER_DAYS: Final = 30
"""How long a content that matched nothing is remembered, so that its name cannot be used for other bytes."""


@dataclass(frozen=True, slots=True)
class CheckService:
    """Checks pictures.

    Args:
        engine: the kit's database.
        writer: its one writer.
        keys: for the digest contents are remembered by.
        held: where pictures of leads wait.
        follower: knows how the lists stand.
        index: the matching engine.
        hash_picture: bytes to the fingerprints that are asked for; and whether regions are wanted too.
        reporter: is woken when there is feedback.
        clock: the time.
        deadline_s: seconds from a check to the time its lead should be decided by.
    """

    engine: Engine = field(repr=False)
    writer: GroupWriter
    keys: PlatformKeys
    held: HeldPictures
    follower: ListFollower
    index: MatchEngine
    hash_picture: Callable[[bytes, bool], HashedPicture]
    reporter: FeedbackReporter
    clock: Clock
    deadline_s: int

    def check(self, content_id: str, picture: bytes) -> Checked:
        """Check a picture.

        Args:
            content_id: the platform's own name for it, well formed.
            picture: the file.

        Raises:
            ConflictError: ``content.conflict`` if the name stands for other bytes.
            UnusableMediaError: ``media.…`` if it cannot be read.
            UnavailableError: ``list.unavailable`` before the first sync; a full disk.
        """
        lists = self.follower.statuses()
        digest = self.keys.digest_of(picture)
        with reading(self.engine) as connection:
            before = _lead_before(connection, content_id, digest)
        if before is not None:
            return Checked(before, lists)
        # Regions cost ten times the rest, so they are found only where there is something to compare them with.
        hashed = self.hash_picture(picture, self.index.count(Algorithm.PDQ_REGION) > 0)
        regions = None if hashed.regions is None else RegionQuery(hashed.regions.values, hashed.regions.strong)
        matches = tuple(self.index.match(hashed.fingerprints, regions)[:MAX_MATCHES])
        checked = CheckedPicture(content_id, digest, hashed.width, hashed.height, matches)
        if checked.tier is Tier.CLEAR:
            self.writer.run(lambda connection: self._note(connection, checked))
            return Checked(None, lists)
        return Checked(self._make_lead(checked, picture), lists)

    def forget_old(self) -> int:
        """Forget contents that matched nothing long ago; returns how many."""
        before = day_of(self.clock.now_s()) - timedelta(days=REMEMBER_DAYS)
        return self.writer.run(lambda connection: store.forget_contents(connection, before))

    def _note(self, connection: Connection, checked: CheckedPicture) -> None:
        if store.digest_of_content(connection, checked.content_id) is None:
            store.remember_content(connection, checked, day_of(self.clock.now_s()))
        else:
            _lead_before(connection, checked.content_id, checked.digest)

    def _make_lead(self, checked: CheckedPicture, picture: bytes) -> LeadRecord:
        wanted = self._new_record(checked)
        lead_id = wanted.lead.lead_id
        self.held.keep(lead_id, picture)
        try:
            record = self.writer.run(lambda connection: self._store_lead(connection, checked, wanted))
        except BaseException:
            self.held.erase(lead_id)
            raise
        if record.lead.lead_id != lead_id:
            # Another request with the same picture was faster.
            self.held.erase(lead_id)
        self.reporter.wake()
        return record

    def _store_lead(self, connection: Connection, checked: CheckedPicture, wanted: LeadRecord) -> LeadRecord:
        before = _lead_before(connection, checked.content_id, checked.digest)
        if before is not None:
            return before
        self._note(connection, checked)
        store.add_lead(connection, wanted)
        store.queue_feedback(connection, feedback_about(wanted, FeedbackValue.PENDING_REVIEW))
        return wanted

    def _new_record(self, checked: CheckedPicture) -> LeadRecord:
        now_s = self.clock.now_s()
        lead = Lead(
            lead_id=secrets.token_hex(16),
            content_id=checked.content_id,
            held=checked.tier is Tier.HOLD,
            matches=checked.matches,
            created_s=now_s,
            deadline_s=now_s + self.deadline_s,
        )
        return LeadRecord(lead, checked.width, checked.height, None)


def _lead_before(connection: Connection, content_id: str, digest: bytes) -> LeadRecord | None:
    """The lead this content has made already.

    Raises:
        ConflictError: ``content.conflict``.
    """
    known = store.digest_of_content(connection, content_id)
    if known is None:
        return None
    if known != digest:
        raise ConflictError("content.conflict", "This content id was used for another picture before.")
    return store.lead_of_content(connection, content_id)


def feedback_about(record: LeadRecord, value: FeedbackValue) -> list[Feedback]:
    """One word about each entry that made the lead.

    Matches of a weaker tier than the lead's are left out: a reviewer who confirms an exact copy has said nothing about
    another entry that was merely similar.
    """

    def counts(match: Match) -> bool:
        return match.tier is record.tier

    return [Feedback(match.algorithm, match.entry_id, value) for match in record.lead.matches if counts(match)]
