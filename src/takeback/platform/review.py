"""The use cases of review: the queue, looking, deciding, and the log the platform follows.

**Source:** docs/protocol/platform-v1.md §3, §4 and §6.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, assert_never

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.errors import ConflictError, InvalidInputError, NotFoundError
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Action, FeedbackValue, Reason
from takeback.platform import memory_store, store
from takeback.platform.checking import feedback_about
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.filmstrip import FilmstripCache, filmstrip_of
from takeback.platform.held import HeldFiles
from takeback.platform.lists import ListFollower
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import LeadRecord, Media, Notice, Queue

MAX_QUEUE: Final = 200
"""Leads shown at once; the most urgent ones."""

MAX_DECISIONS: Final = 500
"""Lines of the log in one answer; the platform asks again from the last."""

_FITTING: Final = {
    Action.REMOVE: frozenset({Reason.INTIMATE_IMAGE, Reason.MINOR, Reason.OTHER}),
    Action.KEEP: frozenset({Reason.NOT_THE_SAME, Reason.NOT_INTIMATE, Reason.OTHER}),
}


@dataclass(frozen=True, slots=True)
class ReviewService:
    """What reviewers do, and what the platform asks afterwards.

    Args:
        engine: the kit's database.
        writer: its one writer.
        held: where the files of leads wait.
        follower: knows which entries are still listed.
        reporter: is woken when there is feedback.
        bell: rings when there is a decision.
        preview: a picture's file to a small, grey, strongly blurred JPEG.
        reencode: a picture's file to a JPEG without anything but its look.
        stills: of a video's file the grey pictures at some times, JPEG, blurred or not.
        strips: blurred filmstrips that were made lately.
        clock: the time.
    """

    engine: Engine = field(repr=False)
    writer: GroupWriter
    held: HeldFiles
    follower: ListFollower
    reporter: FeedbackReporter
    bell: DecisionBell
    preview: Callable[[bytes], bytes]
    reencode: Callable[[bytes], bytes]
    stills: Callable[[Path, Sequence[float], bool], list[bytes]]
    strips: FilmstripCache
    clock: Clock

    def queue(self) -> Queue:
        """The open leads, most urgent first."""
        with reading(self.engine) as connection:
            return store.open_queue(connection, self.clock.now_s(), MAX_QUEUE)

    def lead(self, lead_id: str) -> LeadRecord:
        """One lead.

        Raises:
            NotFoundError: ``lead.unknown``.
        """
        with reading(self.engine) as connection:
            return _known(connection, lead_id)

    def withdrawn(self, records: tuple[LeadRecord, ...]) -> frozenset[tuple[Algorithm, EntryId]]:
        """Which of the leads' entries have left the list since. The leads stay: the picture is still to be judged."""
        wanted: dict[Algorithm, set[EntryId]] = {}
        for record in records:
            for match in record.lead.matches:
                wanted.setdefault(match.algorithm, set()).add(match.entry_id)
        return frozenset(
            (name, entry_id)
            for name, entry_ids in wanted.items()
            for entry_id in entry_ids - self.follower.live(name, entry_ids)
        )

    def preview_of(self, lead_id: str) -> bytes:
        """The blurred preview of an open lead's picture, or of a video the filmstrip's first, JPEG."""
        record = self.lead(lead_id)
        if record.facts.media is Media.VIDEO:
            return self.frame_of(lead_id, 0)
        return self.preview(self.held.read(lead_id))

    def frame_of(self, lead_id: str, number: int) -> bytes:
        """One blurred picture of an open lead's filmstrip, JPEG.

        Raises:
            NotFoundError: ``lead.unknown``, ``lead.no_frame``, ``lead.no_picture``.
        """
        times_s = self._frame_times(lead_id, number)
        path = self.held.path_of(lead_id)
        return self.strips.strip(lead_id, lambda: self.stills(path, times_s, True))[number]

    def clear_frame_of(self, lead_id: str, number: int, reviewer: str) -> bytes:
        """The same picture sharp, grey still; that the reviewer looked is on record before a byte of it is returned."""
        time_s = self._frame_times(lead_id, number)[number]
        (still,) = self.stills(self.held.path_of(lead_id), [time_s], False)
        self._note_look(lead_id, reviewer)
        return still

    def _frame_times(self, lead_id: str, number: int) -> tuple[float, ...]:
        times_s = tuple(frame.time_s for frame in filmstrip_of(self.lead(lead_id)))
        if number >= len(times_s):
            raise NotFoundError("lead.no_frame", "There is no such frame.")
        return times_s

    def _note_look(self, lead_id: str, reviewer: str) -> None:
        now_s = self.clock.now_s()
        self.writer.run(lambda connection: store.add_look(connection, lead_id, reviewer, now_s))

    def picture_of(self, lead_id: str, reviewer: str) -> bytes:
        """The picture itself, JPEG; that the reviewer looked is on record before a byte of it is returned."""
        if self.lead(lead_id).facts.media is Media.VIDEO:
            return self.clear_frame_of(lead_id, 0, reviewer)
        picture = self.reencode(self.held.read(lead_id))
        self._note_look(lead_id, reviewer)
        return picture

    def decide(self, lead_id: str, action: Action, reason: Reason, reviewer: str) -> LeadRecord:
        """Decide a lead: the decision and its feedback are stored together, then the picture is erased.

        Raises:
            NotFoundError: ``lead.unknown``.
            ConflictError: ``lead.decided`` if it was decided otherwise before. The same decision again changes nothing.
            InvalidInputError: ``decision.reason`` if the reason does not go with the action.
        """
        if reason not in _FITTING[action]:
            raise InvalidInputError("decision.reason", "This reason does not go with this action.")
        record = self.writer.run(lambda connection: self._decide(connection, lead_id, action, reason, reviewer))
        self.bell.ring(0 if record.decision is None else record.decision.seq)
        self.reporter.wake()
        self.held.erase(lead_id)
        self.strips.forget(lead_id)
        return record

    def take_copy(self, lead_id: str, body: bytes | Path) -> None:
        """Take the file of a lead that was found later from the platform. One that is there already stays.

        Args:
            lead_id: the lead.
            body: a picture, or a video's file, which is ours; it may be another rendition than was checked.

        Raises:
            NotFoundError: ``lead.unknown``.
            ConflictError: ``lead.decided``; ``content.conflict`` for a picture instead of a video or the other way.
            UnusableMediaError: ``media.…`` if nothing can be shown of it.
            UnavailableError: a full disk.
        """
        record = self.lead(lead_id)
        if record.decision is not None:
            raise _decided_already()
        if isinstance(body, Path) is not (record.facts.media is Media.VIDEO):
            raise ConflictError("content.conflict", "This is not the kind of content that was checked.")
        if self.held.has(lead_id):
            return
        if isinstance(body, Path):
            self.stills(body, [frame.time_s for frame in filmstrip_of(record)][:1], True)
        else:
            self.preview(body)
        self.held.keep_copy(lead_id, body)
        with reading(self.engine) as connection:
            is_needed = lead_id in store.open_lead_ids(connection)
        if not is_needed:
            # It was decided while the copy came in, and nothing may be left of it.
            self.held.erase(lead_id)
            raise _decided_already()

    def notices_after(self, seq: int) -> tuple[Notice, ...]:
        """The log the platform follows, from a place on."""
        with reading(self.engine) as connection:
            return store.notices_after(connection, seq, MAX_DECISIONS)

    def _decide(
        self, connection: Connection, lead_id: str, action: Action, reason: Reason, reviewer: str
    ) -> LeadRecord:
        record = _known(connection, lead_id)
        if record.decision is not None:
            if (record.decision.action, record.decision.reason) != (action, reason):
                raise _decided_already()
            return record
        decision = store.add_decision(connection, record.lead, action, reason, reviewer, self.clock.now_s())
        store.queue_feedback(connection, feedback_about(record, _word_for(action)))
        if action is Action.REMOVE:
            memory_store.forget(connection, record.lead.content_id)
        return replace(record, decision=decision)


def _decided_already() -> ConflictError:
    return ConflictError("lead.decided", "Someone has decided about this picture already.")


def _known(connection: Connection, lead_id: str) -> LeadRecord:
    record = store.lead_of_id(connection, lead_id)
    if record is None:
        raise NotFoundError("lead.unknown", "There is no such lead.")
    return record


def _word_for(action: Action) -> FeedbackValue:
    match action:
        case Action.REMOVE:
            return FeedbackValue.BLOCKED
        case Action.KEEP:
            return FeedbackValue.NOT_BLOCKED
        case _:
            assert_never(action)
