"""What the command line does to a registry's signing keys. Each act is in the audit log before it happens."""

from dataclasses import dataclass

from takeback.apps.registry_state import open_registry_state
from takeback.clock import Clock
from takeback.db import writing
from takeback.exchange import store
from takeback.exchange.keyring import FormerKey
from takeback.exchange.types import BY_COMMAND, AuditedAct, act_of
from takeback.settings import RegistrySettings

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Keys:
    """A registry's signing keys.

    Args:
        present: the name of the key that signs.
        former: those before it.
    """

    present: str
    former: tuple[FormerKey, ...]


def rotate_key(settings: RegistrySettings, clock: Clock, overlap_days: int) -> Keys:
    """Make a new signing key; the one before signs beside it for some days.

    Raises:
        TakebackError: the database or the keys cannot be opened.
    """
    engine, ring = open_registry_state(settings, clock)
    try:
        with writing(engine) as connection:
            act = act_of(clock.now_s() // _SECONDS_A_DAY, BY_COMMAND, AuditedAct.KEY_ROTATE, ring.present_key_id())
            store.append_audit(connection, [act])
        ring.rotate(overlap_days * _SECONDS_A_DAY)
        return Keys(ring.present_key_id(), ring.former())
    finally:
        engine.dispose()


def revoke_key(settings: RegistrySettings, clock: Clock, key_id: str) -> Keys:
    """Declare a former signing key worth nothing.

    Raises:
        ConflictError: ``keys.present``.
        NotFoundError: ``keys.unknown``.
        TakebackError: the database or the keys cannot be opened.
    """
    engine, ring = open_registry_state(settings, clock)
    try:
        ring.check_former(key_id)
        with writing(engine) as connection:
            act = act_of(clock.now_s() // _SECONDS_A_DAY, BY_COMMAND, AuditedAct.KEY_REVOKE, key_id)
            store.append_audit(connection, [act])
        ring.revoke(key_id)
        return Keys(ring.present_key_id(), ring.former())
    finally:
        engine.dispose()
