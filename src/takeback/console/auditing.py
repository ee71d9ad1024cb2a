"""The audit log as an operator reads it: newest first, with names, and whether its chain is whole."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from takeback.console import store
from takeback.db import reading
from takeback.errors import CorruptDataError
from takeback.exchange import store as exchange_store
from takeback.exchange.audit import verify_audit
from takeback.exchange.types import BY_COMMAND, AuditRecord
from takeback.registry.acts import BY_RULE

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A line, with the names of who and of whom, where there are any.

    Args:
        seq: its number.
        record: what it says.
        actor: who, by name.
        subject: to whom, by name; the id if there is no name for it, ``None`` if the line has no subject.
    """

    seq: int
    record: AuditRecord
    actor: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a check of the whole log found.

    Args:
        lines: how many lines were checked and are whole.
        broken: what is wrong, in one sentence; ``None`` if nothing is.
    """

    lines: int
    broken: str | None


class AuditView:
    """Reads and checks the audit log.

    Args:
        engine: the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, before: int | None = None, limit: int = PAGE) -> list[AuditLine]:
        """The newest lines, or the ones before a number."""
        with reading(self._engine) as connection:
            found = exchange_store.audit_page(connection, before, limit)
            names = _names(connection, [record for _seq, record in found])
        return [
            AuditLine(
                seq,
                record,
                names.get(record.actor_id, record.actor_id),
                None if record.subject is None else names.get(record.subject, record.subject),
            )
            for seq, record in found
        ]

    def check(self) -> ChainCheck:
        """Check every line from the first."""
        with reading(self._engine) as connection:
            try:
                return ChainCheck(verify_audit(exchange_store.audit_lines(connection)), None)
            except CorruptDataError as error:
                return ChainCheck(0, error.message)


def _names(connection: Connection, records: list[AuditRecord]) -> dict[str, str]:
    ids = {record.actor_id for record in records} | {record.subject for record in records if record.subject}
    partners = {partner.partner_id: partner.name for partner in exchange_store.partners(connection)}
    known = {partner_id: name for partner_id, name in partners.items() if partner_id in ids}
    return {BY_COMMAND: "command line", BY_RULE: "the registry", **known, **store.names(connection, ids)}
