"""The lists by time, as the NCMEC shape has them: windows over when entries were published.

PDQ fingerprints are shown as images. MD5 fingerprints are shown as videos: the registry does not know of an MD5 whether
its file was a picture or a video, and the clients of this shape use it for videos only.

**Source:** docs/protocol/partner-shapes.md §2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import reading
from takeback.errors import InvalidInputError, NotAllowedError, NotFoundError
from takeback.exchange.service import FeedService
from takeback.exchange.shown import Reading, ShownChange, shown_changes, words_of_list
from takeback.exchange.types import AuditedAct, Partner
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.publication import CLOCK_TOLERANCE_S, timetable
from takeback.wire.ncmec_v2 import EntryKind, EntryShape, FingerprintType, Member, Place, Window

_LIST_OF_KIND = {EntryKind.IMAGE: Algorithm.PDQ, EntryKind.VIDEO: Algorithm.MD5}
_LIST_OF_TYPE = {FingerprintType.PDQ: Algorithm.PDQ, FingerprintType.MD5: Algorithm.MD5}
_REGISTRY_NUMBER = 1
_NUMBER_DIGITS = 7
"""Hexadecimal digits of a partner's id that make its number here: it fits 32 bits with a sign."""


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """A page: the entries of each container, and where the next one begins."""

    images: tuple[EntryShape, ...]
    videos: tuple[EntryShape, ...]
    following: Place | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What a window covers of one list: changes above ``first`` up to ``last``, and those of them on this page."""

    name: Algorithm
    first: int
    last: int
    entries: tuple[EntryShape, ...]
    end: int


class NcmecService:
    """The shape's use cases.

    Args:
        engine: the registry's database.
        feed: keeps feedback and the audit log.
        clock: what "now" is.
        registry_name: the one member that entries come from.
        page_entries: most entries in one answer.
    """

    def __init__(self, engine: Engine, feed: FeedService, clock: Clock, registry_name: str, page_entries: int) -> None:
        self._engine = engine
        self._feed = feed
        self._clock = clock
        self.registry = Member(_REGISTRY_NUMBER, registry_name)
        self.page_entries = page_entries

    def members(self, partner: Partner) -> tuple[Member, Member]:
        """The registry and the caller; partners do not learn of each other here."""
        number = _REGISTRY_NUMBER + 1 + int(partner.partner_id[:_NUMBER_DIGITS], 16)
        return self.registry, Member(number, partner.name)

    def window(self, after_s: int | None, until_s: int | None) -> Window:
        """What a request asks for; without a beginning from the first, without an end up to now.

        Raises:
            InvalidInputError: ``entries.future`` for an end that has not come yet. What is published until then would
                be missed by a client that next asks from there; its clock, or its time zone, is wrong.
        """
        now_s = self._clock.now_s()
        if until_s is not None and until_s > now_s + CLOCK_TOLERANCE_S:
            raise InvalidInputError(
                "entries.future", "This asks for what will be published later. Is the clock right, and set to UTC?"
            )
        return Window(max(after_s or 0, 0), now_s if until_s is None else until_s)

    def entries(self, partner: Partner, window: Window, place: Place | None = None) -> EntriesPage:
        """A page of what was published in a window; audited before it is handed out.

        Raises:
            NotAllowedError: ``partner.not_entitled`` for a partner of neither list.
        """
        kinds = [kind for kind, name in _LIST_OF_KIND.items() if name in partner.lists]
        if not kinds:
            raise NotAllowedError("partner.not_entitled", "This key is for neither of the lists that this shape has.")
        readings = {kind: Reading(_LIST_OF_KIND[kind], partner.partner_id) for kind in kinds}
        with reading(self._engine) as connection:
            parts, following = self._read(connection, readings, window, place)
        for part in parts.values():
            self._feed.note_pull(partner, AuditedAct.NCMEC_PULL, part.name, part.first, part.end)
        images, videos = (parts[kind].entries if kind in parts else () for kind in EntryKind)
        return EntriesPage(images, videos, following)

    def feedback(self, partner: Partner, place: tuple[int, str, FingerprintType], *, says_yes: bool) -> None:
        """Keep a partner's word about an entry: yes is ``Blocked``, no is ``NotBlocked``.

        Args:
            partner: who.
            place: member, entry id and type, as the path has them.
            says_yes: which word.

        Raises:
            NotFoundError: ``entry.unknown`` if there is no such live entry.
            NotAllowedError: ``partner.not_entitled``.
        """
        member, entry_id, kind = place
        name = _LIST_OF_TYPE.get(kind)
        value = FeedbackValue.BLOCKED if says_yes else FeedbackValue.NOT_BLOCKED
        kept = 0
        if member == _REGISTRY_NUMBER and name is not None:
            kept = self._feed.feedback(partner, [Feedback(name, entry_id, value)], AuditedAct.NCMEC_WORD)
        if not kept:
            raise NotFoundError("entry.unknown", "There is no such entry with a fingerprint of this type.")

    def _read(
        self, connection: Connection, readings: Mapping[EntryKind, Reading], window: Window, place: Place | None
    ) -> tuple[dict[EntryKind, _Part], Place | None]:
        """Fill the page, list by list, from where the last one ended."""
        parts: dict[EntryKind, _Part] = {}
        room = self.page_entries
        total = 0
        following: Place | None = None
        served = place.served if place else 0
        for kind, of in readings.items():
            times = timetable(connection, of.list)
            first, last = times.seq_at(window.after_s), times.seq_at(window.until_s)
            total += max(last - first, 0)
            if following is not None or (place is not None and _is_before(kind, place.kind)):
                continue
            start = max(first, place.after) if place is not None and place.kind is kind else first
            # One more than there is room for tells whether another page is needed.
            rows = shown_changes(connection, of, start, last, room + 1)
            page, rest = rows[:room], rows[room:]
            room -= len(page)
            served += len(page)
            end = (page[-1].seq if page else start) if rest else max(last, start)
            words = words_of_list(connection, of.list) if page else {}
            entries = tuple(_entry(row, times.time_of(row.seq), words) for row in page)
            parts[kind] = _Part(of.list, start, last, entries, end)
            if rest:
                following = Place(kind, end, served, 0)
        if following is not None:
            following = Place(following.kind, following.after, served, max(total, served + 1))
        return parts, following


def _entry(row: ShownChange, published_s: int, words: dict[bytes, frozenset[FeedbackValue]]) -> EntryShape:
    if row.value is None:
        return EntryShape(row.entry_id.hex(), published_s, None)
    return EntryShape(row.entry_id.hex(), published_s, row.value.hex(), words.get(row.entry_id, frozenset()))


def _is_before(kind: EntryKind, other: EntryKind) -> bool:
    order = list(EntryKind)
    return order.index(kind) < order.index(other)
