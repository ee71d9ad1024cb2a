"""What the registry's room knows of the exchange: whose word counts, who reads, and where acts are written."""

from sqlalchemy import Connection

from takeback.exchange import store
from takeback.exchange.types import AuditedAct, AuditRecord, Scope
from takeback.model.fingerprint import Algorithm
from takeback.registry.acts import Act


def active_partners(connection: Connection) -> frozenset[str]:
    """The ids of partners that are not shut out."""
    return frozenset(partner.partner_id for partner in store.partners(connection) if partner.is_active)


def readers(connection: Connection) -> dict[str, frozenset[Algorithm]]:
    """The partners that may pull lists, by id, and which."""
    return {
        partner.partner_id: partner.lists
        for partner in store.partners(connection)
        if partner.is_active and Scope.PULL in partner.scopes
    }


def write_act(connection: Connection, act: Act) -> None:
    """Write an act into the audit log."""
    record = AuditRecord(act.day, act.by, AuditedAct(act.what.value), act.list, act.seq, act.seq, act.subject)
    store.append_audit(connection, [record])
