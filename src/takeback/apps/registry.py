"""The registry, put together: database, cases, batches, feed, page. ``python -m takeback.apps.registry`` serves it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import FastAPI
from sqlalchemy import Engine

from takeback.apps.console import ConsoleServices, DeskServices, console_services, mount_console
from takeback.clock import Clock, SystemClock
from takeback.db import GroupWriter, open_database, sqlite_url
from takeback.db.secret_file import open_secret
from takeback.errors import TakebackError, UnavailableError
from takeback.exchange.abuse_trail import active_partners, write_act
from takeback.exchange.compaction import LogCompaction
from takeback.exchange.gate import GateRules, PartnerGate, parse_proxies
from takeback.exchange.http import feed_routes
from takeback.exchange.keeper import FeedKeeper
from takeback.exchange.keyring import Keyring
from takeback.exchange.match.http import match_routes
from takeback.exchange.match.service import ListMatcher, MatchService
from takeback.exchange.ncmec.http import ncmec_routes
from takeback.exchange.ncmec.service import NcmecService
from takeback.exchange.offers import OfferService
from takeback.exchange.partners import PartnerService
from takeback.exchange.service import FeedService
from takeback.exchange.snapshot_http import WAIT_PATH, snapshot_routes
from takeback.exchange.snapshots import SnapshotPolicy, SnapshotShelf
from takeback.exchange.statistics import StatisticsService
from takeback.exchange.stopncii.http import stopncii_routes
from takeback.exchange.stopncii.service import StopNciiService
from takeback.exchange.watch import ListWatch
from takeback.httpkit.application import bare_app
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.limits import BodyLimit, InFlightLimit
from takeback.httpkit.logs import EventLog, open_log
from takeback.httpkit.metrics import Face, Gauge, Metered, Metrics, metrics_app
from takeback.httpkit.pages import mount_page
from takeback.httpkit.problem import install_problem_handlers, problem_replies
from takeback.httpkit.rate import RequestRate
from takeback.httpkit.serve import Server, run
from takeback.httpkit.stopping import stopping_of
from takeback.model.case import Terms
from takeback.registry.batcher import Batcher
from takeback.registry.breaker import BreakerRules
from takeback.registry.caps import SubmissionCaps
from takeback.registry.company import Company
from takeback.registry.decoy_key import open_decoys
from takeback.registry.guard import GuardService
from takeback.registry.guard_rule import GuardRule, NearSearch, plain_search
from takeback.registry.http import case_routes
from takeback.registry.proof import ProofDesk, ProofRules
from takeback.registry.proof_http import ProofGate, proof_routes
from takeback.registry.quarantine import QuarantineRules, QuarantineService
from takeback.registry.service import RegistryService, Rules
from takeback.registry.topping_up import ToppingUp
from takeback.registry.tries import Tries
from takeback.registry.turn import BatchTurn
from takeback.registry.types import GuardCheck
from takeback.settings import RegistrySettings, load_settings

DATABASE_FILE = "registry.db"
_INTERVALS_OF_PATIENCE = 5
_PROOFS_FILE = "proof-secret"
_FACES = {
    "/v1/": Face.PERSON,
    "/feed/": Face.PARTNER,
    "/feedback/": Face.PARTNER,
    "/ncmec/": Face.PARTNER,
    "/stopncii/": Face.PARTNER,
    "/match/": Face.PARTNER,
    "/operator": Face.OPERATOR,
    "/healthz": Face.PROBE,
    "/readyz": Face.PROBE,
}
_BODY_BYTES = {"/feedback/": 128 * 1024, "/stopncii/": 512 * 1024, "/ncmec/": 16 * 1024}
"""A thousand words of feedback (feed-v1 §6.1) take up to 110 bytes each; a thousand offers up to 400 or so."""


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


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry in this process: ``app`` answers, ``start`` begins batches, ``close`` ends all of it in order."""

    app: FastAPI
    services: Services
    batcher: Batcher
    keeper: FeedKeeper
    engine: Engine
    writer: GroupWriter
    metrics: Metrics

    def start(self) -> None:
        """Judge what an earlier process may have left unjudged, begin to run batches and to make snapshots."""
        self.services.quarantine.sweep()
        self.batcher.start()
        self.keeper.start()

    def close(self) -> None:
        """End after what is being written. May be called twice."""
        self.keeper.stop()
        self.batcher.stop()
        self.writer.close()
        self.engine.dispose()


OpenMatcher = Callable[[Engine], ListMatcher]
"""Opens a matcher over the registry's own lists: :mod:`takeback.apps.list_matcher` has one."""


def build_registry(
    settings: RegistrySettings,
    clock: Clock,
    log: EventLog | None = None,
    search: NearSearch = plain_search,
    open_matcher: OpenMatcher | None = None,
) -> Registry:
    """Open what a registry needs and put it together; nothing listens and no batch runs yet.

    Args:
        settings: where and what.
        clock: the time.
        log: where failures go.
        search: finds values near to the guard list; :mod:`takeback.apps.near_search` has a faster one.
        open_matcher: for match-as-a-service; without one its route says that it is not offered.

    Raises:
        TakebackError: the database or the signing key cannot be opened.
    """
    events = open_log() if log is None else log
    engine, signer = open_registry_state(settings, clock)
    writer = GroupWriter(engine)
    shelf = SnapshotShelf(
        engine,
        settings.data_dir / "snapshots",
        SnapshotPolicy(min_changes=settings.snapshot_min_changes, keep_days=settings.feed_keep_days),
    )
    guard, quarantine = _abuse_services(engine, settings, clock, search)
    feed = FeedService(engine, writer, clock, signer, shelf, settings.head_ttl_s, quarantine.consider)
    cases = RegistryService(engine, writer, clock, _rules(settings, guard.hits))
    partners = PartnerService(engine, clock, signer.pin)
    desk = DeskServices(partners, quarantine, guard)
    services = Services(
        registry=cases,
        partners=partners,
        feed=feed,
        ncmec=NcmecService(engine, feed, clock, settings.registry_name, settings.ncmec_page_entries),
        stopncii=StopNciiService(engine, feed),
        offers=OfferService(engine, writer, clock, cases),
        match=MatchService(None if open_matcher is None else open_matcher(engine), writer, clock),
        statistics=StatisticsService(engine),
        quarantine=quarantine,
        guard=guard,
        console=console_services(settings, engine, clock, desk, lambda: batcher.failures),
    )
    metrics = Metrics("takeback_registry", _gauges(settings, services.registry))
    batcher = Batcher(services.registry, BatchTurn(engine), settings.batch_interval_s, events, metrics.publish)
    gate = PartnerGate(services.partners, RequestRate(clock), _gate_rules(settings))
    proofs = _proof_gate(settings, engine, writer, clock)
    app = _build_app(settings, services, gate, proofs, batcher, events)
    if settings.console:
        mount_console(app, settings, engine, clock, services.console)
    app.add_middleware(Metered, metrics=metrics, face_of=_face_of)
    keeper = FeedKeeper(shelf, LogCompaction(engine, writer, settings.feed_keep_days), signer, clock, events)
    return Registry(app, services, batcher, keeper, engine, writer, metrics)


def _rules(settings: RegistrySettings, guard: GuardCheck) -> Rules:
    waits_min = settings.batch_longest_wait_min
    longest_wait_s = _INTERVALS_OF_PATIENCE * settings.batch_interval_s if waits_min is None else 60 * waits_min
    return Rules(
        terms=Terms(settings.adult_cases, settings.withdrawal_delay_days, settings.hold_lifetime_days),
        company=Company(settings.batch_min_cases, longest_wait_s),
        topping_up=ToppingUp(open_decoys(settings.data_dir / "keys"), settings.batch_min_cases),
        tries=Tries(settings.unknown_case_tries_per_min),
        caps=SubmissionCaps(settings.max_fingerprints, settings.max_files),
        guard=guard,
    )


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
        yield _abuse_services(engine, settings, clock, search)
    finally:
        engine.dispose()


@contextmanager
def open_console(settings: RegistrySettings, clock: Clock) -> Iterator[ConsoleServices]:
    """What the console shows and does, for the command line; a registry may be serving the same database meanwhile.

    Raises:
        TakebackError: the database or the signing key cannot be opened.
    """
    engine, signer = open_registry_state(settings, clock)
    try:
        guard, quarantine = _abuse_services(engine, settings, clock, plain_search)
        desk = DeskServices(PartnerService(engine, clock, signer.pin), quarantine, guard)
        yield console_services(settings, engine, clock, desk)
    finally:
        engine.dispose()


def serve(
    settings: RegistrySettings,
    on_ready: Callable[[str], None] | None = None,
    search: NearSearch = plain_search,
    open_matcher: OpenMatcher | None = None,
) -> None:
    """Serve until a signal ends it.

    Args:
        settings: where and what.
        on_ready: called once with the URL.
        search: finds values near to the guard list.
        open_matcher: for match-as-a-service.

    Raises:
        TakebackError: it cannot start.
    """
    log = open_log()
    registry = build_registry(settings, SystemClock(), log, search, open_matcher)
    with ExitStack() as running:
        running.callback(registry.close)
        registry.start()
        if settings.metrics_port is not None:
            figures = Server(metrics_app(registry.metrics), settings.metrics_host, settings.metrics_port)
            running.enter_context(figures)
            log.info("metrics.ready", listening=f"{figures.url}/metrics")
        run(registry.app, settings.host, settings.port, log, on_ready)


def _proof_gate(settings: RegistrySettings, engine: Engine, writer: GroupWriter, clock: Clock) -> ProofGate:
    secret = open_secret(settings.data_dir / "keys" / _PROOFS_FILE)
    breaker = BreakerRules(settings.proof_trip_per_minute, settings.proof_factor, settings.proof_max_steps)
    rules = ProofRules(settings.proof_guesses, settings.proof_rounds, settings.proof_ttl_s, breaker)
    desk = ProofDesk(engine, clock, secret, rules)
    return ProofGate(desk, writer, RequestRate(clock), settings.questions_per_minute)


def _abuse_services(
    engine: Engine, settings: RegistrySettings, clock: Clock, search: NearSearch
) -> tuple[GuardService, QuarantineService]:
    rule = GuardRule(radius_bits=settings.guard_radius_bits)
    rules = QuarantineRules(settings.quarantine_quorum, settings.flood_words_per_day)
    return (
        GuardService(engine, clock, search, rule, write_act),
        QuarantineService(engine, clock, active_partners, rules, write_act),
    )


def open_registry_state(settings: RegistrySettings, clock: Clock) -> tuple[Engine, Keyring]:
    """Open a registry's database and its signing keys.

    Raises:
        TakebackError: one of them cannot be opened.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            "registry.data_dir", f"The data directory {settings.data_dir} cannot be made ({error.strerror})."
        ) from None
    signer = Keyring(settings.data_dir / "keys", clock)
    url = settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE)
    return open_database(url, "registry"), signer


def _gate_rules(settings: RegistrySettings) -> GateRules:
    return GateRules(
        settings.partner_requests_per_minute, settings.partner_burst, parse_proxies(settings.trusted_proxies)
    )


def _build_app(
    settings: RegistrySettings,
    services: Services,
    gate: PartnerGate,
    proofs: ProofGate,
    batcher: Batcher,
    log: EventLog,
) -> FastAPI:
    app = bare_app("Takeback registry")
    install_problem_handlers(app, log)
    app.include_router(case_routes(services.registry, proofs))
    app.include_router(proof_routes(proofs.desk))
    watch = ListWatch(services.feed.seqs, stopping_of(app), settings.max_waiting)
    app.include_router(snapshot_routes(gate, services.feed, watch))
    app.include_router(feed_routes(gate, services.feed))
    app.include_router(ncmec_routes(gate, services.ncmec))
    app.include_router(stopncii_routes(gate, services.stopncii, services.offers))
    app.include_router(match_routes(gate, services.match))
    _add_probes(app, services, batcher)
    mount_page(app, "submit")
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes, by_prefix=_BODY_BYTES)
    app.add_middleware(InFlightLimit, max_in_flight=settings.max_in_flight, exempt=("/healthz", WAIT_PATH))
    app.add_middleware(SecurityHeaders, passkeys_below="/operator/")
    return app


def _face_of(path: str) -> Face:
    return next((face for prefix, face in _FACES.items() if path.startswith(prefix)), Face.PAGE)


def _gauges(settings: RegistrySettings, registry: RegistryService) -> list[Gauge]:
    return [
        Gauge("list_entries", "Live entries of a list.", "list", lambda: _list_figures(registry, "count")),
        Gauge("list_seq", "Sequence number of a list's last change.", "list", lambda: _list_figures(registry, "seq")),
        Gauge("disk_free_bytes", "Room left where the data is.", None, lambda: {"": _free_bytes(settings.data_dir)}),
    ]


def _list_figures(registry: RegistryService, figure: Literal["seq", "count"]) -> dict[str, float]:
    return {state.list.value: getattr(state, figure) for state in registry.list_states()}


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _add_probes(app: FastAPI, services: Services, batcher: Batcher) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", responses=problem_replies(503))
    def readyz() -> dict[str, str]:
        services.registry.check_readable()
        if batcher.failures:
            raise UnavailableError("registry.batch", "Batches fail at the moment. The log says why.")
        return {"status": "ready"}


if __name__ == "__main__":
    try:
        serve(load_settings(RegistrySettings), lambda url: print(url, flush=True))  # noqa: T201 - its one line of output
    except TakebackError as error:
        sys.exit(f"{error.message} ({error.code})")
