"""The registry, put together: database, cases, batches, feed, page. ``python -m takeback.apps.registry`` serves it.

The parts: ``registry_state`` opens database and keys, ``registry_rules`` reads the settings, ``registry_services``
makes the services, ``registry_http`` the routes, ``console`` the operator's console; here they are joined and run.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import Engine

from takeback.apps.console import DeskServices, mount_console
from takeback.apps.registry_http import face_of, gauges, registry_app
from takeback.apps.registry_services import Ground, OpenMatcher, Services, open_services
from takeback.apps.registry_state import open_registry_state
from takeback.clock import Clock, SystemClock
from takeback.db import GroupWriter
from takeback.errors import TakebackError
from takeback.exchange.compaction import LogCompaction
from takeback.exchange.keeper import FeedKeeper
from takeback.httpkit.logs import EventLog, open_log
from takeback.httpkit.metrics import Metered, Metrics, metrics_app
from takeback.httpkit.serve import Server, run
from takeback.registry.batcher import Batcher
from takeback.registry.guard_keeper import GuardKeeper
from takeback.registry.guard_rule import NearSearch, plain_search
from takeback.registry.processes import Processes
from takeback.registry.turn import BatchTurn
from takeback.settings import RegistrySettings, load_settings


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry in this process: ``app`` answers, ``start`` begins batches, ``close`` ends all of it in order."""

    app: FastAPI
    services: Services
    batcher: Batcher
    keeper: FeedKeeper
    guard_keeper: GuardKeeper
    engine: Engine
    writer: GroupWriter
    metrics: Metrics
    processes: Processes

    def start(self) -> None:
        """Judge what an earlier process may have left unjudged, begin to run batches, to make snapshots, to compare."""
        self.services.quarantine.sweep()
        self.processes.look()
        self.batcher.start()
        self.keeper.start()
        self.guard_keeper.start()

    def close(self) -> None:
        """End after what is being written. May be called twice."""
        self.guard_keeper.stop()
        self.keeper.stop()
        self.batcher.stop()
        self.writer.close()
        self.engine.dispose()


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
    processes = Processes(engine)
    ground = Ground(settings, engine, writer, signer, clock, processes)
    services = open_services(ground, search, open_matcher, lambda: batcher.failures)
    metrics = Metrics("takeback_registry", gauges(settings, services.registry))

    def after_each_interval() -> None:
        metrics.publish()
        processes.look()

    batcher = Batcher(services.registry, BatchTurn(engine), settings.batch_interval_s, events, after_each_interval)
    app = registry_app(ground, services, batcher, events)
    if settings.console:
        desk = DeskServices(
            services.partners, services.quarantine, services.guard, services.offers, services.statistics
        )
        mount_console(app, settings, engine, clock, services.console, desk)
    app.add_middleware(Metered, metrics=metrics, face_of=face_of)
    compaction = LogCompaction(engine, writer, settings.feed_keep_days)
    keeper = FeedKeeper(services.shelf, compaction, signer, clock, events)
    guard_keeper = GuardKeeper(services.guard.recheck, events)
    return Registry(app, services, batcher, keeper, guard_keeper, engine, writer, metrics, processes)


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


if __name__ == "__main__":
    try:
        serve(load_settings(RegistrySettings), lambda url: print(url, flush=True))  # noqa: T201 - its one line of output
    except TakebackError as error:
        sys.exit(f"{error.message} ({error.code})")
