"""The services of a registry over one open database: what its routes, its threads and its tests call."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from takeback.apps.console import ConsoleServices, console_services
from takeback.apps.registry_rules import abuse_services, case_rules
from takeback.clock import Clock
from takeback.db import GroupWriter
from takeback.exchange.keyring import Keyring
from takeback.exchange.match.service import ListMatcher, MatchService
from takeback.exchange.ncmec.service import NcmecService
from takeback.exchange.offers import OfferService
from takeback.exchange.partners import PartnerService
from takeback.exchange.service import FeedService
from takeback.exchange.snapshots import SnapshotPolicy, SnapshotShelf
from takeback.exchange.statistics import StatisticsService
from takeback.exchange.stopncii.service import StopNciiService
from takeback.registry.guard import GuardService
from takeback.registry.guard_rule import NearSearch
from takeback.registry.processes import Processes
from takeback.registry.quarantine import QuarantineService
from takeback.registry.service import RegistryService
from takeback.settings import RegistrySettings

OpenMatcher = Callable[[Engine], ListMatcher]
"""Opens a matcher over the registry's own lists: :mod:`takeback.apps.list_matcher` has one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every service of a registry stands on.

    Args:
        settings: where and what.
        engine: its database, open.
        writer: commits what people and partners send.
        signer: its keys.
        clock: the time.
        processes: how many serve this database.
    """

    settings: RegistrySettings
    engine: Engine
    writer: GroupWriter
    signer: Keyring
    clock: Clock
    processes: Processes


@dataclass(frozen=True, slots=True)
class Services:
    """What the command line and tests call directly."""

    registry: RegistryService
    partners: PartnerService
    feed: FeedService
    ncmec: NcmecService
    quarantine: QuarantineService
    guard: GuardService
    stopncii: StopNciiService
    offers: OfferService
    match: MatchService
    statistics: StatisticsService
    console: ConsoleServices
    shelf: SnapshotShelf


def open_services(
    ground: Ground, search: NearSearch, open_matcher: OpenMatcher | None, batch_failures: Callable[[], int]
) -> Services:
    """Put them together.

    Args:
        ground: what they stand on.
        search: finds values near to the guard list.
        open_matcher: for match-as-a-service, if it is offered.
        batch_failures: how many batches have failed in a row.
    """
    settings, engine, writer, clock = ground.settings, ground.engine, ground.writer, ground.clock
    guard, quarantine = abuse_services(engine, settings, clock, search)
    policy = SnapshotPolicy(min_changes=settings.snapshot_min_changes, keep_days=settings.feed_keep_days)
    shelf = SnapshotShelf(engine, settings.data_dir / "snapshots", policy)
    feed = FeedService(engine, writer, clock, ground.signer, shelf, settings.head_ttl_s, quarantine.consider)
    cases = RegistryService(engine, writer, clock, case_rules(settings, guard.hits))
    partners = PartnerService(engine, clock, ground.signer.pin)
    return Services(
        registry=cases,
        partners=partners,
        feed=feed,
        ncmec=NcmecService(engine, feed, clock, settings.registry_name, settings.ncmec_page_entries),
        quarantine=quarantine,
        guard=guard,
        stopncii=StopNciiService(engine, feed),
        offers=OfferService(engine, writer, clock, cases),
        match=MatchService(engine, None if open_matcher is None else open_matcher(engine), writer, clock),
        statistics=StatisticsService(engine),
        console=console_services(settings, engine, clock, batch_failures),
        shelf=shelf,
    )
