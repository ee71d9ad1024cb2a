"""The feed: heads signed on demand, changes from one snapshot, feedback, and the audit of both.

**Source:** docs/protocol/feed-v1.md §3 to §6.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.errors import ConflictError, NotAllowedError, NotFoundError
from takeback.exchange import log_store, store
from takeback.exchange.audit import verify_audit
from takeback.exchange.keyring import Keyring
from takeback.exchange.snapshots import SnapshotShelf
from takeback.exchange.types import AuditedAct, AuditRecord, Partner
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback
from takeback.registry import store as registry_store
from takeback.registry.types import ListState
from takeback.wire.feed_keys_v1 import KeysShape
from takeback.wire.feed_snapshot_v1 import (
    POINT_CONTEXT,
    SNAPSHOT_CONTEXT,
    Point,
    point_text,
    snapshot_text,
)
from takeback.wire.feed_v1 import MAX_CHANGES, SignedHeadShape, SignedTextShape, max_changes
from takeback.wire.feed_withheld_v1 import WITHHELD_CONTEXT, withheld_text

_SECONDS_A_DAY = 86_400
_VOUCH_INTERVAL_S = 15
"""A head asked for again within this time keeps its ``issued``, so that asking does not write to the disk."""


@dataclass(frozen=True, slots=True)
class SignedChanges:
    """A page of a log as one partner is told it, the head of the same snapshot, and a word about what is withheld."""

    changes: tuple[Change, ...]
    head: SignedHeadShape
    withheld: SignedTextShape | None = None


class FeedService:
    """The feed's use cases over one database.

    Args:
        engine: the registry's database.
        writer: commits audit lines, feedback and heads' times.
        clock: for ``issued`` and days.
        signer: vouches for heads.
        shelf: where snapshots are.
        head_ttl_s: seconds a head is good for.
        on_feedback: told the ids of entries about which feedback has just been kept.
    """

    def __init__(
        self,
        engine: Engine,
        writer: GroupWriter,
        clock: Clock,
        signer: Keyring,
        shelf: SnapshotShelf,
        head_ttl_s: int,
        on_feedback: Callable[[Collection[str]], object] = len,
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._signer = signer
        self._shelf = shelf
        self._head_ttl_s = head_ttl_s
        self._on_feedback = on_feedback
        self._last_pulls: dict[tuple[str, AuditedAct, Algorithm], AuditRecord] = {}
        self._last_points: dict[Algorithm, Point] = {}
        self._gate = threading.Lock()

    def keys(self) -> KeysShape:
        """The keys that heads are signed with."""
        return self._signer.keys()

    def head(self, partner: Partner, untrusted_list: str) -> SignedHeadShape:
        """A list's signed head.

        Raises:
            NotFoundError: ``list.unknown``.
            NotAllowedError: ``partner.not_entitled``.
        """
        name = entitled_list(partner, untrusted_list)
        issued_s = self._vouch(name)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
        return self._sign(state, issued_s)

    def changes(self, partner: Partner, untrusted_list: str, after: int, limit: int = MAX_CHANGES) -> SignedChanges:
        """The changes after a sequence number, with the head of the same snapshot. Handed out only once audited.

        Raises:
            NotFoundError: ``list.unknown``.
            NotAllowedError: ``partner.not_entitled``.
            ConflictError: ``feed.compacted`` if the log is not there any more from that place on.
        """
        name = entitled_list(partner, untrusted_list)
        issued_s = self._vouch(name)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
            if after < log_store.floor(connection, name).seq:
                raise ConflictError(
                    "feed.compacted", "The log does not go back so far any more. Take the snapshot of this list."
                )
            most = min(limit, max_changes(name))
            changes = tuple(store.changes_for(connection, partner.partner_id, name, after, most))
        last = changes[-1].seq if changes else after
        self.note_pull(partner, AuditedAct.PULL, name, after, last)
        withheld = None
        if any(change.op is Op.WITHHELD for change in changes):
            withheld = self._sign_text(withheld_text(name, partner.partner_id, changes), WITHHELD_CONTEXT)
        return SignedChanges(changes, self._sign(state, issued_s), withheld)

    def snapshot(self, partner: Partner, untrusted_list: str) -> SignedTextShape:
        """What the newest snapshot of a list is, signed.

        Raises:
            NotFoundError: ``list.unknown``, or ``snapshot.none`` if the log tells the list as fast.
            NotAllowedError: ``partner.not_entitled``.
            UnavailableError: ``snapshot.building``.
        """
        name = entitled_list(partner, untrusted_list)
        statement = self._shelf.statement(name, partner.partner_id)
        self.note_pull(partner, AuditedAct.PULL, name, 0, statement.seq)
        return self._sign_text(snapshot_text(statement), SNAPSHOT_CONTEXT)

    def snapshot_file(self, partner: Partner, untrusted_list: str, untrusted_digest: str) -> Path:
        """The file of a snapshot.

        Raises:
            NotFoundError: ``list.unknown`` or ``snapshot.gone``.
            NotAllowedError: ``partner.not_entitled``.
        """
        return self._shelf.file(entitled_list(partner, untrusted_list), partner.partner_id, untrusted_digest)

    def point(self, partner: Partner, untrusted_list: str, seq: int) -> SignedTextShape:
        """A place of a log that a head was once signed for, signed again.

        Raises:
            NotFoundError: ``list.unknown``, or ``feed.point_unknown`` if no head was signed for it.
            NotAllowedError: ``partner.not_entitled``.
        """
        name = entitled_list(partner, untrusted_list)
        with reading(self._engine) as connection:
            point = log_store.point_at(connection, name, seq)
        if point is None:
            raise NotFoundError("feed.point_unknown", "No head of this list was ever signed for this place.")
        return self._sign_text(point_text(point), POINT_CONTEXT)

    def seqs(self) -> dict[Algorithm, int]:
        """Where every list that has begun stands."""
        with reading(self._engine) as connection:
            return log_store.seqs(connection)

    def feedback(self, partner: Partner, words: Sequence[Feedback], act: AuditedAct = AuditedAct.FEEDBACK) -> int:
        """Keep what a partner says about entries.

        Args:
            partner: who.
            words: what about which entries.
            act: by which face, for the audit log.

        Returns:
            How many words were about a live entry.

        Raises:
            NotAllowedError: ``partner.not_entitled`` if one is about a list the partner may not pull; none is kept.
        """
        for name in {word.list for word in words}:
            entitled_list(partner, name.value)
        accepted = self._writer.run(partial(self._keep_feedback, partner=partner, words=words, act=act))
        self._on_feedback({word.entry_id for word in words})
        return accepted

    def verify_audit_log(self) -> int:
        """Check the audit log from the first line.

        Returns:
            How many lines it has.

        Raises:
            CorruptDataError: ``audit.chain``.
        """
        with reading(self._engine) as connection:
            return verify_audit(store.audit_lines(connection))

    def note_pull(self, partner: Partner, act: AuditedAct, name: Algorithm, after: int, last: int) -> None:
        """Write a pull to the audit log, before it is answered.

        Args:
            partner: who.
            act: by which face.
            name: which list.
            after: the change the pull begins after.
            last: the last change handed out.
        """
        # A client that follows asks every few seconds; the same answer on the same day is one line, or the audit log
        # would outgrow the list.
        record = AuditRecord(self._today(), partner.partner_id, act, name, after, last)
        place = partner.partner_id, act, name
        with self._gate:
            if self._last_pulls.get(place) == record:
                return
        self._writer.run(partial(store.append_audit, records=[record]))
        with self._gate:
            self._last_pulls[place] = record

    def _keep_feedback(
        self, connection: Connection, partner: Partner, words: Sequence[Feedback], act: AuditedAct
    ) -> int:
        day = self._today()
        accepted = registry_store.record_feedback(connection, partner.partner_id, words, day)
        records = []
        for name in sorted({word.list for word in words}):
            count = sum(word.list is name for word in words)
            seq = registry_store.list_state(connection, name).seq
            records.append(AuditRecord(day, partner.partner_id, act, name, count, seq))
        store.append_audit(connection, records)
        return accepted

    def _vouch(self, name: Algorithm) -> int:
        now_s = self._clock.now_s()
        with reading(self._engine) as connection:
            issued_s = store.issued(connection, name)
        # feed-v1 §5: a client refuses an `issued` lower than one it has seen, so neither a clock that is set back nor
        # a second process with a slower one may make it so. It is therefore kept beside the list.
        if issued_s is not None and now_s < issued_s + _VOUCH_INTERVAL_S:
            return issued_s
        return self._writer.run(partial(store.vouch, name=name, now_s=now_s))

    def _sign_text(self, text: str, context: bytes) -> SignedTextShape:
        return SignedTextShape(text=text, signatures=self._signer.sign_text(text, context))

    def _sign(self, state: ListState, issued_s: int) -> SignedHeadShape:
        point = Point(state.list, state.seq, state.chain)
        if state.seq > 0 and self._last_points.get(state.list) != point:
            # feed-v1 §8.3: what a head was signed for is known for ever, and before anybody has the head.
            self._writer.run(partial(log_store.keep_point, point=point))
            self._last_points[state.list] = point
        head = Head(state.list, state.seq, state.chain, state.count, issued_s, issued_s + self._head_ttl_s)
        return self._signer.sign(head)

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def entitled_list(partner: Partner, untrusted_list: str) -> Algorithm:
    """The list of this name, if the partner may have it.

    Raises:
        NotFoundError: ``list.unknown``.
        NotAllowedError: ``partner.not_entitled``.
    """
    try:
        name = Algorithm(untrusted_list)
    except ValueError:
        raise NotFoundError("list.unknown", "There is no list of this name here.") from None
    if name not in partner.lists:
        raise NotAllowedError("partner.not_entitled", f"This key is not for the list '{name.value}'.")
    return name
