"""From the console's values to its wire shapes."""

import base64
import binascii

from takeback.console.auditing import AuditLine
from takeback.console.overview import ListHistory
from takeback.console.types import Enrolment, Means, Operator
from takeback.errors import InvalidInputError
from takeback.registry.guard import GuardLine
from takeback.registry.guard_recheck import Recheck
from takeback.registry.set_aside import AsideEntry
from takeback.wire.console_v1 import (
    AsideEntryShape,
    AuditLineShape,
    FeedbackCountShape,
    GuardLineShape,
    IssuedCodeShape,
    ListHistoryShape,
    OperatorShape,
    RecheckShape,
    SizeShape,
)


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def bytes_of(untrusted_text: str) -> bytes:
    """The bytes of base64 for URLs.

    Raises:
        InvalidInputError: ``console.base64``.
    """
    try:
        return base64.b64decode(untrusted_text + "=" * (-len(untrusted_text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError("console.base64", "A field that should be base64 is not.") from None


def operator_shape(operator: Operator) -> OperatorShape:
    """An operator."""
    return OperatorShape(
        operator=operator.operator_id,
        name=operator.name,
        role=operator.role.value,
        active=operator.is_active,
        means=[means.value for means in Means if means in operator.means],
    )


def issued_code_shape(enrolment: Enrolment) -> IssuedCodeShape:
    """An operator and their code."""
    operator = operator_shape(enrolment.operator)
    return IssuedCodeShape(operator=operator, code=enrolment.code, expires=enrolment.expires_s)


def list_shape(history: ListHistory) -> ListHistoryShape:
    """A list and how it grew."""
    sizes = [SizeShape(day=day, count=count) for day, count in history.sizes]
    return ListHistoryShape(list=history.list.value, seq=history.seq, count=history.count, sizes=sizes)


def aside_shape(entry: AsideEntry) -> AsideEntryShape:
    """An entry that waits for a decision."""
    words = [FeedbackCountShape(value=value.value, partners=count) for value, count in sorted(entry.words.items())]
    return AsideEntryShape(
        words=words,
        entry=entry.entry_id,
        list=entry.algorithm.value,
        cause=entry.cause.value,
        day=entry.day,
        worst_day=entry.matches_on_worst_day,
    )


def guard_line_shape(line: GuardLine) -> GuardLineShape:
    """A line of the guard list."""
    return GuardLineShape(guard=line.guard_id, list=line.algorithm.value, note=line.note, day=line.day)


def recheck_shape(found: Recheck | None) -> RecheckShape | None:
    """How far the comparison with new lines is."""
    if found is None:
        return None
    return RecheckShape(
        running=found.is_running,
        checked=found.checked,
        total=found.total,
        held_back=found.held_back,
        day=found.day,
    )


def audit_line_shape(line: AuditLine) -> AuditLineShape:
    """A line of the audit log."""
    record = line.record
    return AuditLineShape(
        seq=line.seq,
        day=record.day,
        actor=line.actor,
        actor_id=record.actor_id,
        what=record.what.value,
        list=None if record.list is None else record.list.value,
        first_seq=record.first_seq,
        last_seq=record.last_seq,
        subject=line.subject,
    )
