"""The use case before publishing: a picture or a video comes in, and a verdict or a lead comes out.

A match is a lead, never a verdict: nothing here removes anything. The file of a lead is on disk before the lead is in
the database, and the lead is there before the answer says ``held``. A video is a file from the beginning and is read in
another process; it is asked by its frames, and some of its pictures by their regions.

**Source:** docs/protocol/platform-v1.md §2.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine

from takeback.clock import Clock, day_of
from takeback.db import GroupWriter, reading
from takeback.errors import ConflictError
from takeback.hashing import HashedPicture, HashedVideo
from takeback.matching import MatchEngine
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue, Lead
from takeback.model.match import Match, Tier
from takeback.platform import memory_store, store
from takeback.platform.held import HeldFiles
from takeback.platform.keys import PlatformKeys
from takeback.platform.lists import ListFollower
from takeback.platform.memory import Memory, Noted
from takeback.platform.question import ask, question_of_picture, question_of_video
from takeback.platform.remembered import Remembered
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import MAX_MATCHES, Checked, CheckedContent, LeadRecord, Media, MediaFacts


@dataclass(frozen=True, slots=True)
class CheckService:
    """Checks pictures and videos.

    Args:
        engine: the kit's database.
        writer: its one writer.
        keys: for the digest contents are remembered by.
        held: where the files of leads wait.
        follower: knows how the lists stand.
        index: the matching engine.
        hash_picture: bytes to the fingerprints that are asked for; and whether regions are wanted too.
        hash_video: the same of a video's file.
        memory: what was checked is remembered there, to be asked again when the lists grow.
        reporter: is woken when there is feedback.
        clock: the time.
        deadline_s: seconds from a check to the time its lead should be decided by.
    """

    engine: Engine = field(repr=False)
    writer: GroupWriter
    keys: PlatformKeys
    held: HeldFiles
    follower: ListFollower
    index: MatchEngine
    hash_picture: Callable[[bytes, bool], HashedPicture]
    hash_video: Callable[[Path, bool], HashedVideo]
    memory: Memory
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
        return self._check(_Arrived(content_id, self.keys.digest_of(picture), picture))

    def check_video(self, content_id: str, video: Path) -> Checked:
        """Check a video.

        Args:
            content_id: the platform's own name for it, well formed.
            video: the file, ours: it is moved away if it is held.

        Raises:
            ConflictError: as ``check``, and so the others.
        """
        return self._check(_Arrived(content_id, self.keys.digest_of_file(video), video))

    def _check(self, arrived: "_Arrived") -> Checked:
        lists = self.follower.statuses()
        with reading(self.engine) as connection:
            before = _lead_before(connection, arrived.content_id, arrived.digest)
        if before is not None:
            return Checked(before, lists)
        asked = self._hashed(arrived.body)
        # Before asking: what the lists gain from here on will be looked back (platform-v1 §6.2).
        asked_at = {name: self.index.seq(name) for name in Algorithm}
        matches = ask(asked.question, self.index)[:MAX_MATCHES]
        noted = self.memory.noted(arrived.content_id, asked, asked_at)
        checked = CheckedContent(arrived.content_id, arrived.digest, asked.facts, tuple(matches))
        if checked.tier is Tier.CLEAR:
            return Checked(self.writer.run(lambda connection: self._note(connection, checked, noted)), lists)
        return Checked(self._make_lead(checked, noted, arrived.body), lists)

    def _hashed(self, body: bytes | Path) -> Remembered:
        # Regions cost ten times the rest, so they are found only where there is something to compare them with.
        wants_regions = self.index.count(Algorithm.PDQ_REGION) > 0
        if isinstance(body, Path):
            video = self.hash_video(body, wants_regions)
            facts = MediaFacts(video.width, video.height, Media.VIDEO, video.duration_s)
            return Remembered(facts, question_of_video(video))
        picture = self.hash_picture(body, wants_regions)
        return Remembered(MediaFacts(picture.width, picture.height), question_of_picture(picture))

    def forget(self, content_id: str) -> None:
        """Forget a content that the platform has deleted.

        An open lead stays as long as there is a copy to judge. One without is taken back, and the registry is told
        that nobody could say.
        """
        self.writer.run(lambda connection: self._forget(connection, content_id))
        self.reporter.wake()

    def _note(self, connection: Connection, checked: CheckedContent, noted: Noted) -> LeadRecord | None:
        """Remember a content; returns the lead that it has made meanwhile."""
        day = day_of(self.clock.now_s())
        before = _lead_before(connection, checked.content_id, checked.digest)
        if store.digest_of_content(connection, checked.content_id) is None:
            store.remember_content(connection, checked, day)
        self.memory.keep(connection, noted, day)
        return before

    def _forget(self, connection: Connection, content_id: str) -> None:
        memory_store.forget(connection, content_id)
        record = store.lead_of_content(connection, content_id)
        if record is not None and record.decision is None and not self.held.has(record.lead.lead_id):
            store.drop_lead(connection, record.lead.lead_id)
            store.queue_feedback(connection, feedback_about(record, FeedbackValue.QUALITY_UNKNOWN))
        store.forget_content(connection, content_id)

    def _make_lead(self, checked: CheckedContent, noted: Noted, body: bytes | Path) -> LeadRecord:
        wanted = self._new_record(checked)
        lead_id = wanted.lead.lead_id
        if isinstance(body, Path):
            self.held.keep_file(lead_id, body)
        else:
            self.held.keep(lead_id, body)
        try:
            record = self.writer.run(lambda connection: self._store_lead(connection, checked, noted, wanted))
        except BaseException:
            self.held.erase(lead_id)
            raise
        if record.lead.lead_id != lead_id:
            # Another request with the same content was faster.
            self.held.erase(lead_id)
        self.reporter.wake()
        return record

    def _store_lead(
        self, connection: Connection, checked: CheckedContent, noted: Noted, wanted: LeadRecord
    ) -> LeadRecord:
        before = _lead_before(connection, checked.content_id, checked.digest)
        if before is not None:
            return before
        self._note(connection, checked, noted)
        store.add_lead(connection, wanted)
        store.queue_feedback(connection, feedback_about(wanted, FeedbackValue.PENDING_REVIEW))
        return wanted

    def _new_record(self, checked: CheckedContent) -> LeadRecord:
        now_s = self.clock.now_s()
        lead = Lead(
            lead_id=secrets.token_hex(16),
            content_id=checked.content_id,
            held=checked.tier is Tier.HOLD,
            matches=checked.matches,
            created_s=now_s,
            deadline_s=now_s + self.deadline_s,
        )
        return LeadRecord(lead, checked.facts, None)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A picture's bytes or a video's file, with the platform's name for it and the digest it is remembered by."""

    content_id: str
    digest: bytes = field(repr=False)
    body: bytes | Path = field(repr=False)


def _lead_before(connection: Connection, content_id: str, digest: bytes) -> LeadRecord | None:
    """The lead this content has made already.

    Raises:
        ConflictError: ``content.conflict``.
    """
    known = store.digest_of_content(connection, content_id)
    if known is None:
        return None
    if known != digest:
        raise ConflictError("content.conflict", "This content id was used for another content before.")
    return store.lead_of_content(connection, content_id)


def feedback_about(record: LeadRecord, value: FeedbackValue) -> list[Feedback]:
    """One word about each entry that made the lead.

    Matches of a weaker tier than the lead's are left out: a reviewer who confirms an exact copy has said nothing about
    another entry that was merely similar.
    """

    def counts(match: Match) -> bool:
        return match.tier is record.tier

    return [Feedback(match.algorithm, match.entry_id, value) for match in record.lead.matches if counts(match)]
