"""Single services of a registry, for the command line. A registry may be serving the same database meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from takeback.apps.console import ConsoleServices, console_services
from takeback.apps.registry_rules import abuse_services
from takeback.apps.registry_state import open_registry_state
from takeback.clock import Clock
from takeback.exchange.partners import PartnerService
from takeback.registry.guard import GuardService
from takeback.registry.guard_rule import NearSearch, plain_search
from takeback.registry.quarantine import QuarantineService
from takeback.settings import RegistrySettings


@contextmanager
def open_partners(settings: RegistrySettings, clock: Clock) -> Iterator[PartnerService]:
    """Partners alone, for the command line; a registry may be serving the same database meanwhile.

    ``partners.add(name, lists)`` gives a partner and its key: ``issued.partner.partner_id``, ``issued.key.text()``.

    Raises:
        TakebackError: the database or the signing key cannot be opened.
    """
    engine, signer = open_registry_state(settings, clock)
    try:
        yield PartnerService(engine, clock, signer.pin)
    finally:
        engine.dispose()


@contextmanager
def open_abuse_control(
    settings: RegistrySettings, clock: Clock, search: NearSearch = plain_search
) -> Iterator[tuple[GuardService, QuarantineService]]:
    """The guard list and quarantine alone, for the command line; a registry may be serving the same database.

    Raises:
        TakebackError: the database cannot be opened.
    """
    engine, _signer = open_registry_state(settings, clock)
    try:
        yield abuse_services(engine, settings, clock, search)
    finally:
        engine.dispose()


@contextmanager
def open_console(settings: RegistrySettings, clock: Clock) -> Iterator[ConsoleServices]:
    """What the console shows and does, for the command line; a registry may be serving the same database meanwhile.

    Raises:
        TakebackError: the database or the signing key cannot be opened.
    """
    engine, _signer = open_registry_state(settings, clock)
    try:
        yield console_services(settings, engine, clock)
    finally:
        engine.dispose()
