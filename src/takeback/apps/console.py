"""The operator's console over a registry's database, for the serving registry and for the command line."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import Engine

from takeback.clock import Clock
from takeback.console.auditing import AuditView
from takeback.console.console_key import open_console_key
from takeback.console.entry import EntryService
from takeback.console.face import PATH, ConsoleFace
from takeback.console.http import console_routes
from takeback.console.operators import OperatorService
from takeback.console.overview import OverviewService
from takeback.console.sessions import ConsoleSessions
from takeback.console.types import ConsoleLimits
from takeback.errors import InvalidInputError
from takeback.exchange.offers import OfferService
from takeback.exchange.partners import PartnerService
from takeback.exchange.statistics import StatisticsService
from takeback.httpkit.pages import mount_page
from takeback.registry.guard import GuardService
from takeback.registry.quarantine import QuarantineService
from takeback.settings import RegistrySettings

ENROLMENT_S = 24 * 3600
"""For how long a link for a new operator is good."""

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://[a-z0-9.-]*(localhost|\.onion)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class DeskServices:
    """What other rooms do, and operators decide about."""

    partners: PartnerService
    quarantine: QuarantineService
    guard: GuardService
    offers: OfferService
    statistics: StatisticsService


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What operators do and see, apart from getting in."""

    operators: OperatorService
    overview: OverviewService
    auditing: AuditView


def console_services(
    settings: RegistrySettings,
    engine: Engine,
    clock: Clock,
    batch_failures: Callable[[], int] | None = None,
) -> ConsoleServices:
    """The services over a database that is open already.

    Args:
        settings: of the registry.
        engine: its database.
        clock: the time.
        batch_failures: how many batches have failed in a row; ``None`` where none are run.
    """
    return ConsoleServices(
        OperatorService(engine, clock, ENROLMENT_S),
        OverviewService(engine, clock, settings.data_dir, batch_failures),
        AuditView(engine),
    )


def mount_console(
    app: FastAPI,
    settings: RegistrySettings,
    engine: Engine,
    clock: Clock,
    services: ConsoleServices,
    desk: DeskServices,
) -> None:
    """Serve the console and its page.

    Args:
        app: where.
        settings: of the registry.
        engine: its database.
        clock: the time.
        services: what operators see.
        desk: what they decide about.

    Raises:
        InvalidInputError: ``settings.invalid`` for an origin that browsers make no passkeys for.
        TakebackError: the console's key cannot be opened.
    """
    if settings.console_origin is not None and not _ORIGIN.fullmatch(settings.console_origin):
        raise InvalidInputError(
            "settings.invalid",
            "console_origin is the console's address as browsers write it, without a path: https://registry.example",
        )
    limits = ConsoleLimits(settings.console_idle_s, settings.console_session_s, settings.console_sessions)
    sessions = ConsoleSessions(engine, clock, limits)
    face = ConsoleFace(
        EntryService(engine, clock, open_console_key(settings.data_dir / "keys"), sessions),
        sessions,
        services.operators,
        services.overview,
        services.auditing,
        desk.partners,
        desk.quarantine,
        desk.guard,
        desk.offers,
        desk.statistics,
        settings.key_overlap_days,
        settings.console_origin,
    )
    app.include_router(console_routes(face))
    mount_page(app, "operator", at=f"{PATH}/")


def enrolment_link(settings: RegistrySettings, code: str) -> str:
    """Where a new operator goes: the code stands behind ``#``, which no browser sends."""
    host = "localhost" if settings.host in {"127.0.0.1", "::1"} else settings.host
    origin = settings.console_origin or f"http://{host}:{settings.port}"
    return f"{origin}{PATH}/#code={code}"
