"""The registry, the kit and the sample platform, side by side on loopback: what ``takeback demo`` shows.

Three real servers with their real data directories, in one process so that one Ctrl-C ends them all. Short intervals,
because nobody wants to wait for a demonstration.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pydantic import SecretStr
from starlette.types import ASGIApp

from takeback.apps.demo_story import DemoAddresses
from takeback.apps.platform import build_platform
from takeback.apps.registry import build_registry
from takeback.apps.sample import build_sample
from takeback.clock import Clock
from takeback.exchange.partners import PartnerService
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm
from takeback.settings import PlatformSettings, RegistrySettings, SampleSettings

_BATCH_INTERVAL_S = 2.0
_SYNC_INTERVAL_S = 1.0
_PROOF_ROUNDS = 100
_PARTNER = "Sample platform"


@dataclass(frozen=True, slots=True)
class DemoPorts:
    """Where the three listen; 0 takes a free port."""

    registry: int = 0
    kit: int = 0
    sample: int = 0


@contextmanager
def running_demo(
    folder: Path, clock: Clock, ports: DemoPorts, log: TextIO, watch: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[DemoAddresses]:
    """Start all three, and stop them in the order that lets running requests finish.

    Args:
        folder: where their data goes.
        clock: the time.
        ports: where to listen.
        log: where their logs go.
        watch: wraps the registry, so that a test sees every request it gets.

    Raises:
        TakebackError: one of them cannot start.
    """
    events = open_log(log)
    with ExitStack() as stack:
        registry = build_registry(
            RegistrySettings(
                data_dir=folder / "registry",
                batch_interval_s=_BATCH_INTERVAL_S,
                batch_min_cases=1,
                canaries=0,
                proof_rounds=_PROOF_ROUNDS,
            ),
            clock,
            events,
        )
        stack.callback(registry.close)
        registry.start()
        key = _partner_key(registry.services.partners)
        registry_server = stack.enter_context(Server(watch(registry.app), port=ports.registry))

        kit = stack.enter_context(
            build_platform(
                PlatformSettings(
                    data_dir=folder / "kit",
                    registry=registry_server.url,
                    key=SecretStr(key),
                    sync_interval_s=_SYNC_INTERVAL_S,
                ),
                clock,
                events,
            )
        )
        kit_server = stack.enter_context(Server(kit.app, port=ports.kit))

        token = SecretStr(kit.keys.api_token)
        sample = stack.enter_context(build_sample(SampleSettings(kit=kit_server.url, kit_token=token), clock, events))
        sample_server = stack.enter_context(Server(sample.app, port=ports.sample))
        yield DemoAddresses(registry_server.url, kit_server.url, sample_server.url, kit.keys.review_code)


def _partner_key(partners: PartnerService) -> str:
    """A key for the sample platform; a fresh one if an earlier demo left its data here, for old keys are not kept."""
    for partner in partners.all():
        if partner.name == _PARTNER and partner.is_active:
            return partners.rotate(partner.partner_id).key.text()
    return partners.add(_PARTNER, tuple(Algorithm)).key.text()
