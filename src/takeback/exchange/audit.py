"""The audit log's chain: a line that is changed, taken out or put in later breaks every line after it."""

import hashlib
from collections.abc import Iterable

from takeback.errors import CorruptDataError
from takeback.exchange.types import AuditRecord

FIRST_CHAIN = hashlib.sha256(b"takeback/audit/v1").digest()


NO_LIST = "-"
"""How a line that is about no list says so."""


def next_audit_chain(chain: bytes, seq: int, record: AuditRecord) -> bytes:
    """The chain value after a line: SHA-256 over the one before and the line's fields, tab-separated.

    The subject is an eighth field, only where there is one.
    """
    fields = (
        str(seq),
        str(record.day),
        record.actor_id,
        record.what.value,
        NO_LIST if record.list is None else record.list.value,
        str(record.first_seq),
        str(record.last_seq),
        *(() if record.subject is None else (record.subject,)),
    )
    return hashlib.sha256(chain + "\t".join(fields).encode("ascii")).digest()


def verify_audit(lines: Iterable[tuple[int, AuditRecord, bytes]]) -> int:
    """Check a whole log.

    Args:
        lines: (seq, record, chain value), from the first.

    Returns:
        How many lines it has.

    Raises:
        CorruptDataError: ``audit.chain``, naming the first line that does not fit.
    """
    chain, expected = FIRST_CHAIN, 0
    for seq, record, claimed in lines:
        expected += 1
        chain = next_audit_chain(chain, seq, record)
        if seq != expected or chain != claimed:
            raise CorruptDataError("audit.chain", f"The audit log has been altered at line {expected}.")
    return expected
