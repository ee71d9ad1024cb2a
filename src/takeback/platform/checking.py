"""The use case before publishing: a picture or a video comes in, and a verdict or a lead comes out.

A match is a lead, never a verdict: nothing here removes anything. The file of a lead is on disk before the lead is in
the database, and the lead is there before the answer says ``held``. A video is a file from the beginning and is read in
another process; it is asked by its frames, and some of its pictures by their regions.

**Source:** docs/protocol/platform-v1.md §2.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

from takeback.clock import Clock, day_of
from takeback.db import GroupWriter, reading
from takeback.errors import ConflictError
from takeback.hashing import HashedPicture, HashedVideo
from takeback.hashing.regions import RegionSet
from takeback.matching import Clip, MatchEngine, RegionQuery
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue, Lead
from takeback.model.match import Match, Tier
from takeback.platform import store
from takeback.platform.held import HeldFiles
from takeback.platform.keys import PlatformKeys
from takeback.platform.lists import ListFollower
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import MAX_MATCHES, Checked, CheckedContent, LeadRecord, Media, MediaFacts

REMEMBER_DAYS: Final = 30
"""How long a content that matched nothing is remembered, so that its name cannot be used for other bytes."""


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
        facts, matches = self._asked(arrived.body)
        checked = CheckedContent(arrived.content_id, arrived.digest, facts, tuple(matches[:MAX_MATCHES]))
        if checked.tier is Tier.CLEAR:
            self.writer.run(lambda connection: self._note(connection, checked))
            return Checked(None, lists)
        return Checked(self._make_lead(checked, arrived.body), lists)

    def _asked(self, body: bytes | Path) -> tuple[MediaFacts, list[Match]]:
        # Regions cost ten times the rest, so they are found only where there is something to compare them with.
        wants_regions = self.index.count(Algorithm.PDQ_REGION) > 0
        if isinstance(body, Path):
            video = self.hash_video(body, wants_regions)
            return MediaFacts(video.width, video.height, Media.VIDEO, video.duration_s), matches_of_video(
                video, self.index
            )
        picture = self.hash_picture(body, wants_regions)
        regions = None if picture.regions is None else _region_query(picture.regions)
        return MediaFacts(picture.width, picture.height), self.index.match(picture.fingerprints, regions)

    def forget_old(self) -> int:
        """Forget contents that matched nothing long ago; returns how many."""
        before = day_of(self.clock.now_s()) - timedelta(days=REMEMBER_DAYS)
        return self.writer.run(lambda connection: store.forget_contents(connection, before))

    def _note(self, connection: Connection, checked: CheckedContent) -> None:
        if store.digest_of_content(connection, checked.content_id) is None:
            store.remember_content(connection, checked, day_of(self.clock.now_s()))
        else:
            _lead_before(connection, checked.content_id, checked.digest)

    def _make_lead(self, checked: CheckedContent, body: bytes | Path) -> LeadRecord:
        wanted = self._new_record(checked)
        lead_id = wanted.lead.lead_id
        if isinstance(body, Path):
            self.held.keep_file(lead_id, body)
        else:
            self.held.keep(lead_id, body)
        try:
            record = self.writer.run(lambda connection: self._store_lead(connection, checked, wanted))
        except BaseException:
            self.held.erase(lead_id)
            raise
        if record.lead.lead_id != lead_id:
            # Another request with the same content was faster.
            self.held.erase(lead_id)
        self.reporter.wake()
        return record

    def _store_lead(self, connection: Connection, checked: CheckedContent, wanted: LeadRecord) -> LeadRecord:
        before = _lead_before(connection, checked.content_id, checked.digest)
        if before is not None:
            return before
        self._note(connection, checked)
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


def matches_of_video(video: HashedVideo, index: MatchEngine) -> list[Match]:
    """What a video is near to by its file and its frames, and what listed pictures are seen in it."""
    clips = [Clip(form.values, form.ticks, form.weak) for form in video.asked]
    found = index.match(video.fingerprints, clips=clips)
    best: dict[str, Match] = {}
    for regions in video.regions:
        for match in index.match((), _region_query(regions)):
            known = best.get(match.entry_id)
            if known is None or _says_more(match) > _says_more(known):
                best[match.entry_id] = match
    return sorted([*found, *best.values()], key=lambda match: match.tier is not Tier.HOLD)


def _says_more(match: Match) -> tuple[bool, int, int]:
    return match.tier is Tier.HOLD, match.votes or 0, -match.distance_bits


def _region_query(regions: RegionSet) -> RegionQuery:
    return RegionQuery(regions.values, regions.strong)


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
