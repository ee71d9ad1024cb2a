"""What becomes of a content that is found when the lists have grown: a lead, and a word to the platform.

The kit has no file of it any more, so the lead begins without one and the platform is asked to send it.

**Source:** docs/protocol/platform-v1.md §6.3.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from takeback.clock import Clock
from takeback.db import GroupWriter
from takeback.model.lead import Action, Feedback, FeedbackValue, Lead
from takeback.model.match import Match, Tier
from takeback.platform import memory_store, store
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.memory_store import SealedContent
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import LISTED_LATER, MAX_MATCHES, LeadRecord, MediaFacts, Notice, NoticeAction


@dataclass(frozen=True, slots=True)
class Finds:
    """Takes what a look back has found.

    Args:
        writer: the kit's database.
        bell: rings when there is something for the platform.
        reporter: is woken when there is feedback.
        clock: the time.
        deadline_s: seconds from a find to the time it should be decided by.
    """

    writer: GroupWriter
    bell: DecisionBell
    reporter: FeedbackReporter
    clock: Clock
    deadline_s: int

    def take(self, content: SealedContent, facts: MediaFacts, matches: Sequence[Match]) -> None:
        """Make a lead, or add to the open one. Taking the same again changes nothing."""
        notice = self.writer.run(lambda connection: self._store(connection, content, facts, matches))
        if notice is not None:
            self.bell.ring(notice.seq)
        self.reporter.wake()

    def _store(
        self, connection: Connection, content: SealedContent, facts: MediaFacts, matches: Sequence[Match]
    ) -> Notice | None:
        before = store.lead_of_content(connection, content.content_id)
        is_removed = before is not None and before.decision is not None and before.decision.action is Action.REMOVE
        if is_removed or not memory_store.is_remembered(connection, content):
            return None
        known = store.entries_of_content(connection, content.content_id)
        fresh = [match for match in matches if (match.algorithm, match.entry_id) not in known]
        if not fresh:
            return None
        if before is None or before.decision is not None:
            record = self._made(content.content_id, facts, fresh)
            store.add_lead(connection, record)
        else:
            record = self._extended(before, fresh)
            store.extend_lead(connection, record)
        words = [match for match in fresh if match.tier is record.tier]
        store.queue_feedback(
            connection, [Feedback(match.algorithm, match.entry_id, FeedbackValue.PENDING_REVIEW) for match in words]
        )
        if before is not None and before.decision is None and before.lead.held is record.lead.held:
            return None
        action = NoticeAction.HOLD if record.lead.held else NoticeAction.LOOK
        return store.add_notice(connection, record.lead, action, LISTED_LATER, self.clock.now_s())

    def _made(self, content_id: str, facts: MediaFacts, matches: list[Match]) -> LeadRecord:
        now_s = self.clock.now_s()
        is_held = any(match.tier is Tier.HOLD for match in matches)
        deadline_s = now_s + self.deadline_s
        lead = Lead(secrets.token_hex(16), content_id, is_held, _strictest_first(matches), now_s, deadline_s)
        return LeadRecord(lead, facts, None, found_later=True)

    def _extended(self, record: LeadRecord, matches: list[Match]) -> LeadRecord:
        lead = record.lead
        is_held = lead.held or any(match.tier is Tier.HOLD for match in matches)
        if is_held is lead.held:
            return replace(record, lead=replace(lead, matches=_strictest_first([*lead.matches, *matches])))
        deadline_s = min(lead.deadline_s, self.clock.now_s() + self.deadline_s)
        extended = replace(lead, held=True, matches=_strictest_first([*matches, *lead.matches]), deadline_s=deadline_s)
        return replace(record, lead=extended, found_later=True)


def _strictest_first(matches: Sequence[Match]) -> tuple[Match, ...]:
    return tuple(sorted(matches, key=lambda match: match.tier is not Tier.HOLD)[:MAX_MATCHES])
