"""The registry's routes, its limits, its probes and what monitoring is told."""

import shutil
from pathlib import Path
from typing import Literal

from fastapi import FastAPI

from takeback.apps.registry_rules import gate_rules, proof_gate
from takeback.apps.registry_services import Ground, Services
from takeback.errors import UnavailableError
from takeback.exchange.gate import PartnerGate
from takeback.exchange.http import feed_routes
from takeback.exchange.match.http import match_routes
from takeback.exchange.ncmec.http import ncmec_routes
from takeback.exchange.snapshot_http import WAIT_PATH, snapshot_routes
from takeback.exchange.stopncii.http import stopncii_routes
from takeback.exchange.watch import ListWatch
from takeback.httpkit.application import bare_app
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.limits import BodyLimit, InFlightLimit
from takeback.httpkit.logs import EventLog
from takeback.httpkit.metrics import Face, Gauge
from takeback.httpkit.pages import mount_digests, mount_page
from takeback.httpkit.problem import install_problem_handlers, problem_replies
from takeback.httpkit.rate import RequestRate
from takeback.httpkit.stopping import stopping_of
from takeback.registry.batcher import Batcher
from takeback.registry.http import case_routes
from takeback.registry.proof_http import proof_routes
from takeback.registry.service import RegistryService
from takeback.settings import RegistrySettings

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


def registry_app(ground: Ground, services: Services, batcher: Batcher, log: EventLog) -> FastAPI:
    """All routes but the console's, behind all limits.

    Args:
        ground: what the services stand on.
        services: what the routes call.
        batcher: asked whether batches succeed.
        log: where failures go.
    """
    settings, app = ground.settings, bare_app("Takeback registry")
    gate = PartnerGate(services.partners, RequestRate(ground.clock), gate_rules(settings))
    proofs = proof_gate(settings, ground.writer, ground.clock, ground.processes)
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
    mount_digests(app)
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes, by_prefix=_BODY_BYTES)
    app.add_middleware(InFlightLimit, max_in_flight=settings.max_in_flight, exempt=("/healthz", WAIT_PATH))
    app.add_middleware(SecurityHeaders, passkeys_below="/operator/")
    return app


def face_of(path: str) -> Face:
    """Whom a path is for, as monitoring counts."""
    return next((face for prefix, face in _FACES.items() if path.startswith(prefix)), Face.PAGE)


def gauges(settings: RegistrySettings, registry: RegistryService) -> list[Gauge]:
    """What monitoring is told beside counts of requests."""
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
